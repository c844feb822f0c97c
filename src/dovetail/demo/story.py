"""What the steps of the demo's check share: the running programs, the people, and how a step says what must be true."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dovetail.demo import data_file, diary
from dovetail.demo.people import Customer, User
from dovetail.demo.programs import Connector, Pairing, Server, wait_until

SOON = 30.0
"""Seconds within which a change on one side must show on the other; the connector syncs every second."""


class Falsehood(Exception):
    """Something that must be true is not."""


def require(holds: object, otherwise: str) -> None:
    if not holds:
        raise Falsehood(otherwise)


@dataclass
class Story:
    """`calendar` is the folder the connector keeps in step, `data_file` what of Outlook's it reads beside it; `booked`
    is when the booking at the path `booking` is."""

    server: Server
    connector: Connector
    calendar: Path
    calendar_name: str
    user: User
    customer: Customer
    data_file: Path | None = None
    booking: str = ""
    booked: datetime = field(default_factory=lambda: datetime.now(UTC))
    figures: dict[str, object] = field(default_factory=dict)

    @property
    def first_day(self) -> datetime:
        """Two days ahead: lead time and the end of a day play no part from there on."""
        return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)

    def slots(self) -> list[datetime]:
        return self.customer.slots(self.first_day.date(), 42)

    def pair(self, pairing: Pairing) -> None:
        beside = [data_file.spec(self.data_file)] if self.data_file else []
        self.connector.pair(self.server, pairing, self.calendar, *beside)

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

    def settle(self) -> None:
        """Two syncs of the running connector have passed: what it had to say is said."""
        for _ in range(2):
            before = self.connector.status()["last_sync"]
            self.wait(lambda before=before: self.connector.status()["last_sync"] != before, "the connector syncs")
