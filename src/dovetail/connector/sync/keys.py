"""Who this connector is, and the opaque names under which its calendars are known to the server.

A calendar's key is the first 16 hex digits of HMAC-SHA256(Connector ID, the adapter's id): the same after the
connector's database is lost, another for another connection, and it tells the server nothing of the adapter's id, which
may be a path.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from dovetail.connector.calendars.port import Item, Stamp


def calendar_key(connector_id: str, calendar: str) -> str:
    """16 hex digits (`CalendarKey` of the protocol) for the adapter's calendar id."""
    return hmac.new(connector_id.encode(), calendar.encode(), sha256).hexdigest()[:16]


@dataclass(frozen=True)
class Identity:
    """One pairing: items written by another connector, or before a reconnect raised the epoch, are not ours."""

    connector_id: str
    epoch: int

    def key(self, calendar: str) -> str:
        return calendar_key(self.connector_id, calendar)

    def stamp(self, booking: UUID, revision: int, digest: str, handle: str = "") -> Stamp:
        return Stamp(booking, self.connector_id, self.epoch, revision, digest, handle)

    def stamped(self, item: Item) -> UUID | None:
        """The booking this pairing wrote the item for, copies of it included; None for everybody else's items."""
        stamp = item.stamp
        if stamp is None or (stamp.connector_id, stamp.epoch) != (self.connector_id, self.epoch):
            return None
        return stamp.booking

    def wrote(self, item: Item) -> UUID | None:
        """The booking this pairing wrote the item for; None for copies too."""
        return self.stamped(item) if item.is_original() else None
