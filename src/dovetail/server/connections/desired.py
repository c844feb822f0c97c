"""Bookings: server to calendar. The desired state of every booking that changed after a cursor.

A cursor is ``<epoch>.<generation>-<sequence number of the last change handed out>``. One of another epoch, of before a
change of the booking calendars, from the future, or no cursor at all is answered in full: with all bookings of this
epoch, standing or canceled, but for those that ended before the connector's window begins.

A booking's items stay in the calendars they were written to, whatever the roles are now: a second item elsewhere would
be one too many. Where none was written, or in calendars of today only, the roles of today count: a copy may have been
written while the main booking calendar could not be.

Never handed out: requests nobody has approved, and bookings of an earlier epoch, whose items are the User's own now.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from dovetail.protocol.messages import BookingState, CalendarKey, DesiredBooking, Roles, ShowAs
from dovetail.server.accounts.models import User
from dovetail.server.bookings.models import Booking, Status
from dovetail.server.connections.models import Connection, ItemState
from dovetail.server.notifications.compose import absolute

KEPT = timedelta(days=2)
"""How long ago a booking may have ended: the connector's window begins with yesterday."""
CANCELED_PREFIX = "CANCELED: "


@dataclass(frozen=True)
class Handout:
    """`full`: these are all there are."""

    cursor: str
    full: bool
    bookings: tuple[DesiredBooking, ...]


def after(connection: Connection, host: User, after_cursor: str, roles: Roles, now: datetime) -> Handout:
    """`host` is locked, so that no change is numbered meanwhile."""
    prefix = cursor(connection, "")
    reached = _sequence(after_cursor, prefix)
    full = reached is None or reached > host.change_seq
    bookings = _ours(connection).filter(seq__lte=host.change_seq)
    bookings = bookings.filter(end__gte=now - KEPT) if full else bookings.filter(seq__gt=reached)
    written = _written(connection, bookings)
    wanted = ((booking, _calendars(roles, written.get(booking.pk, ()))) for booking in bookings)
    told = tuple(_wanted(booking, calendars) for booking, calendars in wanted if calendars)
    return Handout(cursor(connection, host.change_seq), full, told)


def cursor(connection: Connection, sequence: int | str) -> str:
    return f"{connection.epoch}.{connection.generation}-{sequence}"


def _ours(connection: Connection) -> QuerySet[Booking]:
    """A request has no epoch until it is approved."""
    bookings = Booking.objects.filter(host=connection.user_id, epoch=connection.epoch, detached=False)
    return bookings.select_related("event_type").order_by("seq")


def _sequence(cursor: str, prefix: str) -> int | None:
    number = cursor.removeprefix(prefix)
    if number == cursor or not re.fullmatch(r"[0-9]{1,18}", number):
        return None
    return int(number)


def _written(connection: Connection, bookings: Iterable[Booking]) -> dict[UUID, list[CalendarKey]]:
    """The calendars that have, or had, an item of each of these bookings."""
    written: dict[UUID, list[CalendarKey]] = {}
    ids = [booking.pk for booking in bookings]
    items = ItemState.objects.filter(connection=connection, booking__in=ids, revision__gt=0).order_by("calendar")
    for booking, calendar in items.values_list("booking", "calendar"):
        written.setdefault(booking, []).append(calendar)
    return written


def _calendars(roles: Roles, written: Collection[CalendarKey]) -> tuple[CalendarKey, ...]:
    is_elsewhere = roles.main not in written and not set(written) <= set(roles.additional)
    of_today = [] if is_elsewhere else [roles.main, *roles.additional]
    return tuple(dict.fromkeys(key for key in [*of_today, *written] if key is not None))


def _wanted(booking: Booking, calendars: tuple[CalendarKey, ...]) -> DesiredBooking:
    canceled = booking.status == Status.CANCELED
    return DesiredBooking(
        booking=booking.pk,
        revision=booking.revision,
        state=BookingState.CANCELED if canceled else BookingState.LIVE,
        start=booking.start,
        end=booking.end,
        subject=f"{CANCELED_PREFIX}{booking.subject}" if canceled else booking.subject,
        body=_body(booking),
        location=booking.location,
        show_as=ShowAs.FREE if canceled else ShowAs.BUSY,
        calendars=calendars,
    )


def _body(booking: Booking) -> str:
    """Everything collected during booking; a line without content is left out. The link asks the User to sign in, so
    those with whom the calendar is shared cannot use it."""
    lines = [
        f"{booking.event_type}" if booking.event_type else "",
        f"Customer: {booking.customer_name} <{booking.customer_email}>",
        f"Reason: {booking.cancel_reason}" if booking.cancel_reason else "",
        f"\n{booking.customer_note}\n" if booking.customer_note else "",
        f"Manage this booking: {absolute('booking', booking.pk)}",
    ]
    return "\n".join(line for line in lines if line)
