"""Outlook's calendars through Extended MAPI, as a calendar: listed, scanned, searched, and written to.

Nothing here asks the User: MAPI knows no security prompt, and no dialogue may come up. A scan reads a calendar's
contents table in slices, filtered by the store, and opens an item only when its row is new or says something new; a
scan in which nothing changed opens none. The program must have as many bits as Outlook, whose libraries it loads.

*Complete*  the table was read to its end, gave the rows that it promised, and no fewer in all than the folder says. An
            empty one, where something was before, counts only once an item of before is found to be gone.
*Gone*      the store says that the item does not exist, or lies in another folder, and the calendar can be read.
*Writing*   goes through the object model where Outlook answers, for Outlook knows best what an appointment consists of;
            by MAPI alone otherwise.

A session is opened at the first use, in the thread that the port is called in, and again after it was lost. A
mailbox's copy on the PC is as old as Outlook is closed, so `must_run` may forbid every use, and lets the files go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

import tzlocal

from dovetail.connector.calendars.port import (
    CalendarError,
    CalendarInfo,
    CalendarPort,
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
from dovetail.connector.outlook.extended_mapi import numbers
from dovetail.connector.outlook.extended_mapi.appointment import holds, read_appointment
from dovetail.connector.outlook.extended_mapi.calendars import list_calendars
from dovetail.connector.outlook.extended_mapi.delegation import version_there
from dovetail.connector.outlook.extended_mapi.gathering import Gathered
from dovetail.connector.outlook.extended_mapi.names import STAMP
from dovetail.connector.outlook.extended_mapi.rows import Contents
from dovetail.connector.outlook.extended_mapi.session import Session
from dovetail.connector.outlook.extended_mapi.surface import Surface
from dovetail.connector.outlook.extended_mapi.values import get
from dovetail.connector.outlook.extended_mapi.watching import watching
from dovetail.connector.outlook.extended_mapi.writing import MapiWriter, throw_away
from dovetail.connector.outlook.object_model.appointment import VERSION_SECONDS, Reading
from dovetail.connector.outlook.object_model.clock import Clock
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.connector.outlook.object_model.stamping import beginning
from dovetail.connector.outlook.properties import PROPERTIES
from dovetail.protocol.messages import Access
from dovetail.schedule.instants import to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval

_SESSION_KEEPS = timedelta(minutes=5)
_LOST = frozenset((Outcome.DEAD, Outcome.OFFLINE))
_ACCESS = PROPERTIES["PidTagAccess"].tag
_EMPTY = "Outlook shows an empty calendar where there were appointments. Is it still starting?"
_NOT_WRITABLE = "It refused a booking: ask its owner for the right to write to it."
_MAY_NOT_CHANGE = "You may not change this item: ask the calendar's owner for the right."


def no_object_model() -> CalendarPort | None:
    """For where only MAPI is there."""
    return None


class ExtendedMapiCalendar:
    """Implements CalendarPort. `profile`: empty for the default one. `object_model` gives the adapter through which to
    write, None while Outlook does not answer; `must_run` raises CalendarError while Outlook is not there. `local` is
    the zone of the PC; `between` is called again and again in a scan."""

    def __init__(
        self,
        surface: Surface,
        *,
        profile: str = "",
        object_model: Callable[[], CalendarPort | None] = no_object_model,
        must_run: Callable[[], None] = lambda: None,
        local: tzinfo | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        between: Callable[[], None] = lambda: None,
    ) -> None:
        self._surface, self._profile = surface, profile
        self._object_model, self._must_run = object_model, must_run
        self._local, self._now, self._between = local, now, between
        self._open: Session | None = None
        self._opened_at = datetime.min.replace(tzinfo=UTC)
        self._handles: dict[str, dict[str, str]] = {}  # by calendar, of the ids that are good for this session only
        self._watchers: list[Callable[[], None]] = []
        self._watching = ExitStack()
        self._refusals = Refusals(_NOT_WRITABLE)

    def log_on(self) -> None:
        """To the profile, whether Outlook runs or not. Raises OutlookFault where MAPI is of no use."""
        Session(self._surface, self._profile).log_off()

    def capabilities(self) -> Capabilities:
        return Capabilities(watches=True, writes=True, version_seconds=VERSION_SECONDS)

    def list_calendars(self) -> list[CalendarInfo]:
        """Not on an old session: it keeps the profile as it was when it was opened."""
        if self._now() - self._opened_at >= _SESSION_KEEPS:
            self.close()
        with self._session() as session:
            return [self._refusals.applied(info) for info in list_calendars(session)]

    def scan(self, request: ScanRequest, progress: Progress = no_progress) -> Scan:
        as_of, clock = self._now(), self._clock()
        handles = self._handles.setdefault(request.calendar, {})
        gathered = Gathered(request, clock, lambda handle: self._read_row(session, request.calendar, handle), handles)
        complete = opened = False
        try:
            with self._session() as session:
                contents, count = self._contents(session, request.calendar)
                rows = contents.meeting(request.window)
                opened = True
                seen = 0
                for seen, row in enumerate(rows, 1):
                    self._between()
                    gathered.add(row)
                    progress(min(seen, rows.expected), rows.expected)
                complete = contents.shown >= count and seen >= rows.expected
                if complete and not seen:
                    complete = self._may_be_empty(session, request)
        except OutlookFault:
            if not opened:
                raise
            complete = False
        return gathered.scan(complete, as_of)

    def probe(self, calendar: str, handle: str, window: Interval) -> Probe:
        try:
            with self._session() as session:
                return self._look(session, calendar, handle, window)
        except OutlookFault as fault:
            if fault.outcome is Outcome.DEAD:
                raise
            return Unknown(fault.reason)

    def find_by_booking(self, calendar: str, booking: UUID, window: Interval) -> list[Item]:
        begins = beginning(booking)
        with self._session() as session:
            contents, count = self._contents(session, calendar)
            rows = contents.beginning(begins)
            seen, found = 0, []
            for row in rows:
                seen += 1
                if not rows.filtered and not str(row.properties.get(STAMP, "")).startswith(begins):
                    continue
                reading = self._read_row(session, calendar, row.handle)
                if reading.mark is not None and reading.mark.stamp.booking == booking:
                    found.append(whole(reading.item(calendar, window, self._clock())))
            if contents.shown < count or seen < rows.expected:
                raise CalendarError(_EMPTY)
            return found

    def create(self, calendar: str, draft: Draft, stamp: Stamp) -> Item:
        through = self._object_model()
        with self._session() as session, self._refusals.learning(calendar):
            if through is not None:
                handle = through.create(calendar, draft, stamp).handle
            else:
                handle = self._writer(session, calendar).create(session.folder(calendar), draft, stamp)
            return self._written(session, calendar, handle, draft)

    def update(self, calendar: str, handle: str, version: str, draft: Draft, stamp: Stamp) -> Item:
        through = self._object_model()
        with self._session() as session, self._refusals.learning(calendar), self._changing(session, calendar):
            message = session.message(calendar, handle, numbers.BEST_ACCESS)
            reading = self._reading(session, calendar, message)
            current = _may_be_changed(message, reading, version, stamp)
            if through is not None:
                del message
                there = version_there(through, calendar, reading, current)
                through.update(calendar, handle, there, draft, stamp)
            else:
                self._writer(session, calendar).update(message, handle, current, draft, stamp)
                del message
            return self._written(session, calendar, handle, draft)

    def delete(self, calendar: str, handle: str, version: str, stamp: Stamp) -> None:
        """To the deleted items, from where its User can take it back. That is a move, and Outlook is not needed."""
        with self._session() as session, self._refusals.learning(calendar), self._changing(session, calendar):
            message = session.message(calendar, handle)
            _may_be_changed(message, self._reading(session, calendar, message), version, stamp, numbers.MAY_DELETE)
            del message
            throw_away(session, calendar, handle)

    @contextmanager
    def watch(self, changed: Callable[[], None]) -> Iterator[None]:
        """A profile that cannot be opened now is watched from when it can."""
        looks_out_already = self._open is None or self._watchers  # a new session does so by itself
        self._watchers.append(changed)
        try:
            with suppress(CalendarError), self._session() as session:
                if not looks_out_already:
                    self._look_out(session)
            yield
        finally:
            self._watchers.remove(changed)
            if not self._watchers:
                self._watching.close()

    def close(self) -> None:
        self._watching.close()
        session, self._open = self._open, None
        if session is not None:
            with suppress(OutlookFault):
                session.log_off()

    # ------------------------------------------------------------------------------------------------------------------

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """Logged on; anew after the last session was lost."""
        try:
            self._must_run()
        except CalendarError:
            self.close()
            raise
        if self._open is None:
            for handles in self._handles.values():
                handles.clear()
            self._open, self._opened_at = Session(self._surface, self._profile), self._now()
            with suppress(CalendarError):
                self._look_out(self._open)
        self._open.look_again()
        try:
            yield self._open
        except OutlookFault as fault:
            if fault.outcome in _LOST:
                self._open = None
            raise

    def _look_out(self, session: Session) -> None:
        """At all that can be read, for whoever watches."""
        self._watching.close()
        if self._watchers:
            listed = (info for info in list_calendars(session) if info.access is not Access.UNREADABLE)
            folders = [session.folder(info.id) for info in listed]
            self._watching.enter_context(watching(self._surface, folders, self._hint))

    def _hint(self) -> None:
        for changed in tuple(self._watchers):
            changed()

    def _contents(self, session: Session, calendar: str) -> tuple[Contents, int]:
        """The table, and how many items the folder says that it has."""
        folder = session.folder(calendar)
        count = get(folder, numbers.CONTENT_COUNT)
        return Contents(session.store(calendar).names, folder), count if isinstance(count, int) else 0

    def _look(self, session: Session, calendar: str, handle: str, window: Interval) -> Probe:
        try:
            found = self._read(session, calendar, handle).item(calendar, window, self._clock())
        except OutlookFault as fault:
            if fault.outcome is Outcome.GONE and self._can_be_read(session, calendar):
                return Gone()
            raise
        return Present(found) if isinstance(found, Item) else Unknown(found.reason)

    def _read(self, session: Session, calendar: str, handle: str) -> Reading:
        return self._reading(session, calendar, session.message(calendar, handle))

    def _read_row(self, session: Session, calendar: str, handle: str) -> Reading:
        return self._reading(session, calendar, session.row_message(calendar, handle))

    def _reading(self, session: Session, calendar: str, message: Any) -> Reading:
        names = session.store(calendar).names
        return read_appointment(self._surface, names, message, self._clock().local, self._now())

    def _writer(self, session: Session, calendar: str) -> MapiWriter:
        return MapiWriter(self._surface, session.store(calendar).names, self._clock().local)

    def _written(self, session: Session, calendar: str, handle: str, draft: Draft) -> Item:
        """Read again as any other: only a fresh object tells what was saved."""
        window = Interval(to_minutes(draft.start), to_minutes_ceil(draft.end))
        return whole(self._read(session, calendar, handle).item(calendar, window, self._clock()))

    def _can_be_read(self, session: Session, calendar: str) -> bool:
        """Whether "not found" can be believed: the calendar shows all that it has."""
        try:
            contents, count = self._contents(session, calendar)
        except CalendarError:
            return False
        return contents.shown >= count

    def _may_be_empty(self, session: Session, request: ScanRequest) -> bool:
        before = next(iter(request.known), None)
        return before is None or isinstance(self.probe(request.calendar, before, request.window), Gone)

    @contextmanager
    def _changing(self, session: Session, calendar: str) -> Iterator[None]:
        try:
            yield
        except OutlookFault as fault:
            if fault.outcome is Outcome.CHANGED:
                raise ItemChanged(fault.reason) from None
            if fault.outcome is Outcome.GONE and self._can_be_read(session, calendar):
                raise ItemGone("The item is not in the calendar any more.") from None
            raise

    def _clock(self) -> Clock:
        return Clock(self._local or tzlocal.get_localzone())


def _may_be_changed(
    message: Any, reading: Reading, version: str, stamp: Stamp, right: int = numbers.MAY_MODIFY
) -> Draft:
    """What the item says now, where the item's own rights allow it."""
    current = may_be_written(reading, stamp, is_current=holds(version, reading))
    rights = get(message, _ACCESS)
    if isinstance(rights, int) and not rights & right:
        raise CalendarError(_MAY_NOT_CHANGE, transient=False)
    return current
