"""Noticing that a connector has gone silent, and telling its User: silence must never pass for an empty calendar.

Missing means: not heard of for longer than the strictest of the User's pages allows. Not in manual mode, where silence
is usual. `missing_since` is when it was last heard of; the next contact ends it (:mod:`~.sync`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Min

from dovetail.protocol.messages import SyncMode
from dovetail.server.activity.models import record
from dovetail.server.connections.models import Connection, State
from dovetail.server.notifications.jobs import tell_connector_missing

WITHOUT_A_PAGE = timedelta(minutes=60)


def look_for_missing(now: datetime) -> None:
    """The caller holds a transaction."""
    heard_of = Connection.objects.filter(state=State.CONNECTED, missing_since=None, last_contact__lt=now)
    for connection in heard_of.exclude(mode=SyncMode.MANUAL).select_related("user"):
        seen = connection.last_contact
        if seen is not None and now - seen > _patience(connection):
            _note(connection, seen)


def _patience(connection: Connection) -> timedelta:
    minutes: int | None = connection.user.pages.aggregate(least=Min("stale_after_minutes"))["least"]
    return WITHOUT_A_PAGE if minutes is None else timedelta(minutes=minutes)


def _note(connection: Connection, seen: datetime) -> None:
    still = Connection.objects.filter(pk=connection.pk, state=State.CONNECTED, last_contact=seen, missing_since=None)
    if still.update(missing_since=seen):
        connection.missing_since = seen
        record(connection.user, "connection.missing", "server", since=seen.isoformat())
        tell_connector_missing(connection)
