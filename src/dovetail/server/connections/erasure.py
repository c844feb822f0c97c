"""Ending a connection: everything its calendars told is erased, in one transaction, and a receipt is left.

1. The host and the connection are locked, so that no booking and no sync comes between.
2. Calendars, busy time, item states, what was sent and wrong tries are deleted; the keys and the verifier are revoked.
3. The bookings of this epoch are marked detached: they stay on the server, their items stay in the calendar as the
   User's own. The epoch rises now, so nothing of the old one can be taken for the next one's.
4. The receipt in the Activity stream has the counts, no more.
5. After the commit the bytes go too (:mod:`~.checkpoint`).

Settings of the connection, both switches among them, go back to their defaults. Deleting an account erases the same
through the foreign keys, and :func:`on_deleted` does the rest.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from dovetail.server.activity.models import record
from dovetail.server.bookings.claims import lock_host
from dovetail.server.bookings.models import Booking
from dovetail.server.connections import keys, limiter
from dovetail.server.connections.changes import tell_revoked
from dovetail.server.connections.checkpoint import after_erasure
from dovetail.server.connections.models import BusyChunk, Connection, LastReport, State

KEPT = {"id", "user", "connector_id", "epoch"}


@transaction.atomic
def erase(connection: Connection, *, actor: str) -> dict[str, int]:
    """What was erased, by kind. `actor` is ``user`` or ``connector``. Erasing an ended connection erases nothing."""
    host = lock_host(connection.user_id)
    connection = Connection.objects.select_for_update().get(pk=connection.pk)
    if not connection.is_live:
        return {}
    erased = _delete(connection)
    detached = Booking.objects.filter(host=host, epoch=connection.epoch).update(detached=True)
    _reset(connection)
    tell_revoked(connection.connector_id)
    record(host, "connection.disconnected", actor, erased=erased, detached=detached)
    after_erasure()
    return erased


def on_deleted(sender: type[Connection], instance: Connection, **kwargs: Any) -> None:
    """After an account and its connection are deleted: what no foreign key reaches, and the bytes."""
    limiter.forget_id(instance.connector_id)
    tell_revoked(instance.connector_id)
    after_erasure()


def _delete(connection: Connection) -> dict[str, int]:
    chunks = BusyChunk.objects.filter(calendar__connection=connection)
    erased = {
        "calendars": connection.calendars.count(),
        "busy_blocks": sum(len(blocks) for blocks in chunks.values_list("blocks", flat=True)),
        "busy_chunks": chunks.delete()[0],
        "item_states": connection.items.all().delete()[0],
        "reports": LastReport.objects.filter(connection=connection).delete()[0],
        "keys": keys.revoke(connection),
        "wrong_tries": limiter.forget_id(connection.connector_id),
    }
    connection.calendars.all().delete()
    return erased


def _reset(connection: Connection) -> None:
    for field in Connection._meta.concrete_fields:
        if field.name not in KEPT:
            setattr(connection, field.name, field.get_default())
    connection.state = State.DISCONNECTED
    connection.epoch += 1
    connection.save()
