"""A calendar in memory, for tests: it does what the User does in a calendar program, and misbehaves on demand.

It is built after what Outlook is known to do, not after what would be convenient: handles change when an item moves to
another calendar, copies carry the stamp, a scan shows only what touches the window, modification times are coarse, a
scan comes back empty and claims to be complete, an item is saved before its stamp can name its handle.

`crash_points` is called with the name of each step of :data:`STEPS` as it is passed. Whatever it raises comes out of
the call; whatever it does to the calendar (a User's edit between look and write) has happened. Every write is kept in
`writes`; a write to an item that is not the booking's own is refused and kept in `offences`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from itertools import count
from typing import Any
from uuid import UUID

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
from dovetail.protocol.messages import Access, ShowAs
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import EPOCH, from_minutes, to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval

STEPS = (
    "list",
    "scan",
    "probe",
    "search",
    "create.before",  # nothing is written yet
    "create.saved",  # the item is there, its stamp names no handle yet
    "create.after",  # written in full, the caller has not heard of it
    "update.before",
    "update.after",
)


class Died(BaseException):
    """The process ended here: no handler of the connector's own is to catch it."""


class Answer(Enum):
    """What a call that should look at the store does instead."""

    TRUTH = "truth"
    NOTHING = "nothing"  # probe: Gone; search: an empty list
    UNKNOWN = "unknown"  # probe: Unknown; search: CalendarError


@dataclass(frozen=True)
class Trouble:
    """How one calendar misbehaves. `sees`: how many items a scan shows, or which (by handle); None: all."""

    sees: int | frozenset[str] | None = None
    complete: bool = True
    probe: Answer = Answer.TRUTH
    search: Answer = Answer.TRUTH
    error: CalendarError | None = None  # every call fails with it, as after a hang was ended


FINE = Trouble()
HUNG = Trouble(error=CalendarError("The calendar did not answer in time. It is tried again at the next sync."))


@dataclass
class Appointment:
    """An item as the User sees it. `occurrences` of a series are given; None: the one time in `fields`."""

    handle: str
    fields: Draft
    occurrences: tuple[BusyBlock, ...] | None = None
    stamp: Stamp | None = None
    category: str = ""
    reminder_minutes: int | None = None
    notes: str = ""
    changed: datetime = EPOCH
    edits: int = 0
    hidden: bool = False
    unreadable: bool = False
    times_known: bool = True

    def blocks(self) -> tuple[BusyBlock, ...]:
        if self.occurrences is not None:
            return self.occurrences
        shown = BusyStatus(int(self.fields.show_as))
        return (BusyBlock(to_minutes(self.fields.start), to_minutes_ceil(self.fields.end), shown),)

    def blocks_in(self, window: Interval) -> tuple[BusyBlock, ...]:
        return tuple(block for block in self.blocks() if touches(block, window))


@dataclass(frozen=True)
class Write:
    """One call of create, update or delete that reached the store; `before` is the stamp the item bore."""

    step: str
    calendar: str
    handle: str
    draft: Draft
    stamp: Stamp
    before: Stamp | None = None


@dataclass
class _Calendar:
    info: CalendarInfo
    items: dict[str, Appointment] = field(default_factory=dict)
    hidden: bool = False
    trouble: Trouble = FINE


def touches(block: BusyBlock, window: Interval) -> bool:
    """A block without length touches where it starts."""
    return block.start < window.end and max(block.end, block.start + 1) > window.start


