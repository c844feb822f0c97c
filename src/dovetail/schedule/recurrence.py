"""A series of events (RFC 5545 3.8.4.4, 3.8.5) as busy blocks: rule, additions, exceptions, moved occurrences.

Occurrences are named on the clock of the event's zone and then turned into instants: a time that the clock skips counts
with the offset before the gap, one that it shows twice is the first (3.3.5). DTEND is read as a time on the clock, so a
night shift ends at six also when the clock changes, as Outlook, Radicale and others have it; the hours of a DURATION
are elapsed time.

Where a series is in doubt the answer is busy: DTSTART always happens, an occurrence that was moved stays moved although
it is also excluded, EXRULE is not read, and so on. Recurring data that cannot be followed raises no exception but a
`Trouble` beside the blocks that are known.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import from_minutes, to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval
from dovetail.schedule.rules import BadRule, Steps, read_rule, starts
from dovetail.schedule.values import Length

MOST_OCCURRENCES = 10_000
MOST_STEPS = 2_000_000  # for one series
_NONE = timedelta()
_EARLIEST = datetime(2, 1, 1, tzinfo=UTC)
_LATEST = datetime(9998, 12, 31, tzinfo=UTC)
_LONGEST = timedelta(days=366 * 100)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with an item: a code for programs, a reason for its owner without any of its text, the line."""

    code: str
    reason: str
    line: int


@dataclass(frozen=True, slots=True)
class Event:
    """One VEVENT as far as busy time goes. Times are aware, on the clock of the event's own zone.

    `replaces` is RECURRENCE-ID; it, `added` and `excluded` hold a date where the file says a date. `stamp` is what
    Dovetail wrote on it (X-DOVETAIL-*). `status` FREE is an event that takes no time, or is cancelled.
    """

    uid: str
    line: int
    start: datetime
    length: Length
    status: BusyStatus
    all_day: bool = False
    rules: tuple[str, ...] = ()
    added: tuple[tuple[datetime | date, Length | None], ...] = ()
    excluded: Collection[datetime | date] = ()
    replaces: datetime | date | None = None
    and_following: bool = False
    sequence: int = 0
    stamp: tuple[tuple[str, str], ...] = ()
    trouble: Trouble | None = None

    @property
    def is_single(self) -> bool:
        """Whether it happens once and is no part of a series."""
        return not (self.rules or self.added or self.excluded or self.replaces)

    @property
    def is_plain(self) -> bool:
        """Whether it happens once and there is nothing to say about it but when."""
        return self.is_single and not (self.stamp or self.trouble)


def expand(events: Sequence[Event], window: Interval, steps: Steps) -> tuple[list[BusyBlock], list[Trouble]]:
    """The busy blocks of the events of one UID that meet `window` (not cut to it), and what is wrong with them.

    Of several versions of an event the highest SEQUENCE counts; if those are equal, all count. `steps` bounds the work.
    """
    troubles = [event.trouble for event in events if event.trouble]
    if len(events) == 1 and events[0].is_single:
        return _block(events[0], events[0].start, events[0].length, window), troubles
    overrides: dict[datetime | date, Event] = {}
    masters: list[Event] = []
    for event in events:
        if event.replaces is None:
            masters.append(event)
        elif (known := overrides.get(event.replaces)) is None or known.sequence <= event.sequence:
            overrides[event.replaces] = event
    newest = max((master.sequence for master in masters), default=0)

    blocks: list[BusyBlock] = []
    for master in masters:
        if master.sequence == newest and (master.status is not BusyStatus.FREE or overrides):
            found, trouble = _expand_master(master, list(overrides.values()), window, steps.part(MOST_STEPS))
            blocks += found
            troubles += trouble
    for override in overrides.values():
        blocks += _block(override, override.start, override.length, window)
    return blocks, troubles


