"""A connector as simple as can be: it knows its calendars by heart and tells the server what is new, in process.

An oracle for the server's side: the digests come from :mod:`dovetail.protocol.report`, the bookkeeping is its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from dovetail.protocol.messages import (
    Access,
    CalendarReport,
    Chunk,
    ConnectorStatus,
    Feedback,
    ItemOutcome,
    ItemReport,
    KnownDigests,
    Report,
    ReportOutcome,
    ShowAs,
    SyncMode,
    SyncRequest,
    SyncResponse,
    Window,
)
from dovetail.protocol.report import EMPTY_ROOT, NO_CALENDARS, NO_ITEMS, calendars_digest, items_digest, root_digest
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.busymap import BusyMap, ChunkKey, chunk_digest
from dovetail.schedule.instants import to_minutes
from dovetail.server.bookings.models import Booking
from dovetail.server.connections.horizon import days_interval
from dovetail.server.connections.models import BusyChunk, Connection
from dovetail.server.connections.sync import InProcess

WORK, HOME, TEAM = "a" * 16, "b" * 16, "c" * 16

STATUS = ConnectorStatus(version="1.0", platform="test", mode=SyncMode.AUTO, interval_minutes=5)


def calendar(key: str, name: str, access: Access = Access.BOOKABLE, *, default: bool = False) -> CalendarReport:
    return CalendarReport(key=key, name=name, access=access, default=default)


CALENDARS = (
    calendar(WORK, "Work", default=True),
    calendar(HOME, "Home"),
    calendar(TEAM, "Team", Access.BUSY_ONLY),
)


def item(booking: Booking, calendar: str = WORK, **changes: Any) -> ItemReport:
    """The booking's item, as it was written unless something has changed."""
    state = {
        "booking": booking.pk,
        "calendar": calendar,
        "revision": booking.revision,
        "outcome": ItemOutcome.WRITTEN,
        "start": booking.start,
        "end": booking.end,
        "show_as": ShowAs.BUSY,
    }
    return ItemReport(**{**state, **changes})


@dataclass
class Known:
    """What the server was last known to hold."""

    calendars: str = NO_CALENDARS
    items: str = NO_ITEMS
    chunks: dict[ChunkKey, str] = field(default_factory=dict)
    root: str = EMPTY_ROOT

    @classmethod
    def of(cls, root: str, digests: KnownDigests) -> Known:
        chunks = {}
        for name, digest in digests.chunks.items():
            key, _, index = name.partition("/")
            chunks[key, int(index)] = digest
        return cls(digests.calendars, digests.items, chunks, root)


@dataclass
class Reporter:
    connection: Connection
    clock: Any
    days_ahead: int = 61
    calendars: tuple[CalendarReport, ...] = CALENDARS
    busy: dict[str, list[BusyBlock]] = field(default_factory=dict)
    items: tuple[ItemReport, ...] = ()
    known: Known = field(default_factory=Known)
    cursor: str = ""
    blocking: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()

    def window(self) -> Window:
        today: date = self.clock().date()
        return Window(first_day=today - timedelta(days=1), last_day=today + timedelta(days=self.days_ahead))

    def seen(self) -> BusyMap:
        window = self.window()
        told = {key: self.busy.get(key, []) for key in self.blocking}
        return BusyMap.reduce(told, days_interval(window.first_day, window.last_day))

    def report(self, **changes: Any) -> Report:
        seen = self.seen()
        digests = seen.digests()
        root = root_digest(calendars_digest(self.calendars), items_digest(self.items), digests)
        new_calendars = self.known.calendars != calendars_digest(self.calendars)
        new_items = self.known.items != items_digest(self.items)
        differing = [key for key in {*digests, *self.known.chunks} if digests.get(key) != self.known.chunks.get(key)]
        report = Report(
            base=self.known.root,
            root=root,
            window=self.window(),
            busy_as_of=dict.fromkeys(self.blocking, self.clock()),
            calendars=self.calendars if new_calendars else None,
            items=self.items if new_items else None,
            chunks=tuple(chunk(key, seen.chunks.get(key, ())) for key in sorted(differing)),
            confirmed_removals=self.confirmed,
        )
        return report.model_copy(update=changes)

    def request(self, report: Report | None = None, *feedback: Feedback, **changes: Any) -> SyncRequest:
        request = SyncRequest(
            epoch=self.connection.epoch, connector=STATUS, cursor=self.cursor, report=report, feedback=feedback
        )
        return request.model_copy(update=changes)

    def ask(self, request: SyncRequest) -> SyncResponse:
        return InProcess(self.connection, self.clock).exchange(request)

    def tell(self, *feedback: Feedback, **changes: Any) -> SyncResponse:
        """One report, believed if it was applied."""
        return self.heed(self.ask(self.request(self.report(**changes), *feedback)))

    def heed(self, answer: SyncResponse) -> SyncResponse:
        self.cursor = answer.cursor
        roles = answer.settings.roles
        if answer.report.outcome is ReportOutcome.APPLIED:
            self.known = Known(
                calendars_digest(self.calendars), items_digest(self.items), self.seen().digests(), answer.report.root
            )
        elif answer.report.digests is not None:
            self.known = Known.of(answer.report.root, answer.report.digests)
        self.blocking = tuple(key for key in (roles.main, *roles.busy) if key is not None)
        return answer

    def begin(self) -> SyncResponse:
        """The first sync: the list of calendars, then everything that blocks."""
        self.heed(self.ask(self.request(calendars=self.calendars)))
        answer = self.tell()
        assert answer.report.outcome is ReportOutcome.APPLIED
        return answer

    def meet(self, key: str, start: datetime, hours: float = 1, status: int = 2) -> None:
        """An appointment of the User's own."""
        first = to_minutes(start)
        self.busy.setdefault(key, []).append(BusyBlock(first, first + int(hours * 60), BusyStatus(status)))


def chunk(key: ChunkKey, blocks: tuple[BusyBlock, ...]) -> Chunk:
    rows = tuple((start, end, int(status)) for start, end, status in blocks)
    return Chunk(calendar=key[0], index=key[1], digest=chunk_digest(blocks), blocks=rows)


def held_by_server(connection: Connection) -> dict[ChunkKey, tuple[BusyBlock, ...]]:
    rows = BusyChunk.objects.filter(calendar__connection=connection).select_related("calendar")
    return {
        (row.calendar.key, row.index): tuple(BusyBlock(s, e, BusyStatus(status)) for s, e, status in row.blocks)
        for row in rows
    }