class MemoryCalendar:
    """Implements CalendarPort. `version_seconds` > 0 makes versions the ticks of a clock that coarse."""

    def __init__(
        self,
        *names: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        version_seconds: float = 0.0,
    ) -> None:
        self.now = now
        self.version_seconds = version_seconds
        self.crash_points: Callable[[str], None] = lambda step: None
        self.writes: list[Write] = []
        self.offences: list[Write] = []
        self._calendars: dict[str, _Calendar] = {}
        self._handles = count(1)
        self._edits = count(1)
        self._watchers: list[Callable[[], None]] = []
        for name in names or ("main",):
            self.add_calendar(name)

    # --- the port ---------------------------------------------------------------------------------------------------

    def capabilities(self) -> Capabilities:
        return Capabilities(watches=True, writes=True, version_seconds=self.version_seconds)

    def list_calendars(self) -> list[CalendarInfo]:
        self.crash_points("list")
        return [calendar.info for calendar in self._calendars.values() if not calendar.hidden]

    def scan(self, request: ScanRequest, progress: Progress = no_progress) -> Scan:
        self.crash_points("scan")
        calendar = self._reach(request.calendar)
        seen = self._seen(calendar, request.window)
        items: list[Item] = []
        unchanged: set[str] = set()
        problems: list[ItemProblem] = []
        for done, item in enumerate(seen, 1):
            version = self._version(item)
            if item.unreadable:
                problems.append(_problem(item, request.window))
            elif request.known.get(item.handle) == version and not version.endswith("~"):
                unchanged.add(item.handle)
            else:
                items.append(self._item(request.calendar, item, request.window))
            progress(done, len(seen))
        return Scan(
            complete=calendar.trouble.complete,
            items=tuple(items),
            unchanged=frozenset(unchanged),
            problems=tuple(problems),
            as_of=self.now(),
        )

    def probe(self, calendar: str, handle: str, window: Interval) -> Probe:
        self.crash_points("probe")
        store = self._reach(calendar)
        if store.trouble.probe is Answer.UNKNOWN:
            return Unknown("The calendar could not look the item up.")
        found = store.items.get(handle)
        if store.trouble.probe is Answer.NOTHING or found is None:
            return Gone()
        if found.hidden or found.unreadable:
            return Unknown("The item cannot be read at the moment.")
        return Present(self._item(calendar, found, window))

    def find_by_booking(self, calendar: str, booking: UUID, window: Interval) -> list[Item]:
        self.crash_points("search")
        store = self._reach(calendar)
        found = [item for item in store.items.values() if item.stamp and item.stamp.booking == booking]
        if store.trouble.search is Answer.UNKNOWN or any(item.unreadable or item.hidden for item in found):
            raise CalendarError("The calendar cannot be searched whole at the moment.")
        if store.trouble.search is Answer.NOTHING:
            return []
        return [self._item(calendar, item, window) for item in found]

    def create(self, calendar: str, draft: Draft, stamp: Stamp) -> Item:
        self.crash_points("create.before")
        store = self._writable(calendar)
        item = self._put(store, Appointment(self._new_handle(), draft))
        item.stamp = replace(stamp, handle="", digest=draft.digest())
        self.writes.append(Write("create", calendar, item.handle, draft, item.stamp))
        self.crash_points("create.saved")
        item.stamp = replace(item.stamp, handle=item.handle)
        self._touch(item)
        self.crash_points("create.after")
        return self._item(calendar, item, _anywhere(draft))

    def update(self, calendar: str, handle: str, version: str, draft: Draft, stamp: Stamp) -> Item:
        self.crash_points("update.before")
        write, item = self._own("update", calendar, handle, version, draft, stamp)
        self.writes.append(write)
        item.fields = draft
        item.occurrences = None
        item.stamp = replace(stamp, handle=handle, digest=draft.digest())
        self._touch(item)
        self.crash_points("update.after")
        return self._item(calendar, item, _anywhere(draft))

    def delete(self, calendar: str, handle: str, version: str, stamp: Stamp) -> None:
        write, _ = self._own("delete", calendar, handle, version, None, stamp)
        self.writes.append(write)
        self.user_deletes(calendar, handle)

    @contextmanager
    def watch(self, changed: Callable[[], None]) -> Iterator[None]:
        self._watchers.append(changed)
        try:
            yield
        finally:
            self._watchers.remove(changed)

    def close(self) -> None:
        self._watchers.clear()

    # --- what the User does -----------------------------------------------------------------------------------------

    def user_adds(
        self, calendar: str, *occurrences: BusyBlock, subject: str = "An appointment of the User's own", **own: Any
    ) -> str:
        """A new appointment, or a series when several occurrences are given. Gives its handle."""
        first = occurrences[0]
        fields = Draft(
            start=from_minutes(first.start),
            end=from_minutes(first.end),
            subject=subject,
            body=own.pop("body", ""),
            location=own.pop("location", ""),
            show_as=ShowAs(int(first.status)),
        )
        item = Appointment(self._new_handle(), fields, occurrences if len(occurrences) > 1 else None, **own)
        return self._put(self._calendars[calendar], item).handle

    def user_edits(self, calendar: str, handle: str, **changes: Any) -> None:
        """Change any field of :class:`Draft` or :class:`Appointment`: `subject`, `show_as`, `notes`, `category` …"""
        item = self.item(calendar, handle)
        for name, value in changes.items():
            if hasattr(item, name):
                setattr(item, name, value)
            else:
                item.fields = replace(item.fields, **{name: value})
        self._touch(item)

    def user_moves(self, calendar: str, handle: str, start: datetime, end: datetime) -> None:
        """Drag the appointment to another time."""
        self.user_edits(calendar, handle, start=start, end=end, occurrences=None)

    def user_copies(self, calendar: str, handle: str, to: str | None = None) -> str:
        """Copy and paste; the copy carries all that the item has, the stamp too. Gives the copy's handle."""
        copy = replace(self.item(calendar, handle), handle=self._new_handle())
        return self._put(self._calendars[to or calendar], copy).handle

    def user_deletes(self, calendar: str, handle: str) -> None:
        del self._calendars[calendar].items[handle]
        self._tell()

    def user_moves_to(self, calendar: str, handle: str, to: str) -> str:
        """Drag the item to another calendar, where it gets another handle. Gives that."""
        moved = self.user_copies(calendar, handle, to)
        self.user_deletes(calendar, handle)
        return moved

    # --- what the calendar program does ------------------------------------------------------------------------------

    def add_calendar(self, name: str, access: Access = Access.BOOKABLE, reason: str = "") -> None:
        info = CalendarInfo(id=name, name=name, access=access, reason=reason, default=not self._calendars)
        self._calendars[name] = _Calendar(info)

    def trouble(self, calendar: str, trouble: Trouble = FINE) -> None:
        """From now on the calendar misbehaves like this; without `trouble` it is fine again."""
        self._calendars[calendar].trouble = trouble

    def hide(self, calendar: str, handle: str | None = None, *, hidden: bool = True) -> None:
        """An item, or the whole calendar, is not seen for a time though nobody deleted it."""
        if handle is None:
            self._calendars[calendar].hidden = hidden
        else:
            self.item(calendar, handle).hidden = hidden

    def break_item(self, calendar: str, handle: str, *, times_known: bool = True, broken: bool = True) -> None:
        """The item cannot be read, with or without its times."""
        item = self.item(calendar, handle)
        item.unreadable, item.times_known = broken, times_known

    def die_at(self, step: str, times: int = 1) -> None:
        """The process ends at that step, `times` times in all."""
        if step not in STEPS:
            raise ValueError(f"no such step: {step}")
        left = count(times, -1)

        def point(passed: str) -> None:
            if passed == step and next(left) > 0:
                raise Died(step)

        self.crash_points = point

    # --- what a test looks at ----------------------------------------------------------------------------------------

    def item(self, calendar: str, handle: str) -> Appointment:
        return self._calendars[calendar].items[handle]

    def items(self, calendar: str) -> list[Appointment]:
        """All of them, the hidden ones too."""
        return list(self._calendars[calendar].items.values())

    def items_of(self, booking: UUID, calendar: str | None = None) -> list[Appointment]:
        """The originals that Dovetail made for a booking: never two in one calendar."""
        return [
            item
            for name in ([calendar] if calendar else self._calendars)
            for item in self.items(name)
            if item.stamp and item.stamp.booking == booking and item.stamp.handle in ("", item.handle)
        ]

    # ------------------------------------------------------------------------------------------------------------------

    def _reach(self, calendar: str) -> _Calendar:
        store = self._calendars.get(calendar)
        if store is None or store.hidden:
            raise CalendarError("This calendar is not there at the moment.")
        if store.trouble.error is not None:
            raise store.trouble.error
        return store

    def _writable(self, calendar: str) -> _Calendar:
        store = self._reach(calendar)
        if store.info.access is not Access.BOOKABLE:
            raise CalendarError("This calendar cannot be written to.", transient=False)
        return store

    def _own(
        self, step: str, calendar: str, handle: str, version: str, draft: Draft | None, stamp: Stamp
    ) -> tuple[Write, Appointment]:
        """An item that may be written to at that version, for this booking."""
        item = self._writable(calendar).items.get(handle)
        if item is None:
            raise ItemGone("The item is not in the calendar any more.")
        if item.hidden or item.unreadable:
            raise CalendarError("The item cannot be read at the moment.")
        if self._version(item).rstrip("~") != version.rstrip("~"):
            raise ItemChanged("The item was changed in the calendar meanwhile.")
        write = Write(step, calendar, handle, draft or item.fields, stamp, before=item.stamp)
        if item.stamp is None or item.stamp.booking != stamp.booking or item.stamp.handle not in ("", handle):
            self.offences.append(write)
            raise ItemChanged("The item is not one that Dovetail made for this booking.")
        return write, item

    def _seen(self, calendar: _Calendar, window: Interval) -> list[Appointment]:
        there = [item for item in calendar.items.values() if not item.hidden and item.blocks_in(window)]
        sees = calendar.trouble.sees
        if isinstance(sees, frozenset):
            return [item for item in there if item.handle in sees]
        return there[:sees]

    def _item(self, calendar: str, item: Appointment, window: Interval) -> Item:
        return Item(
            calendar=calendar,
            handle=item.handle,
            version=self._version(item),
            busy=tuple(block for block in item.blocks_in(window) if block.status is not BusyStatus.FREE),
            stamp=item.stamp,
            current=item.fields if item.stamp else None,
        )

    def _version(self, item: Appointment) -> str:
        """A coarse tick that is not over yet ends in ``~``: the item may change again without the tick showing it."""
        if not self.version_seconds:
            return str(item.edits)
        tick = int(item.changed.timestamp() // self.version_seconds)
        return f"{tick}~" if tick == int(self.now().timestamp() // self.version_seconds) else str(tick)

    def _new_handle(self) -> str:
        return f"item-{next(self._handles)}"

    def _put(self, calendar: _Calendar, item: Appointment) -> Appointment:
        calendar.items[item.handle] = item
        self._touch(item)
        return item

    def _touch(self, item: Appointment) -> None:
        item.changed, item.edits = self.now(), next(self._edits)
        self._tell()

    def _tell(self) -> None:
        for changed in tuple(self._watchers):
            changed()


def _anywhere(draft: Draft) -> Interval:
    return Interval(to_minutes(draft.start), to_minutes_ceil(draft.end))


def _problem(item: Appointment, window: Interval) -> ItemProblem:
    return ItemProblem(
        handle=item.handle,
        where=item.handle,
        code="item_unreadable",
        reason="The item could not be read.",
        busy=item.blocks_in(window) if item.times_known else None,
    )
