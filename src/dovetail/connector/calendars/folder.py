"""A directory of iCalendar files, one event or series a file ("vdir", as vdirsyncer has it), as calendars.

Which directories are calendars and which names are items: see `layout`. What a version is, and why a young file is read
again: see `disk`. A handle is the file's path below the directory, so that a copy in another calendar has another.

*Present*  the file is there. A file that cannot be read is there too: a problem with its handle, times maybe unknown.
*Gone*     the directory can be listed and the file is not in it. A directory without a single item, in which this
           process never saw one, may be the mount point of a drive that is away: what was in it is unknown, not gone.

A file of several events is one item that blocks all their times and is never a booking's. An update of a booking's file
leaves every byte outside its event as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from itertools import count
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid5

import tzlocal

from dovetail.connector.calendars import disk, layout, vevent
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
from dovetail.connector.calendars.reading import Contents, file_digest, mentions, read_contents
from dovetail.connector.calendars.splice import copy_with
from dovetail.connector.calendars.watching import watching
from dovetail.protocol.messages import Access
from dovetail.schedule.instants import to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval

_PREFIX = "dovetail-"


@dataclass(frozen=True)
class _Remembered:
    """What a file held at a version: the bookings, so that a search opens only files that are new to it, and what was
    wrong with it, so that a damaged file of any size is not read again and again."""

    version: str
    bookings: frozenset[UUID]
    problem: ItemProblem | None
    window: Interval


class FolderCalendar:
    """Implements CalendarPort. `local` is the zone of floating times and whole days, by default that of the PC."""

    def __init__(self, folder: Path, *, local: tzinfo | None = None) -> None:
        self._folder = folder
        self._local = local
        self._held_items: dict[str, tuple[int, int]] = {}  # directories that did, by their identity
        self._remembered: dict[str, _Remembered] = {}

    def capabilities(self) -> Capabilities:
        return Capabilities(watches=True, writes=True, version_seconds=disk.VERSION_SECONDS)

    def list_calendars(self) -> list[CalendarInfo]:
        found = layout.calendars_in(self._folder)
        return [layout.info(self._folder, calendar, default=calendar == found[0]) for calendar in found]

    def scan(self, request: ScanRequest, progress: Progress = no_progress) -> Scan:
        as_of = datetime.now(UTC)
        files = self._list(request.calendar)
        versions = disk.Versions(self._zone())
        items: list[Item] = []
        problems: list[ItemProblem] = []
        unchanged: set[str] = set()
        for done, (handle, stat) in enumerate(files.items(), 1):
            version = versions.settled(stat)
            if request.known.get(handle) == version:
                unchanged.add(handle)
            else:
                found = self._problem_as_before(handle, version, request.window) or self._look(
                    request.calendar, handle, request.window
                )
                if isinstance(found, Item):
                    items.append(found)
                elif found is not None:
                    problems.append(found)
            if done % 100 == 0 or done == len(files):
                progress(done, len(files))
        return Scan(True, tuple(items), frozenset(unchanged), tuple(problems), as_of)

    def probe(self, calendar: str, handle: str, window: Interval) -> Probe:
        found = self._look(calendar, handle, window)
        if isinstance(found, Item):
            return Present(found)
        if found is not None:
            return Unknown(found.reason)
        try:
            trusted = layout.holds_items(self._folder, calendar) or self._held_items.get(calendar) == self._identity(
                calendar
            )
        except OSError as error:
            return Unknown(disk.cannot(error, "read", self._quoted(calendar)).reason)
        return Gone() if trusted else Unknown("The folder is empty. Is its drive connected?")

    def find_by_booking(self, calendar: str, booking: UUID, window: Interval) -> list[Item]:
        found = []
        versions = disk.Versions(self._zone())
        for handle, stat in self._list(calendar).items():
            known = self._remembered.get(handle)
            if known and known.version == versions.settled(stat) and booking not in known.bookings:
                continue
            item = self._look(calendar, handle, window)
            if isinstance(item, ItemProblem):
                self._must_not_bear(calendar, handle, booking)
            elif item is not None and item.stamp is not None and item.stamp.booking == booking:
                found.append(item)
        return found

    def create(self, calendar: str, draft: Draft, stamp: Stamp) -> Item:
        """The file is called after the booking. One that is there already with this stamp is the answer; one with
        another revision of it is ItemChanged; anything else keeps its name, and ours gets a number."""
        draft = vevent.as_written(draft)
        directory = self._writable(calendar)
        for name in _names(stamp.booking):
            handle = layout.handle_of(calendar, name)
            mark = replace(stamp, handle=handle, digest=draft.digest())
            if not os.path.lexists(directory / name):
                break
            there = self._look(calendar, handle, _span(draft))
            if isinstance(there, Item) and there.stamp == mark:
                return there
            if isinstance(there, Item) and there.stamp is not None and _is_same_pairing(there.stamp, mark):
                raise ItemChanged("The calendar already holds this booking.")
        event = vevent.new_event(str(uuid5(stamp.booking, handle)), draft, mark, datetime.now(UTC))
        content = vevent.new_file(event)
        disk.write_atomically(directory / name, lambda file: file.write(content))
        return self._written(calendar, handle, draft)

    def update(self, calendar: str, handle: str, version: str, draft: Draft, stamp: Stamp) -> Item:
        draft = vevent.as_written(draft)
        path, stat, entry = self._own(calendar, handle, version, stamp, _span(draft))
        if entry.current is None:
            raise CalendarError("The times of the booking's file cannot be read.", transient=False)
        mark = replace(stamp, handle=handle, digest=draft.digest())
        event = vevent.updated_event(entry.raw, entry.current, draft, mark, datetime.now(UTC))

        def write(target: BinaryIO) -> None:
            with open(path, "rb") as source:
                copy_with(source, entry.start, entry.end, event, target)

        disk.write_atomically(path, write, expected=stat)
        return self._written(calendar, handle, draft)

    def delete(self, calendar: str, handle: str, version: str, stamp: Stamp) -> None:
        path, stat, _ = self._own(calendar, handle, version, stamp, Interval(0, 1))
        disk.delete(path, expected=stat)

    def watch(self, changed: Callable[[], None]) -> AbstractContextManager[None]:
        return watching(self._folder, lambda path: not layout.is_foreign(os.path.basename(path)), changed)

    def close(self) -> None:
        self._remembered.clear()

    # ------------------------------------------------------------------------------------------------------------------

    def _own(
        self, calendar: str, handle: str, version: str, stamp: Stamp, span: Interval
    ) -> tuple[Path, os.stat_result, Entry]:
        """The file of an item that may be written to at that version, for this booking."""
        self._writable(calendar)
        path = layout.path_of(self._folder, calendar, handle)
        try:
            with disk.open_file(path) as file:
                stat = os.fstat(file.fileno())
                if not disk.Versions(self._zone()).holds(version, stat, lambda: file_digest(file)):
                    raise ItemChanged("The item was changed in the calendar meanwhile.")
            contents = read_contents(path, span, self._zone())
        except FileNotFoundError as error:
            if isinstance(self.probe(calendar, handle, span), Gone):
                raise ItemGone("The item is not in the calendar any more.") from error
            raise disk.cannot(error, "read", self._quoted(calendar)) from error
        except OSError as error:
            raise disk.cannot(error, "read", self._quoted(calendar)) from error
        entry = contents.entry
        if entry is None or not _is_of(self._same_case(handle, entry.stamp), stamp.booking, handle):
            raise ItemChanged("The item is not one that Dovetail made for this booking.")
        return path, stat, entry

    def _list(self, calendar: str) -> dict[str, os.stat_result]:
        """What is in the calendar's directory. Raises CalendarError."""
        try:
            files = layout.items_in(self._folder, calendar)
            if files:
                self._held_items[calendar] = self._identity(calendar)
        except OSError as error:
            raise disk.cannot(error, "read", self._quoted(calendar)) from error
        return files

    def _look(self, calendar: str, handle: str, window: Interval) -> Item | ItemProblem | None:
        """The item; None if there is no such file."""
        path = layout.path_of(self._folder, calendar, handle)
        try:
            contents = read_contents(path, window, self._zone())
        except FileNotFoundError:
            if not os.path.lexists(path):
                return None
            return _problem(handle, "file_unreadable", "The file is a link that leads nowhere.")
        except OSError as error:
            return _problem(handle, "file_unreadable", disk.cannot(error, "read", "this file").reason)
        problem = _problem_of(handle, contents)
        self._remembered[handle] = _Remembered(contents.version, contents.bookings, problem, window)
        if problem is not None:
            return problem
        if contents.entry is None:
            return Item(calendar, handle, contents.version, contents.blocks)
        item = contents.entry.item(calendar, handle, contents.version, contents.blocks, window)
        return replace(item, stamp=self._same_case(handle, contents.entry.stamp))

    def _problem_as_before(self, handle: str, version: str, window: Interval) -> ItemProblem | None:
        last = self._remembered.get(handle)
        return last.problem if last and (last.version, last.window) == (version, window) else None

    def _same_case(self, handle: str, stamp: Stamp) -> Stamp:
        """Where capitals do not matter in names, a file renamed by them only is no copy."""
        if stamp.handle == handle or stamp.handle.casefold() != handle.casefold():
            return stamp
        with suppress(OSError):
            if os.path.samefile(self._folder / stamp.handle, self._folder / handle):
                return replace(stamp, handle=handle)
        return stamp

    def _written(self, calendar: str, handle: str, draft: Draft) -> Item:
        self._list(calendar)
        found = self._look(calendar, handle, _span(draft))
        if not isinstance(found, Item):
            raise CalendarError("The file was written, and another program took it away.")
        return found

    def _must_not_bear(self, calendar: str, handle: str, booking: UUID) -> None:
        """A file with a problem hides a booking only if it could be that booking's."""
        path = layout.path_of(self._folder, calendar, handle)
        suspect = path.name.lower().startswith(f"{_PREFIX}{booking}")
        with suppress(OSError):
            suspect = suspect or mentions(path, booking)
        if suspect:
            raise CalendarError("The file of this booking cannot be read. Repair or delete it.", transient=False)

    def _writable(self, calendar: str) -> Path:
        self._list(calendar)
        info = layout.info(self._folder, calendar, default=False)
        if info.access is not Access.BOOKABLE:
            raise CalendarError(info.reason, transient=False)
        return layout.directory_of(self._folder, calendar)

    def _identity(self, calendar: str) -> tuple[int, int]:
        stat = os.stat(layout.directory_of(self._folder, calendar))
        return stat.st_dev, stat.st_ino

    def _quoted(self, calendar: str) -> str:
        return f"“{layout.name_of(self._folder, calendar)}”"

    def _zone(self) -> tzinfo:
        return self._local or tzlocal.get_localzone()


