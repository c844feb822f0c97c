"""One iCalendar file of many events as a calendar.

A handle is an event's UID. A version is the digest of all that the file says of that UID, so no clock is involved. A
booking is written by giving the whole file anew, with every byte outside its event as it was, and only while the file
is still the one that was read: another program's edit is never lost.

A file that is not whole (being written, damaged, no calendar) makes a scan incomplete, and nothing in it is gone.
Events that neither touch the window nor belong to a booking are not listed, unless the caller knows them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from io import BufferedReader
from itertools import count
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid5

import tzlocal

from dovetail.connector.calendars import disk, vevent
from dovetail.connector.calendars.entries import Entry
from dovetail.connector.calendars.port import (
    CalendarError,
    CalendarInfo,
    Capabilities,
    Draft,
    Gone,
    Item,
    ItemChanged,
    ItemGone,
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
from dovetail.connector.calendars.reading import mentions
from dovetail.connector.calendars.splice import copy_with
from dovetail.connector.calendars.survey import Survey, survey
from dovetail.connector.calendars.watching import watching
from dovetail.protocol.messages import Access
from dovetail.schedule.busy import merge_busy
from dovetail.schedule.ics import EventBusy, Problem, read_busy
from dovetail.schedule.instants import to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval

_DAMAGED = frozenset({"not_a_calendar", "truncated", "unfinished", "too_many"})
_PROGRESS_EVERY = 100


@dataclass(frozen=True)
class _LastScan:
    """What was listed, so that a file that is still the same need not be read again."""

    survey: Survey
    window: Interval
    complete: bool
    handles: frozenset[str]
    problems: tuple[ItemProblem, ...]

    def still_holds(self, now: Survey, request: ScanRequest) -> bool:
        return (
            self.survey is now
            and self.window == request.window
            and all(request.known.get(handle) == now.version(handle) for handle in self.handles)
        )


class FileCalendar:
    """Implements CalendarPort. `local` is the zone of floating times and whole days, by default that of the PC."""

    def __init__(self, path: Path, *, local: tzinfo | None = None) -> None:
        self._path = path
        self._local = local
        self._last_survey: Survey | None = None
        self._last_scan: _LastScan | None = None

    def capabilities(self) -> Capabilities:
        return Capabilities(watches=True, writes=True)

    def list_calendars(self) -> list[CalendarInfo]:
        with self._opened("read") as file:
            name = self._survey(file).name
        access, reason = self._access()
        return [CalendarInfo(self._path.name, name or self._path.stem, access, reason, default=True)]

    def scan(self, request: ScanRequest, progress: Progress = no_progress) -> Scan:
        self._must_be(request.calendar)
        as_of = datetime.now(UTC)
        items: dict[str, Item] = {}
        unchanged: set[str] = set()
        problems: list[ItemProblem] = []
        with self._opened("read") as file:
            seen = self._survey(file)
            total = len(seen.versions)
            last = self._last_scan
            if last and last.still_holds(seen, request):
                progress(total, total)
                return Scan(last.complete, (), last.handles, last.problems, as_of)
            for done, found in enumerate(self._busy(file, request.window), 1):
                if done % _PROGRESS_EVERY == 0:
                    progress(min(done, total), total)
                if isinstance(found, Problem) or not found.uid:
                    problems.append(_problem(found))
                elif found.uid in seen.versions and request.known.get(found.uid) == seen.version(found.uid):
                    unchanged.add(found.uid)
                elif found.blocks or found.uid in request.known or found.uid in seen.entries:
                    item = self._item(seen, found, request.window)
                    if isinstance(item, ItemProblem):
                        problems.append(item)
                        continue
                    before = items.get(found.uid)
                    busy = merge_busy((*before.busy, *item.busy)) if before else item.busy
                    items[found.uid] = replace(item, busy=busy)
            progress(total, total)
        complete = seen.whole and not any(problem.code in _DAMAGED for problem in problems)
        listed = frozenset(items) | unchanged
        self._last_scan = _LastScan(seen, request.window, complete, listed, tuple(problems))
        return Scan(complete, tuple(items.values()), frozenset(unchanged), tuple(problems), as_of)

    def probe(self, calendar: str, handle: str, window: Interval) -> Probe:
        self._must_be(calendar)
        with self._opened("read") as file:
            seen = self._survey(file)
            if handle not in seen.versions and not seen.whole:
                return Unknown("The file is damaged, or is being written.")
            if handle not in seen.versions and not seen.oversized:
                return Gone()
            for found in self._busy(file, window):
                if found.uid == handle:
                    item = _problem(found) if isinstance(found, Problem) else self._item(seen, found, window)
                    return Unknown(item.reason) if isinstance(item, ItemProblem) else Present(item)
        return Unknown("The event cannot be read.") if handle in seen.versions else Gone()

    def find_by_booking(self, calendar: str, booking: UUID, window: Interval) -> list[Item]:
        self._must_be(calendar)
        with self._opened("search") as file:
            seen = self._survey(file)
            if not seen.whole or (seen.oversized and mentions(self._path, booking)):
                raise CalendarError("The calendar file cannot be searched whole: it is damaged, or is being written.")
            wanted = {uid for uid, entry in seen.entries.items() if entry is None or entry.stamp.booking == booking}
            items = []
            for found in self._busy(file, window) if wanted else ():
                if found.uid in wanted:
                    item = _problem(found) if isinstance(found, Problem) else self._item(seen, found, window)
                    if isinstance(item, ItemProblem):
                        raise CalendarError("The event of this booking cannot be read. Repair or delete it.")
                    items.append(item)
        return [item for item in items if item.stamp is not None and item.stamp.booking == booking]

    def create(self, calendar: str, draft: Draft, stamp: Stamp) -> Item:
        """An event that is there already with this stamp is the answer; one with another revision is ItemChanged."""
        self._must_be_writable(calendar)
        draft = vevent.as_written(draft)
        with self._opened("read") as file:
            seen = self._survey(file)
        if seen.insert_at is None:
            raise CalendarError("The calendar file is damaged, or is being written.")
        for number in count(1):
            uid = str(uuid5(stamp.booking, f"{number}"))
            mark = replace(stamp, handle=uid, digest=draft.digest())
            entry = seen.entries.get(uid)
            if uid not in seen.versions:
                break
            if entry is not None and entry.stamp == mark:
                return self._written(uid, draft)
            if entry is not None and (entry.stamp.connector_id, entry.stamp.epoch) == (mark.connector_id, mark.epoch):
                raise ItemChanged("The calendar already holds this booking.")
        event = vevent.new_event(uid, draft, mark, datetime.now(UTC))
        self._replace(seen, seen.insert_at, seen.insert_at, event.replace(b"\r\n", seen.newline))
        return self._written(uid, draft)

    def update(self, calendar: str, handle: str, version: str, draft: Draft, stamp: Stamp) -> Item:
        draft = vevent.as_written(draft)
        seen, entry = self._own(calendar, handle, version, stamp)
        if entry.current is None:
            raise CalendarError("The times of the booking's event cannot be read.", transient=False)
        mark = replace(stamp, handle=handle, digest=draft.digest())
        event = vevent.updated_event(entry.raw, entry.current, draft, mark, datetime.now(UTC))
        self._replace(seen, entry.start, entry.end, event)
        return self._written(handle, draft)

    def delete(self, calendar: str, handle: str, version: str, stamp: Stamp) -> None:
        seen, entry = self._own(calendar, handle, version, stamp)
        self._replace(seen, entry.start, entry.end, b"")

    def watch(self, changed: Callable[[], None]) -> AbstractContextManager[None]:
        name = self._path.name
        return watching(self._path.parent, lambda path: os.path.basename(path) == name, changed, recursive=False)

    def close(self) -> None:
        self._last_survey = self._last_scan = None

    # ------------------------------------------------------------------------------------------------------------------

    def _own(self, calendar: str, handle: str, version: str, stamp: Stamp) -> tuple[Survey, Entry]:
        """The event of an item that may be written to at that version, for this booking."""
        self._must_be_writable(calendar)
        with self._opened("read") as file:
            seen = self._survey(file)
        if handle not in seen.versions:
            if seen.whole and not seen.oversized:
                raise ItemGone("The item is not in the calendar any more.")
            raise CalendarError("The calendar file is damaged, or is being written.")
        if seen.version(handle) != version:
            raise ItemChanged("The item was changed in the calendar meanwhile.")
        entry = seen.entries.get(handle)
        if entry is None or entry.stamp.booking != stamp.booking or entry.stamp.handle not in ("", handle):
            raise ItemChanged("The item is not one that Dovetail made for this booking.")
        return seen, entry

    @contextmanager
    def _opened(self, verb: str) -> Iterator[BufferedReader]:
        """The file, which must not change in place while it is open."""
        try:
            with disk.open_file(self._path) as file:
                before = os.fstat(file.fileno())
                yield file
                if disk.is_changed(before, os.fstat(file.fileno())):
                    raise CalendarError("The calendar file is being written by another program.")
        except OSError as error:
            raise disk.cannot(error, verb, f"“{self._path.stem}”") from error

    def _survey(self, file: BufferedReader) -> Survey:
        """A new one, or the last if the file is surely still the same."""
        stat = os.fstat(file.fileno())
        last = self._last_survey
        if last is None or disk.is_changed(last.stat, stat) or not disk.is_settled(stat):
            last = self._last_survey = survey(file, self._zone())
        return last

    def _busy(self, file: BufferedReader, window: Interval) -> Iterator[EventBusy | Problem]:
        file.seek(0)
        return read_busy(file, window, self._zone())

    def _item(self, seen: Survey, found: EventBusy, window: Interval) -> Item | ItemProblem:
        entry = seen.entries.get(found.uid)
        if entry is None:
            return Item(self._path.name, found.uid, seen.version(found.uid), found.blocks)
        if entry.current is None:
            where = "an event of a booking"
            return ItemProblem(found.uid, where, "booking_unreadable", "Its own fields cannot be read.", found.blocks)
        return entry.item(self._path.name, found.uid, seen.version(found.uid), found.blocks, window)

    def _written(self, uid: str, draft: Draft) -> Item:
        with self._opened("read") as file:
            seen = self._survey(file)
        span = Interval(to_minutes(draft.start), to_minutes_ceil(draft.end))
        item = self._item(seen, EventBusy(uid, (), {}), span)
        if uid not in seen.versions or isinstance(item, ItemProblem):
            raise CalendarError("The event was written, and another program took it away.")
        return item

    def _replace(self, seen: Survey, start: int, end: int, event: bytes) -> None:
        def write(target: BinaryIO) -> None:
            with open(self._path, "rb") as source:
                copy_with(source, start, end, event, target)

        disk.write_atomically(self._path, write, expected=seen.stat)

    def _access(self) -> tuple[Access, str]:
        if os.access(self._path, os.W_OK) and os.access(self._path.parent, os.W_OK):
            return Access.BOOKABLE, ""
        return Access.BUSY_ONLY, "You have no permission to write to this file and its folder."

    def _must_be(self, calendar: str) -> None:
        if calendar != self._path.name:
            raise CalendarError("There is no such calendar in this file.", transient=False)

    def _must_be_writable(self, calendar: str) -> None:
        self._must_be(calendar)
        access, reason = self._access()
        if access is not Access.BOOKABLE and self._path.exists():
            raise CalendarError(reason, transient=False)

    def _zone(self) -> tzinfo:
        return self._local or tzlocal.get_localzone()


def _problem(found: EventBusy | Problem) -> ItemProblem:
    """An event without a UID is no item that could be known again, but its times count."""
    if isinstance(found, EventBusy):
        return ItemProblem(None, "an event without a UID", "no_uid", "It has no UID.", found.blocks)
    where = f"line {found.line}" if found.line else "the end of the file"
    return ItemProblem(found.uid, where, found.code, found.reason, found.blocks or None)
