"""What the steps of the demo's check share: the running programs, the people, and how a step says what must be true."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dovetail.demo import data_file, diary
from dovetail.demo.firewall import Firewall
from dovetail.demo.people import Customer, User
from dovetail.demo.programs import Connector, Pairing, Server, wait_until

SOON = 30.0
"""Seconds within which a change on one side must show on the other."""


class Falsehood(Exception):
    """Something that must be true is not."""


def require(holds: object, otherwise: str) -> None:
    if not holds:
        raise Falsehood(otherwise)


@dataclass
class Story:
    """`calendar` is the folder the connector keeps in step, `data_file` what of Outlook's it reads beside it; `booked`
    is when the booking at the path `booking` is. `front` is the server as the connector reaches it, through `firewall`.
    """

    server: Server
    front: Server
    firewall: Firewall
    connector: Connector
    calendar: Path
    calendar_name: str
    user: User
    customer: Customer
    data_file: Path | None = None
    booking: str = ""
    booked: datetime = field(default_factory=lambda: datetime.now(UTC))
    booked_meanwhile: list[datetime] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)

    @property
    def first_day(self) -> datetime:
        """Two days ahead: lead time and the end of a day play no part from there on."""
        return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)

    def slots(self) -> list[datetime]:
        return self.customer.slots(self.first_day.date(), 42)

    def untouched(self) -> datetime:
        """An open time at which no canceled booking has left its freed item."""
        return next(at for at in self.slots()[7:] if not self.items(at))

    def pair(self, pairing: Pairing) -> None:
        beside = [data_file.spec(self.data_file)] if self.data_file else []
        self.connector.pair(self.front, pairing, self.calendar, *beside)

    def wait(self, look: Callable[[], object], what: str) -> float:
        """Seconds until `look` is true."""
        began = time.monotonic()
        wait_until(look, timeout=SOON, what=what)
        return round(time.monotonic() - began, 2)

    def items(self, at: datetime) -> list[diary.Entry]:
        return diary.at(self.calendar, at)

    def item(self, at: datetime) -> diary.Entry:
        """The one appointment that Dovetail wrote for a booking at that time."""
        found = self.items(at)
        require(len(found) == 1, f"{len(found)} appointments for one booking")
        return found[0]

    def book_and_see(self, at: datetime) -> str:
        """A booking that is in the calendar and told to the server; its path."""
        booking = self.customer.book(at)
        self.wait(lambda: self.items(at), "the booking is in the calendar")
        self.settle()
        return booking

    def syncs(self) -> str:
        """When the connector syncs, as its status has it in a line."""
        return str(self.connector.status()["syncs"])

    def last_trigger(self) -> tuple[str, str]:
        """When the last sync began, and what caused it."""
        last = self.connector.status()["last_try"] or {"started": "", "trigger": ""}
        return last["started"], last["trigger"]

    def settle(self) -> None:
        """Two syncs of the running connector have passed: what it had to say is said."""
        for _ in range(2):
            before = self.connector.status()["last_sync"]
            self.wait(lambda before=before: self.connector.status()["last_sync"] != before, "the connector syncs")
