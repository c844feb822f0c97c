"""When a connector is woken: what happens elsewhere in the server, turned into hints and kicks.

1. A booking changed that its calendar shows, or is to show.
2. The User chose other calendars, other switches or another horizon.
3. A Customer opened a booking page whose busy time is older than the page allows: the next look shall be at fresh
   times. Once in LOOK_SECONDS for each User, whoever asks however often.
4. The credential was revoked: by a disconnect, a new token or the end of the account.

All of it comes after the commit, in the thread that committed.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min, Q
from django.db.models.signals import post_delete, post_save
from django.utils import timezone

from dovetail.protocol.hints import Hint
from dovetail.protocol.messages import SyncMode
from dovetail.server.bookings.changes import booking_changed, page_opened
from dovetail.server.bookings.models import Booking
from dovetail.server.connections import desired
from dovetail.server.connections.changes import credential_revoked, settings_changed
from dovetail.server.connections.models import Connection, State
from dovetail.server.pages.models import BookingPage, EventType
from dovetail.server.realtime import bus

LOOK_SECONDS = 60.0

_looked: dict[int, float] = {}


def watch() -> None:
    booking_changed.connect(_booking_changed)
    settings_changed.connect(_settings_changed)
    page_opened.connect(_page_opened)
    credential_revoked.connect(_revoked)
    post_save.connect(_event_type_changed, sender=EventType)
    post_delete.connect(_event_type_changed, sender=EventType)


def _booking_changed(booking: Booking, **kwargs: Any) -> None:
    if booking.was_scheduled and not booking.detached:
        _wake(booking.host_id)


def _settings_changed(user_id: int, **kwargs: Any) -> None:
    _wake(user_id)


def _event_type_changed(instance: EventType, **kwargs: Any) -> None:
    page = BookingPage.objects.filter(pk=instance.page_id).first() if _is_anybody_there() else None
    if page is not None:
        transaction.on_commit(lambda: _wake(page.user_id), robust=True)


def _page_opened(page: BookingPage, **kwargs: Any) -> None:
    now = time.monotonic()
    if not _is_anybody_there() or now - _looked.get(page.user_id, -LOOK_SECONDS) < LOOK_SECONDS:
        return
    connection = _connection(page.user_id)
    if connection is not None and connection.mode != SyncMode.MANUAL and _is_old(connection, page):
        _looked[page.user_id] = now
        _hint(connection)


def _revoked(connector_id: str, **kwargs: Any) -> None:
    bus.current().kick(connector_id)


def _wake(user_id: int) -> None:
    connection = _connection(user_id) if _is_anybody_there() else None
    if connection is not None:
        _hint(connection)


def _hint(connection: Connection) -> None:
    cursor = desired.cursor(connection, connection.user.change_seq)
    bus.current().hint(connection.connector_id, Hint(cursor=cursor))


def _is_anybody_there() -> bool:
    return bus.current() is not bus.NOWHERE


def _connection(user_id: int) -> Connection | None:
    return Connection.objects.select_related("user").exclude(state=State.DISCONNECTED).filter(user=user_id).first()


def _is_old(connection: Connection, page: BookingPage) -> bool:
    blocking = connection.calendars.filter(Q(is_main=True) | Q(is_busy=True))
    oldest = blocking.aggregate(at=Min("busy_as_of"))["at"]
    return oldest is None or timezone.now() - oldest > timedelta(minutes=page.stale_after_minutes)
