"""Outlook's own files as a calendar to read: .pst, .ost, and folders of .msg, on any system and without Outlook.

It blocks time and takes no bookings, and says so. What it does not see: what Outlook has not written to the file yet, a
file that Outlook holds for itself, deleted calendars, meeting requests that were not accepted into a calendar, and what
exceptions of a series say in messages of their own; their times are in the series and are seen. Nothing but times is
read of an appointment.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import NoReturn
from uuid import UUID

import tzlocal

from dovetail.connector.calendars import disk
from dovetail.connector.calendars.port import (
    CalendarError,
    CalendarInfo,
    Capabilities,
    Draft,
    Gone,
    Item,
    ItemProblem,
    Present,
    Probe,
    Progress,
    Scan,
    ScanRequest,
    Stamp,
    Unknown,
    no_progress,
)
from dovetail.connector.outlook.appointment_recurrence import NAME
from dovetail.connector.outlook.appointment_zone import RECUR, START_DISPLAY, STRUCT
from dovetail.connector.outlook.binary import MalformedProperty
from dovetail.connector.outlook.msg_folder import MsgFolder
from dovetail.connector.outlook.occurrences import known_times, occurrences
from dovetail.connector.outlook.pst_store import PstStore
from dovetail.connector.outlook.source import BUSY_ONLY_REASON, Entry, Source, Unreadable
from dovetail.schedule.intervals import Interval

_CODES = {NAME: "recurrence_malformed", **dict.fromkeys((RECUR, START_DISPLAY, STRUCT), "time_zone_malformed")}


class OutlookFiles:
    """Implements CalendarPort. `path` is a data file, or a folder; `local` the zone of the PC."""

    def __init__(self, path: Path, *, local: tzinfo | None = None) -> None:
        self._path = path
        self._local = local
        self._seen: dict[str, tuple[str, dict[str, str]]] = {}  # of calendars seen whole: the state, handles, versions

    def capabilities(self) -> Capabilities:
        return Capabilities(watches=True, writes=False, version_seconds=disk.VERSION_SECONDS)

    def list_calendars(self) -> list[CalendarInfo]:
        return self._source().calendars()

    def scan(self, request: ScanRequest, progress: Progress = no_progress) -> Scan:
        as_of = datetime.now(UTC)
        source, local = self._source(), self._zone()
        state = source.state(local)
        if self._is_unchanged(request, state):
            return Scan(True, (), frozenset(request.known), (), as_of)
        gathered = _Gathered(request, local)
        with source.entries(request.calendar, local) as entries:
            try:
                for done, entry in enumerate(entries, 1):
                    gathered.add(entry)
                    if done % 100 == 0:
                        progress(done, None)
            except CalendarError:
                gathered.complete = False
        progress(len(gathered.versions), len(gathered.versions))
        if state is not None and gathered.complete and not gathered.problems:
            self._seen[request.calendar] = state, gathered.versions
        return gathered.scan(as_of)

    def probe(self, calendar: str, handle: str, window: Interval) -> Probe:
        local = self._zone()
        with self._source().entries(calendar, local) as entries:
            handles = {entry.handle: entry for entry in entries}
            if handle in handles:
                found = _look(handles[handle], calendar, window, local)
                if isinstance(found, ItemProblem):
                    return Unknown(found.reason)
                return Gone() if found is None else Present(found)
        return Unknown("Not every item of the calendar can be opened.") if None in handles else Gone()

    def find_by_booking(self, calendar: str, booking: UUID, window: Interval) -> list[Item]:
        """None: nothing was ever written here. Raises CalendarError while that cannot be looked at."""
        with self._source().entries(calendar, self._zone()):
            return []

    def create(self, calendar: str, draft: Draft, stamp: Stamp) -> NoReturn:
        raise CalendarError(BUSY_ONLY_REASON, transient=False)

    def update(self, calendar: str, handle: str, version: str, draft: Draft, stamp: Stamp) -> NoReturn:
        raise CalendarError(BUSY_ONLY_REASON, transient=False)

    def delete(self, calendar: str, handle: str, version: str, stamp: Stamp) -> NoReturn:
        raise CalendarError(BUSY_ONLY_REASON, transient=False)

    def watch(self, changed: Callable[[], None]) -> AbstractContextManager[None]:
        return self._source().watch(changed)

    def close(self) -> None:
        self._seen.clear()

    def _source(self) -> Source:
        return MsgFolder(self._path) if self._path.is_dir() else PstStore(self._path)

    def _is_unchanged(self, request: ScanRequest, state: str | None) -> bool:
        """The very state that was seen whole, and the caller still has all that was in it."""
        return state is not None and self._seen.get(request.calendar) == (state, dict(request.known))

    def _zone(self) -> tzinfo:
        return self._local or tzlocal.get_localzone()


class _Gathered:
    """What a scan has found so far."""

    def __init__(self, request: ScanRequest, local: tzinfo) -> None:
        self._request, self._local = request, local
        self._items: list[Item] = []
        self._unchanged: set[str] = set()
        self.problems: list[ItemProblem] = []
        self.versions: dict[str, str] = {}
        self.complete = True

    def add(self, entry: Entry) -> None:
        known = self._request.known.get(entry.handle or "")
        if known is not None and known == entry.version:
            self._keep(entry.handle or "", known)
            return
        found = _look(entry, self._request.calendar, self._request.window, self._local)
        if isinstance(found, ItemProblem):
            self.problems.append(found)
            self.complete = self.complete and found.handle is not None
        elif found is not None and found.version == known and entry.version is None:
            self._keep(found.handle, known)
        elif found is not None:
            self._items.append(found)
            self.versions[found.handle] = found.version

    def scan(self, as_of: datetime) -> Scan:
        return Scan(self.complete, tuple(self._items), frozenset(self._unchanged), tuple(self.problems), as_of)

    def _keep(self, handle: str, version: str) -> None:
        self._unchanged.add(handle)
        self.versions[handle] = version


def _look(entry: Entry, calendar: str, window: Interval, local: tzinfo) -> Item | ItemProblem | None:
    """None for what is no appointment."""
    try:
        reading = entry.read()
    except Unreadable as error:
        return ItemProblem(entry.handle, entry.where, "item_unreadable", error.reason)
    if reading is None or entry.handle is None:
        return None
    try:
        busy = occurrences(reading.properties, window, local)
    except MalformedProperty as error:
        known = known_times(reading.properties, window, local)
        code = _CODES.get(error.property, "times_malformed")
        return ItemProblem(entry.handle, entry.where, code, f"Its times cannot be understood: {error}.", known)
    return Item(calendar, entry.handle, reading.version, busy)
