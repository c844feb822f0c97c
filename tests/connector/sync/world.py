"""A whole small world: a calendar with its User, a server with its Customers, a connector between them, and a clock."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from connector.sync.model_server import ModelServer
from dovetail.connector.calendars.memory import Appointment, MemoryCalendar
from dovetail.connector.sync.engine import About, Engine
from dovetail.connector.sync.journal import Journal
from dovetail.connector.sync.keys import Identity, calendar_key
from dovetail.connector.sync.runs import RunReport
from dovetail.protocol.messages import ItemReport, SyncMode
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import to_minutes

START = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
ABOUT = About(version="1", platform="test", mode=SyncMode.AUTO)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


class World:
    """Calendars "main" (bookings go there), "busy", "copies" (additional) and "other" (no role)."""

    def __init__(self, folder: Path, server: Callable[[Callable[[], datetime]], Any] = ModelServer) -> None:
        self.time = START
        self.pc_error = timedelta(0)
        self.folder = folder
        self.calendar = MemoryCalendar("main", "busy", "copies", "other", now=lambda: self.pc_time)
        self.server = server(lambda: self.time)
        self.roles_are_chosen()
        self.journal_kind: type[Journal] = Journal
        self._journal: Journal | None = None

    # --- time ---------------------------------------------------------------------------------------------------------

    @property
    def pc_time(self) -> datetime:
        return self.time + self.pc_error

    def passes(self, time: timedelta) -> None:
        self.time += time

    def at(self, day: int, hour: float) -> datetime:
        """That hour, so many days from the world's beginning."""
        return START.replace(hour=0) + timedelta(days=day, hours=hour)

    def roles_are_chosen(self) -> None:
        self.server.give_roles("main", busy=("busy",), additional=("copies",))

    # --- the connector ------------------------------------------------------------------------------------------------

    def key(self, calendar: str) -> str:
        return calendar_key(self.server.connector_id, calendar)

    @property
    def path(self) -> Path:
        return self.folder / "journal.sqlite"

    @property
    def journal(self) -> Journal:
        if self._journal is None:
            self._journal = self.journal_kind(self.path, Identity(self.server.connector_id, self.server.epoch))
        return self._journal

    def engine(self) -> Engine:
        return Engine(self.calendar, self.server, self.journal, ABOUT, now=lambda: self.pc_time)

    def sync(self, trigger: str = "manual") -> RunReport:
        return self.engine().sync(trigger)

    def ends(self) -> None:
        """The connector's process is no more."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def database_is_lost(self) -> None:
        self.ends()
        for part in self.folder.glob("journal.sqlite*"):
            part.unlink()

    def database_is_copied(self) -> Path:
        """A backup of the PC as it is now."""
        self.ends()
        backup = self.folder / "backup"
        shutil.rmtree(backup, ignore_errors=True)
        backup.mkdir()
        for part in self.folder.glob("journal.sqlite*"):
            shutil.copy(part, backup)
        return backup

    def database_is_replaced_by(self, backup: Path) -> None:
        self.database_is_lost()
        for part in backup.iterdir():
            shutil.copy(part, self.folder)

    # --- the User -----------------------------------------------------------------------------------------------------

    def adds(
        self, start: datetime, length: float = 1, calendar: str = "main", status: BusyStatus = BusyStatus.BUSY
    ) -> str:
        """An appointment of the User's own, `length` in hours. Gives its handle."""
        return self.calendar.user_adds(calendar, block(start, length, status))

    def item(self, booking: UUID, calendar: str = "main") -> Appointment:
        """The one item of a booking in a calendar."""
        (item,) = self.calendar.items_of(booking, calendar)
        return item

    # --- what is to be seen -------------------------------------------------------------------------------------------

    def busy_on_server(self, calendar: str = "main") -> list[tuple[int, int, int]]:
        chunks = sorted(self.server.state.chunks.items())
        return [block for (key, _), blocks in chunks for block in blocks if key == self.key(calendar)]

    def is_busy(self, start: datetime, calendar: str = "main") -> bool:
        """Whether the server takes that minute of the calendar for busy."""
        return any(first <= to_minutes(start) < last for first, last, _ in self.busy_on_server(calendar))

    def reported(self, booking: UUID, calendar: str = "main") -> ItemReport | None:
        found = [
            item for item in self.server.state.items if item.booking == booking and item.calendar == self.key(calendar)
        ]
        return found[0] if found else None


def block(start: datetime, length: float = 1, status: BusyStatus = BusyStatus.BUSY) -> BusyBlock:
    return BusyBlock(to_minutes(start), to_minutes(start + hours(length)), status)


def worlds(folder: Path) -> Iterator[World]:
    world = World(folder)
    yield world
    world.ends()
