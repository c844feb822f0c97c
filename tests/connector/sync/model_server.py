"""A server in memory, as small as DESIGN.md allows: the other end of the engine's tests.

It keeps nothing the real one does not keep, applies a report as a whole or not at all, and has a guard of its own.
Messages go through JSON both ways, and can be lost before or after the server has dealt with them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from dovetail.connector.link.port import Unreachable
from dovetail.connector.sync.keys import calendar_key
from dovetail.protocol.messages import (
    BookingState,
    CalendarReport,
    Change,
    DesiredBooking,
    Feedback,
    FeedbackAnswer,
    FeedbackOutcome,
    ItemReport,
    KnownDigests,
    Report,
    ReportAnswer,
    ReportOutcome,
    Roles,
    Settings,
    ShowAs,
    SyncRequest,
    SyncResponse,
)
from dovetail.protocol.report import calendars_digest, items_digest, root_digest
from dovetail.schedule.busymap import CHUNK_MINUTES, chunk_digest
from dovetail.schedule.instants import to_minutes

Blocks = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Booking:
    id: UUID
    start: datetime
    end: datetime
    calendars: tuple[str, ...]
    state: BookingState = BookingState.LIVE
    revision: int = 1
    seq: int = 0
    note: str = ""
    by: str = "customer"

    def wanted(self) -> DesiredBooking:
        return DesiredBooking(
            booking=self.id,
            revision=self.revision,
            state=self.state,
            start=self.start,
            end=self.end,
            subject=f"Intro call {self.id.hex[:4]}",
            body=f"Ada Lovelace {self.note}".strip(),
            location="https://video.example.org/room",
            show_as=ShowAs.BUSY,
            calendars=self.calendars,
        )


@dataclass
class State:
    bookings: dict[UUID, Booking] = field(default_factory=dict)
    seq: int = 0
    calendars: tuple[CalendarReport, ...] = ()
    items: tuple[ItemReport, ...] = ()
    chunks: dict[tuple[str, int], Blocks] = field(default_factory=dict)
    busy_as_of: dict[str, datetime] = field(default_factory=dict)


class ModelServer:
    """Implements ServerPort. `lose`: for each of the next messages "before" or "after" to have it lost then;
    `requests`: all that arrived; `heard` is called before a change by the User is acted on."""

    connector_id = "ABCDEFGH23"

    def __init__(self, now: Callable[[], datetime], epoch: int = 1) -> None:
        self.now = now
        self.epoch = epoch
        self.roles = Roles()
        self.window_days = 20
        self.delete_cancels = self.move_reschedules = False
        self.state = State()
        self.requests: list[SyncRequest] = []
        self.lose: list[str] = []
        self.heard: Callable[[Feedback], None] = lambda change: None
        self.refusals = 0
        self._ids = count(1)

    # --- what people do -----------------------------------------------------------------------------------------------

    def give_roles(self, main: str, busy: tuple[str, ...] = (), additional: tuple[str, ...] = ()) -> None:
        """By the calendars' ids."""
        self.roles = Roles(
            main=calendar_key(self.connector_id, main),
            busy=tuple(calendar_key(self.connector_id, name) for name in busy),
            additional=tuple(calendar_key(self.connector_id, name) for name in additional),
        )

    def switch(self, deletes: bool, moves: bool) -> None:
        self.delete_cancels, self.move_reschedules = deletes, moves

    def book(self, start: datetime, end: datetime) -> UUID:
        booking = UUID(int=next(self._ids))
        calendars = (self.roles.main, *self.roles.additional) if self.roles.main else ()
        self.put(Booking(booking, start, end, tuple(c for c in calendars if c)))
        return booking

    def reschedule(self, booking: UUID, start: datetime, end: datetime, by: str = "customer") -> None:
        self._change(booking, start=start, end=end, by=by)

    def cancel(self, booking: UUID, by: str = "customer") -> None:
        self._change(booking, state=BookingState.CANCELED, by=by)

    def annotate(self, booking: UUID, note: str) -> None:
        self._change(booking, note=note)

    def disconnect(self) -> None:
        """Erase what the connector told; its bookings are no longer the next connection's."""
        self.epoch += 1
        self.state = State(seq=self.state.seq)

    def snapshot(self) -> State:
        return copy.deepcopy(self.state)

    def live(self) -> list[Booking]:
        return [booking for booking in self.state.bookings.values() if booking.state is BookingState.LIVE]

    def is_free(self, start: datetime, end: datetime, without: UUID | None = None) -> bool:
        """Among Dovetail's own bookings: the server never books one time twice."""
        return all(b.end <= start or b.start >= end for b in self.live() if b.id != without)

    def _change(self, booking: UUID, **changes: Any) -> None:
        before = self.state.bookings[booking]
        self.put(replace(before, revision=before.revision + 1, **changes))

    def put(self, booking: Booking) -> None:
        self.state.seq += 1
        self.state.bookings[booking.id] = replace(booking, seq=self.state.seq)

    # --- the port -----------------------------------------------------------------------------------------------------

    def exchange(self, request: SyncRequest) -> SyncResponse:
        lost = self.lose.pop(0) if self.lose else ""
        if lost == "before":
            raise Unreachable("The message was lost.")
        request = SyncRequest.model_validate_json(request.model_dump_json())
        assert request.epoch == self.epoch
        self.requests.append(request)
        confirmed = request.report.confirmed_removals if request.report else ()
        feedback = tuple(self._feedback(request.feedback, confirmed=self.roles.main in confirmed))
        if request.calendars is not None:
            self.state.calendars = request.calendars
        report = self._report(request.report)
        seq = int(request.cursor) if request.cursor else -1
        full = not 0 <= seq <= self.state.seq
        response = SyncResponse(
            epoch=self.epoch,
            server_time=self.now(),
            settings=Settings(
                roles=self.roles,
                window_days=self.window_days,
                delete_cancels=self.delete_cancels,
                move_reschedules=self.move_reschedules,
            ),
            report=report,
            cursor=str(self.state.seq),
            full=full,
            bookings=tuple(
                booking.wanted()
                for booking in self.state.bookings.values()
                if (full and booking.end > self.now() - timedelta(days=2)) or (not full and booking.seq > seq)
            ),
            feedback=feedback,
        )
        if lost == "after":
            raise Unreachable("The answer was lost.")
        return SyncResponse.model_validate_json(response.model_dump_json())

    @property
    def root(self) -> str:
        return self._root(self.state)

    def _root(self, state: State) -> str:
        return root_digest(
            calendars_digest(state.calendars),
            items_digest(state.items),
            {key: chunk_digest(blocks) for key, blocks in state.chunks.items()},  # type: ignore[arg-type]
        )

    def _report(self, report: Report | None) -> ReportAnswer:
        if report is None:
            return ReportAnswer(outcome=ReportOutcome.NONE, root=self.root)
        if report.base != self.root:
            digests = KnownDigests(
                calendars=calendars_digest(self.state.calendars),
                items=items_digest(self.state.items),
                chunks={
                    f"{calendar}/{index}": chunk_digest(blocks)  # type: ignore[arg-type]
                    for (calendar, index), blocks in self.state.chunks.items()
                },
            )
            return ReportAnswer(outcome=ReportOutcome.MISMATCH, root=self.root, digests=digests)
        after = copy.copy(self.state)
        after.chunks = dict(self.state.chunks)
        for chunk in report.chunks:
            assert chunk_digest(chunk.blocks) == chunk.digest  # type: ignore[arg-type]
            week = range(chunk.index * CHUNK_MINUTES, (chunk.index + 1) * CHUNK_MINUTES + 1)
            assert all(start in week and end in week for start, end, _ in chunk.blocks)
            if chunk.blocks:
                after.chunks[chunk.calendar, chunk.index] = chunk.blocks
            else:
                after.chunks.pop((chunk.calendar, chunk.index), None)
        if report.calendars is not None:
            after.calendars = report.calendars
        if report.items is not None:
            after.items = report.items
        assert self._root(after) == report.root
        refused = tuple(sorted(set(self._losing_too_much(after)) - set(report.confirmed_removals)))
        if refused:
            self.refusals += 1
            return ReportAnswer(outcome=ReportOutcome.REFUSED, root=self.root, refused=refused)
        told = {calendar: min(as_of, self.now()) for calendar, as_of in report.busy_as_of.items()}
        after.busy_as_of = {**self.state.busy_as_of, **told}
        self.state = after
        return ReportAnswer(outcome=ReportOutcome.APPLIED, root=self.root)

    def _losing_too_much(self, after: State) -> Iterable[str]:
        """Calendars of which more than max(5, 20 %) of the blocks that lie ahead would go."""
        now = to_minutes(self.now())
        for calendar in {calendar for calendar, _ in self.state.chunks}:
            before, later = (
                {
                    block
                    for (key, _), blocks in state.chunks.items()
                    for block in blocks
                    if key == calendar and block[0] >= now
                }
                for state in (self.state, after)
            )
            if len(before - later) - len(later - before) >= max(5, 0.2 * len(before)):
                yield calendar

    def _feedback(self, feedback: tuple[Feedback, ...], *, confirmed: bool) -> Iterable[FeedbackAnswer]:
        many = len(feedback) > max(5, 0.2 * len(self.live())) and not confirmed
        for change in feedback:
            yield FeedbackAnswer(booking=change.booking, outcome=FeedbackOutcome.HELD if many else self._heed(change))

    def _heed(self, change: Feedback) -> FeedbackOutcome:
        deleted = change.change is Change.DELETED
        if not (self.delete_cancels if deleted else self.move_reschedules):
            return FeedbackOutcome.SWITCHED_OFF
        booking = self.state.bookings.get(change.booking)
        if booking is None or booking.state is not BookingState.LIVE or booking.revision != change.revision:
            return FeedbackOutcome.STALE
        self.heard(change)
        if deleted:
            self.cancel(booking.id, by="user")
            return FeedbackOutcome.ACCEPTED
        assert change.start is not None
        assert change.end is not None
        if not self.is_free(change.start, change.end, without=booking.id):
            return FeedbackOutcome.CONFLICT
        self.reschedule(booking.id, change.start, change.end, by="user")
        return FeedbackOutcome.ACCEPTED
