"""Outlook's calendars through its object model, as a calendar: listed, scanned, searched, and written to.

A scan reads each calendar's table, and opens an item only when its row is new or says something new; a scan in which
nothing changed opens none. Where a filter by date was proved to be right, rows far from the window are left out. Series
are expanded here. Nothing that would bring up Outlook's security prompt is called, but for one text (see `automation`).

*Complete*  the table was read to its end and holds no fewer rows than the folder says. A table that is empty, where
            something was before, counts only once an item of before is found to be gone. One that was filtered counts
            if it is not empty and each known item that it lacks was looked for, and has left; else it is read whole.
*Gone*      Outlook says that the item does not exist, or lies in another folder, and the calendar can be read.

Where Outlook comes from is not known here: `connect` gives its Application object, `listen` connects its events. Both
are called, and everything else is, in the thread that the port is called in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Any
from uuid import UUID

import tzlocal

from dovetail.connector.calendars.port import (
    CalendarError,
    CalendarInfo,
    Capabilities,
    Draft,
    Gone,
    Item,
    ItemChanged,
    ItemGone,
    Present,
    Probe,
    Progress,
    Scan,
    ScanRequest,
    Stamp,
    Unknown,
    no_progress,
)
from dovetail.connector.outlook.booking_items import Refusals, may_be_written, whole
from dovetail.connector.outlook.object_model import writing
from dovetail.connector.outlook.object_model.appointment import (
    VERSION_SECONDS,
    Reading,
    holds,
    read_appointment,
    read_traits,
)
from dovetail.connector.outlook.object_model.automation import Automation
from dovetail.connector.outlook.object_model.clock import Clock
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.connector.outlook.object_model.gathering import Gathered
from dovetail.connector.outlook.object_model.rows import open_table, rows
from dovetail.connector.outlook.object_model.scratch import make_scratch, remove_scratch
from dovetail.connector.outlook.object_model.session import Session
from dovetail.connector.outlook.object_model.stamping import bears
from dovetail.connector.outlook.object_model.window_filter import FormatDate, WindowFilters
from dovetail.protocol.messages import Access
from dovetail.schedule.instants import to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval

Connect = Callable[[], Any]
Listen = Callable[[Any, Callable[[], None]], AbstractContextManager[None]]
"""Given an Items object: while entered, calls back on its events."""

_EMPTY = "Outlook shows an empty calendar where there were appointments. Is it still starting?"
_MOST_LOOKED_FOR = 25
_NOT_WRITABLE = "Outlook refused to write to it."


class ObjectModelCalendar:
    """Implements CalendarPort. `local` is the zone of the PC; `format_date` writes a day as Outlook reads it in a
    filter, without it every row of a table is read."""

    def __init__(
        self,
        connect: Connect,
        *,
        listen: Listen | None = None,
        format_date: FormatDate | None = None,
        local: tzinfo | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
        between: Callable[[], None] = lambda: None,
        asking: Callable[[str], None] = lambda member: None,
    ) -> None:
        self._connect = connect
        self._listen = listen
        self._local = local
        self._now = now
        self._com = Automation(sleep, between, asking)
        self._open: Session | None = None
        self._handles: dict[str, dict[str, str]] = {}  # by calendar: the lasting handle of each row's id
        self._refusals = Refusals(_NOT_WRITABLE)
        self._filters = WindowFilters(format_date)
        self._watchers: list[Callable[[], None]] = []
        self._listening = ExitStack()

    def capabilities(self) -> Capabilities:
        return Capabilities(watches=self._listen is not None, writes=True, version_seconds=VERSION_SECONDS)

    def list_calendars(self) -> list[CalendarInfo]:
        with self._session() as session:
            return [self._refusals.applied(info) for info in session.calendars()]

    def scan(self, request: ScanRequest, progress: Progress = no_progress) -> Scan:
        as_of = self._now()
        gathered: Gathered | None = None
        try:
            with self._session() as session:
                where = self._filters.proved(request.calendar, request.window)
                table = self._table(session, request.calendar, where)
                gathered = self._gathering(session, request)
                self._walk(table, gathered, progress)
                if where and not self._is_explained(session, request, gathered):
                    self._filters.distrust(request.calendar)
                    where, gathered = "", self._gathering(session, request)
                    self._walk(self._table(session, request.calendar), gathered)
                if not where:
                    self._check(session, request, gathered)
        except OutlookFault:
            if gathered is None:
                raise
            gathered.complete = False
        return gathered.scan(as_of)

    def probe(self, calendar: str, handle: str, window: Interval) -> Probe:
        with self._session() as session:
            try:
                found = self._read(session, calendar, handle).item(calendar, window, self._clock())
            except OutlookFault as fault:
                if fault.outcome is Outcome.DEAD:
                    raise
                if fault.outcome is Outcome.GONE and self._can_be_read(session, calendar):
                    return Gone()
                return Unknown(fault.reason)
        return Present(found) if isinstance(found, Item) else Unknown(found.reason)

    def find_by_booking(self, calendar: str, booking: UUID, window: Interval) -> list[Item]:
        with self._session() as session:
            folder = session.folder(calendar)
            found = []
            for row in rows(self._com, self._table(session, calendar, bears(booking)), self._clock()):
                reading = self._read(session, calendar, row.entry_id)
                if reading.mark is not None and reading.mark.stamp.booking == booking:
                    found.append(whole(reading.item(calendar, window, self._clock())))
            if not found and not self._is_whole(session, ScanRequest(calendar, window), self._count(folder)):
                raise CalendarError(_EMPTY)
            return found

    def create(self, calendar: str, draft: Draft, stamp: Stamp) -> Item:
        with self._session() as session, self._refusals.learning(calendar):
            handle = writing.write_new(self._com, session.folder(calendar), draft, stamp, self._clock())
            return self._written(session, calendar, handle, draft)

    def update(self, calendar: str, handle: str, version: str, draft: Draft, stamp: Stamp) -> Item:
        with self._session() as session, self._refusals.learning(calendar), self._changing(session, calendar):
            item, current = self._own(session, calendar, handle, version, stamp)
            writing.write_over(self._com, item, handle, current, draft, stamp, self._clock())
            del item
            return self._written(session, calendar, handle, draft)

    def delete(self, calendar: str, handle: str, version: str, stamp: Stamp) -> None:
        """To the deleted items, from where its User can take it back."""
        with self._session() as session, self._refusals.learning(calendar), self._changing(session, calendar):
            item, _ = self._own(session, calendar, handle, version, stamp)
            self._com.call(item, "Delete")

    def make_scratch(self) -> str:
        """A calendar to try things in: its id."""
        with self._session() as session:
            return make_scratch(self._com, session)

    def remove_scratch(self, calendar: str, bookings: Iterable[UUID]) -> None:
        """With all that these bookings left among the deleted items."""
        with self._session() as session:
            remove_scratch(self._com, session, calendar, bookings)

    @contextmanager
    def watch(self, changed: Callable[[], None]) -> Iterator[None]:
        """Outlook's events get lost in numbers, and with every restart: they are hints. An Outlook that is not there is
        listened to from when it is."""
        self._watchers.append(changed)
        try:
            self._look_out()
            yield
        finally:
            self._watchers.remove(changed)
            if not self._watchers:
                self._listening.close()

    def close(self) -> None:
        """Let go of Outlook."""
        self._open = None
        self._handles.clear()
        self._filters.forget()
        self._listening.close()

    # ------------------------------------------------------------------------------------------------------------------

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """Connected; to a new Outlook if the last one is gone."""
        if self._open is None or not self._open.is_alive():
            self.close()
            self._open = Session(self._com, self._com.attempt(self._connect))
            self._listen_to(self._open)
        try:
            yield self._open
        except OutlookFault as fault:
            if fault.outcome is Outcome.DEAD:
                self._open = None
            raise

    def _own(self, session: Session, calendar: str, handle: str, version: str, stamp: Stamp) -> tuple[Any, Draft]:
        """An item that may be written to at that version, for this booking, and what it says now."""
        item = session.item(calendar, handle)
        reading = read_appointment(self._com, item, self._clock(), self._now())
        return item, may_be_written(reading, stamp, is_current=holds(version, reading))

    @contextmanager
    def _changing(self, session: Session, calendar: str) -> Iterator[None]:
        """What Outlook says while an item is written to, in the words of the port."""
        try:
            yield
        except OutlookFault as fault:
            if fault.outcome is Outcome.CHANGED:
                raise ItemChanged(fault.reason) from None
            if fault.outcome is Outcome.GONE and self._can_be_read(session, calendar):
                raise ItemGone("The item is not in the calendar any more.") from None
            raise

    def _look_out(self) -> None:
        """Apart from the watch itself, which must not hold a session."""
        with suppress(CalendarError), self._session() as session:
            self._listen_to(session)

    def _listen_to(self, session: Session) -> None:
        """To all that can be read, once."""
        listen = self._listen
        if listen is None or not self._watchers:
            return
        self._listening.close()
        for info in session.calendars():
            if info.access is not Access.UNREADABLE:
                with suppress(OutlookFault):
                    items = self._com.get(session.folder(info.id), "Items")
                    self._com.attempt(partial(self._listening.enter_context, listen(items, self._hint)))

    def _hint(self) -> None:
        for changed in tuple(self._watchers):
            changed()

    def _table(self, session: Session, calendar: str, where: str = "") -> Any:
        try:
            return open_table(self._com, session.folder(calendar), where)
        except OutlookFault:
            self._filters.distrust(calendar)
            raise

    def _gathering(self, session: Session, request: ScanRequest) -> Gathered:
        handles = self._handles.setdefault(request.calendar, {})
        return Gathered(self._com, session, request, self._clock(), self._now, handles)

    def _walk(self, table: Any, gathered: Gathered, progress: Progress = no_progress) -> None:
        total = self._com.call(table, "GetRowCount")
        for row in rows(self._com, table, gathered.clock):
            gathered.add(row)
            progress(min(gathered.seen, total), total)

    def _is_explained(self, session: Session, request: ScanRequest, gathered: Gathered) -> bool:
        """Whether all that a filter did not show, though it is known, has really left the window."""
        missing = gathered.missing()
        if not gathered.rows or len(missing) > _MOST_LOOKED_FOR:
            return False
        return all(self._has_left(session, request, handle) for handle in missing)

    def _has_left(self, session: Session, request: ScanRequest, handle: str) -> bool:
        try:
            item = session.item(request.calendar, handle)
            return not read_traits(self._com, item, self._clock()).may_meet(request.window)
        except OutlookFault as fault:
            if fault.outcome is not Outcome.GONE:
                raise
            return self._can_be_read(session, request.calendar)

    def _check(self, session: Session, request: ScanRequest, gathered: Gathered) -> None:
        """Whether a table without a filter was whole; and if so, whether a filter would be right."""
        gathered.complete &= self._is_whole(session, request, gathered.seen)
        text = self._filters.to_prove(request.calendar, request.window)
        if not text or not gathered.complete:
            return
        shown: list[str] = []
        with suppress(CalendarError):
            table = self._table(session, request.calendar, text)
            shown = [row.entry_id for row in rows(self._com, table, gathered.clock)]
        self._filters.judge(request.calendar, text, request.window, gathered.rows, shown)

    def _read(self, session: Session, calendar: str, entry_id: str) -> Reading:
        return read_appointment(self._com, session.item(calendar, entry_id), self._clock(), self._now())

    def _written(self, session: Session, calendar: str, handle: str, draft: Draft) -> Item:
        """Read again as any other: only a fresh object tells what was saved."""
        window = Interval(to_minutes(draft.start), to_minutes_ceil(draft.end))
        return whole(self._read(session, calendar, handle).item(calendar, window, self._clock()))

    def _count(self, folder: Any) -> int:
        count: int = self._com.get(self._com.get(folder, "Items"), "Count")
        return count

    def _can_be_read(self, session: Session, calendar: str) -> bool:
        """Whether "not found" can be believed: the calendar answers, and its mailbox is not out of reach."""
        try:
            self._count(session.folder(calendar))
            return not session.is_offline()
        except CalendarError:
            return False

    def _is_whole(self, session: Session, request: ScanRequest, seen: int) -> bool:
        if seen < self._count(session.folder(request.calendar)):
            return False
        if seen:
            return True
        handles = self._handles.get(request.calendar, {})
        before = next(iter([*request.known, *handles.values()]), None)
        return before is None or isinstance(self.probe(request.calendar, before, request.window), Gone)

    def _clock(self) -> Clock:
        return Clock(self._local or tzlocal.get_localzone())