def _expand_master(
    master: Event, overrides: list[Event], window: Interval, steps: Steps
) -> tuple[list[BusyBlock], list[Trouble]]:
    excluded = _Names(master.excluded)
    seen: set[int] = set()
    blocks: list[BusyBlock] = []
    troubles: list[Trouble] = []
    try:
        steps.take(len(overrides))
        replaced = _Names([event.replaces for event in overrides if event.replaces is not None])
        shifts = _shifts(master, overrides)
        for start, length in _occurrences(master, shifts, window, steps):
            minute = to_minutes(start)
            if minute in seen or excluded.hold(start, minute) or replaced.hold(start, minute):
                continue
            if len(seen) == MOST_OCCURRENCES:
                raise BadRule(f"it happens more than {MOST_OCCURRENCES} times in the days asked for")
            seen.add(minute)
            earlier = bisect_right(shifts, minute, key=lambda shift: shift.since)
            if earlier:
                shift = shifts[earlier - 1]
                blocks += _block(shift.event, start, shift.event.length, window, shift.by)
            else:
                blocks += _block(master, start, length, window)
    except BadRule as error:
        troubles.append(Trouble("recurrence", f"its recurrence cannot be followed: {error}", master.line))
        minute = to_minutes(master.start)
        if minute not in seen and not excluded.hold(master.start, minute):
            blocks += _block(master, master.start, master.length, window)
    return blocks, troubles


class _Shift(NamedTuple):
    """From `since` on, occurrences are those of `event`, moved `by` so much (RANGE=THISANDFUTURE)."""

    since: int
    event: Event
    by: timedelta


def _shifts(master: Event, overrides: list[Event]) -> list[_Shift]:
    """Ascending."""
    shifts = []
    for event in overrides:
        if event.and_following and event.replaces is not None:
            at = _at(event.replaces, master)
            shifts.append(_Shift(to_minutes(at), event, event.start - at))
    return sorted(shifts, key=lambda shift: shift.since)


def _occurrences(
    master: Event, shifts: Sequence[_Shift], window: Interval, steps: Steps
) -> Iterator[tuple[datetime, Length]]:
    """The starts that may matter, from additions and rules, as often as they are named."""
    reach = max([_reach(master.length), *(_reach(event.length) + min(abs(by), _LONGEST) for _, event, by in shifts)])
    first = _clamped(from_minutes(window.start) - reach).replace(tzinfo=master.start.tzinfo)
    last = _clamped(from_minutes(window.end) + reach).replace(tzinfo=master.start.tzinfo)
    for added, length in master.added:
        at = _at(added, master)
        if first <= at <= last:
            yield at, length or master.length
    if not master.rules:
        yield master.start, master.length
    for text in master.rules:
        rule = read_rule(text, master.start, all_day=master.all_day)
        for start in starts(rule, master.start, first, last, steps):
            yield start, master.length


def _block(
    event: Event, start: datetime, length: Length, window: Interval, moved: timedelta = _NONE
) -> list[BusyBlock]:
    """None if the event is free, takes no time, or does not meet the window."""
    if event.status is BusyStatus.FREE:
        return []
    try:
        start += moved
        begins = start.astimezone(UTC)
        ends = (start + length.wall).astimezone(UTC) + length.exact
        if ends <= begins:  # the clock was put forward over its end
            ends = begins + length.wall + length.exact
    except OverflowError:  # outside the years 1 to 9999
        return []
    block = BusyBlock(to_minutes(begins), to_minutes_ceil(ends), event.status)
    return [block] if max(block.start, window.start) < min(block.end, window.end) else []


class _Names:
    """Occurrences named by their start: by the instant, or by the date where only that was given."""

    def __init__(self, named: Collection[datetime | date]) -> None:
        self._minutes = {to_minutes(name) for name in named if isinstance(name, datetime)}
        self._dates = {name for name in named if not isinstance(name, datetime)}

    def hold(self, start: datetime, minute: int) -> bool:
        return minute in self._minutes or (bool(self._dates) and start.date() in self._dates)


def _at(name: datetime | date, master: Event) -> datetime:
    """An occurrence's start; one named by its date starts at the master's time of day."""
    return name if isinstance(name, datetime) else datetime.combine(name, master.start.timetz())


def _reach(length: Length) -> timedelta:
    """How far outside the window a start may lie: its length, and two days for the differences of zones."""
    return min(max(length.wall + length.exact, _NONE), _LONGEST) + timedelta(days=2)


def _clamped(at: datetime) -> datetime:
    return min(max(at, _EARLIEST), _LATEST)