def _names(booking: UUID) -> Iterator[str]:
    yield f"{_PREFIX}{booking}{layout.SUFFIX}"
    for number in count(2):
        yield f"{_PREFIX}{booking}-{number}{layout.SUFFIX}"


def _is_of(stamp: Stamp, booking: UUID, handle: str) -> bool:
    return stamp.booking == booking and stamp.handle in ("", handle)


def _is_same_pairing(one: Stamp, other: Stamp) -> bool:
    return (one.booking, one.connector_id, one.epoch, one.handle) == (
        other.booking,
        other.connector_id,
        other.epoch,
        other.handle,
    )


def _span(draft: Draft) -> Interval:
    return Interval(to_minutes(draft.start), to_minutes_ceil(draft.end))


def _problem_of(handle: str, contents: Contents) -> ItemProblem | None:
    problem = contents.problem
    if problem is not None:
        where = f"{handle}, line {problem.line}" if problem.line else handle
        return ItemProblem(handle, where, problem.code, problem.reason, contents.blocks or None)
    if contents.entry is not None and contents.entry.current is None:
        return _problem(handle, "booking_unreadable", "The booking's own fields cannot be read.")
    return None


def _problem(handle: str, code: str, reason: str) -> ItemProblem:
    return ItemProblem(handle, handle, code, reason)
