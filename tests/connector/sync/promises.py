"""What must never happen (DESIGN.md), whatever the rules of :mod:`connector.sync.machine` do; and how all ends.

The machine knows what the User did, and what the server was last seen to know; the rest it reads from both ends.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from connector.sync.crashing import CrashingJournal
from connector.sync.model_server import ModelServer, State
from connector.sync.world import World
from dovetail.connector.calendars.memory import Appointment, MemoryCalendar
from dovetail.connector.sync.state import CANCELED_PREFIX, interval_of, window_from
from dovetail.protocol.messages import BookingState, Change, Feedback, ItemOutcome
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.busymap import BusyMap
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval, subtract

BLOCKING = ("main", "busy")
WITH_ITEMS = ("main", "copies")
ALL = ("main", "busy", "copies", "other")


class Promises(RuleBasedStateMachine):
    kind: Callable[[Callable[[], datetime]], Any] = ModelServer

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="dovetail-machine-"))
        self.world = World(self.folder, self.kind)
        self.world.journal_kind = CrashingJournal
        self.world.server.heard = self.heard
        self.calendar: MemoryCalendar = self.world.calendar
        self.server = self.world.server
        self.own: dict[tuple[str, str], Appointment] = {}
        self.agreed: dict[tuple[str, str], tuple[int, tuple[BusyBlock, ...]]] = {}
        self.removed: set[tuple[UUID, str]] = set()
        self.stays_removed: dict[tuple[UUID, str], int] = {}
        self.deleted: set[UUID] = set()
        self.moved_away: dict[tuple[str, str], UUID] = {}
        self.moved: dict[UUID, set[tuple[datetime, datetime]]] = {}
        self.forgetful = self.confirmed = False
        self.troubled_since: dict[str, datetime] = {}
        self.backup: Path | None = None
        self.snapshot: State | None = None

    def teardown(self) -> None:
        try:
            self.all_comes_together()
        finally:
            self.world.ends()
            shutil.rmtree(self.folder)

    # --- what must never happen ---------------------------------------------------------------------------------------

    def heard(self, change: Feedback) -> None:
        """The server is about to act on what it was told that the User did."""
        booking = change.booking
        assert not self.calendar.items_of(booking, "main") or change.change is Change.MOVED
        if change.change is Change.DELETED:
            assert booking in self.deleted, "canceled, and nobody deleted anything"
        else:
            assert (change.start, change.end) in self.moved.get(booking, ())

    @invariant()
    def what_the_server_knew_and_what_is_still_there_is_busy(self) -> None:
        window = interval_of(window_from(self.world.time.date(), self.server.window_days - 4))
        ahead = Interval(to_minutes(self.world.time), window.end)
        busy = {
            calendar: [Interval(start, end) for start, end, _ in self.world.busy_on_server(calendar)]
            for calendar in BLOCKING
        }
        for (calendar, handle), (edits, blocks) in self.agreed.items():
            item = self.calendar._calendars[calendar].items.get(handle)
            if item is not None and item.edits == edits:
                for start, end, _ in blocks:
                    part = Interval(max(start, ahead.start), min(end, ahead.end))
                    assert not subtract([part], busy[calendar]), "busy time was lost"

    @invariant()
    def no_booking_has_two_items_in_a_calendar(self) -> None:
        for booking in self.server.state.bookings:
            for calendar in ALL:
                assert len(self.calendar.items_of(booking, calendar)) <= 1

    @invariant()
    def nothing_of_the_users_own_was_touched(self) -> None:
        assert self.calendar.offences == []
        for (calendar, handle), item in self.own.items():
            assert self.calendar.item(calendar, handle) == item

    @invariant()
    def nothing_private_was_told(self) -> None:
        for request in self.server.requests:
            assert "Oncologist" not in request.model_dump_json()
        self.server.requests.clear()

    # --- and in the end -----------------------------------------------------------------------------------------------

    @rule()
    def all_comes_together(self) -> None:
        """Two clean syncs, with a word of the User's between them where deletions wait for it."""
        self.all_is_well_again()
        self.world.passes(timedelta(minutes=1))
        self.world.sync()
        self.world.journal.confirm_removals()
        self.world.sync()

        self.bookings_are_in_the_calendar()
        self.busy_time_is_on_the_server()
        self.another_sync_does_nothing()
        self.forgetful = self.confirmed = False
        self.agreed = {
            (calendar, item.handle): (item.edits, tuple(b for b in item.blocks() if b.status is not BusyStatus.FREE))
            for calendar in BLOCKING
            for item in self.calendar.items(calendar)
            if (calendar, item.handle) in self.own and not self.is_booked(calendar, item)
        }

    def window(self) -> Interval:
        return interval_of(window_from(self.world.time.date(), self.server.window_days))

    def is_booked(self, calendar: str, item: Appointment) -> bool:
        """Whether it is the item of a live booking, whose time the server knows from the booking."""
        stamp = item.stamp
        if stamp is None or stamp.epoch != self.server.epoch or stamp.handle != item.handle:
            return False
        booking = self.server.state.bookings.get(stamp.booking)
        if booking is None or booking.state is not BookingState.LIVE or to_minutes(booking.end) <= self.window().start:
            return False
        return self.world.key(calendar) in booking.calendars

    def busy_time_is_on_the_server(self) -> None:
        truth = {
            self.world.key(calendar): [
                block
                for item in self.calendar.items(calendar)
                if not self.is_booked(calendar, item)
                for block in item.blocks()
            ]
            for calendar in BLOCKING
        }
        expected = BusyMap.reduce(truth, self.window()).chunks
        assert self.server.state.chunks == {
            key: tuple((start, end, int(status)) for start, end, status in blocks) for key, blocks in expected.items()
        }

    def bookings_are_in_the_calendar(self) -> None:
        for booking in self.server.state.bookings.values():
            if to_minutes(booking.end) <= self.window().start:
                continue
            for calendar in WITH_ITEMS:
                found = self.calendar.items_of(booking.id, calendar)
                reported = self.world.reported(booking.id, calendar)
                if not found:
                    gone = (booking.id, calendar) in self.removed or self.has_a_copy(calendar, booking)
                    assert gone or booking.state is BookingState.CANCELED, "a booking is not in the calendar"
                    assert reported is None or reported.outcome in (ItemOutcome.GONE, ItemOutcome.ELSEWHERE)
                    continue
                (item,) = found
                assert item.stamp
                assert self.stays_removed.get((booking.id, calendar)) != booking.revision, "what was removed came back"
                assert item.stamp.revision == booking.revision
                assert reported is not None
                assert (reported.outcome, reported.revision) == (ItemOutcome.WRITTEN, booking.revision)
                assert (reported.start, reported.end) == (item.fields.start, item.fields.end)
                if booking.state is BookingState.CANCELED:
                    assert item.fields.subject.startswith(CANCELED_PREFIX)

    def has_a_copy(self, calendar: str, booking: Any) -> bool:
        """Whether the User has put a copy of it there: a second item beside that would look like two bookings."""
        stamps = [item.stamp for item in self.calendar.items(calendar) if item.stamp is not None]
        return any(stamp.booking == booking.id and stamp.revision == booking.revision for stamp in stamps)

    def another_sync_does_nothing(self) -> None:
        writes, root, bookings = len(self.calendar.writes), self.server.root, dict(self.server.state.bookings)
        report = self.world.sync()
        assert (report.requests, report.chunks_sent, report.feedback) == (1, 0, 0)
        assert len(self.calendar.writes) == writes
        assert (self.server.root, self.server.state.bookings) == (root, bookings)
