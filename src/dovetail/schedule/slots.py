"""Which starts can be booked: hours, busy time, buffers, notice, spacing and caps, decided on bits.

A stretch of time is one Python int, a bit per cell. "This many cells free from here on" is found by
shifting the int over itself, doubling each time, and many hosts are OR-ed into one. A cell is five minutes,
or one minute where the rules or the hours do not divide into fives; busy time that does not is rounded
outwards and windows inwards, which changes no answer as every start and duration lies on the cells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from typing import NamedTuple

from dovetail.schedule.hours import DAY, Hours, local_day
from dovetail.schedule.instants import from_minutes
from dovetail.schedule.intervals import Interval, merge
from dovetail.schedule.zones import zone

CELL_MINUTES = 5


@dataclass(frozen=True)
class SlotRules:
    """What an event type asks for; everything in minutes but the horizon and the caps.

    `lead_time` is the shortest notice. The caps bound the bookings of one local day or ISO week; None is no
    cap.
    """

    duration: int
    spacing: int
    buffer_before: int = 0
    buffer_after: int = 0
    lead_time: int = 0
    horizon_days: int = 60
    day_cap: int | None = None
    week_cap: int | None = None

    def __post_init__(self) -> None:
        if self.duration < 1 or self.spacing < 1:
            raise ValueError("duration and spacing are at least one minute")
        if min(self.buffer_before, self.buffer_after, self.lead_time, self.horizon_days) < 0:
            raise ValueError("buffers, lead time and horizon are not negative")
        if any(cap is not None and cap < 1 for cap in (self.day_cap, self.week_cap)):
            raise ValueError("caps are at least one booking")

    def bookable(self, now: int) -> Interval:
        """The starts that lead time and horizon allow at `now`."""
        return Interval(now + self.lead_time, now + self.horizon_days * DAY + 1)


class StartMask(NamedTuple):
    """Starts a host can take, whatever the time now: bit i stands for `origin + i * cell`."""

    origin: int
    cell: int
    bits: int


def slots(
    hours: Hours,
    rules: SlotRules,
    busy: Iterable[Interval],
    booked: Iterable[int],
    now: int,
    within: Interval,
) -> list[int]:
    """The bookable starts in `within`, ascending.

    A start is offered if the meeting lies in the hours, the meeting with its buffers meets no busy time,
    lead time and horizon allow it, it is a multiple of `spacing` after the start of its local window
    (`Hours.local_windows`), and its local day and ISO week hold fewer `booked` starts than the caps. `busy`
    must reach as far as the buffers do, and `booked` over the whole weeks.
    """
    bookable = rules.bookable(now)
    reach = Interval(max(within.start, bookable.start), min(within.end, bookable.end))
    return pool_slots([start_mask(hours, rules, busy, booked, reach)], rules, now)


def is_bookable(
    start: int, hours: Hours, rules: SlotRules, busy: Iterable[Interval], booked: Iterable[int], now: int
) -> bool:
    """Whether `slots` would offer this start."""
    return slots(hours, rules, busy, booked, now, Interval(start, start + 1)) == [start]


def pool_slots(hosts: Iterable[StartMask], rules: SlotRules, now: int) -> list[int]:
    """The starts that at least one host can take at `now`, ascending."""
    any_of: dict[tuple[int, int], int] = {}
    for origin, cell, bits in hosts:
        any_of[origin, cell] = any_of.get((origin, cell), 0) | bits
    first, end = rules.bookable(now)
    found = (_starts(StartMask(*scale, bits)) for scale, bits in any_of.items())
    lists = [[start for start in starts if first <= start < end] for starts in found]
    return lists[0] if len(lists) == 1 else sorted(set(chain.from_iterable(lists)))


def start_mask(
    hours: Hours, rules: SlotRules, busy: Iterable[Interval], booked: Iterable[int], within: Interval
) -> StartMask:
    """The starts in `within` that `slots` would offer but for lead time and horizon.

    The caller may keep it for as long as hours, rules, busy time and bookings stay.
    """
    before, after = rules.buffer_before, rules.duration + rules.buffer_after
    origin = (within.start - before) // CELL_MINUTES * CELL_MINUTES
    windows = hours.local_windows(Interval(within.start, within.end + rules.duration))
    cell = _cell(rules, windows)
    canvas = _Canvas(origin, cell, max(0, -((origin - within.end - after) // cell)))

    grid = canvas.grid(windows, rules.spacing, within)
    is_open = canvas.inside(merge(windows))
    is_free = canvas.outside(busy)
    allowed = canvas.outside(_full_days(hours, rules, booked))
    meeting_fits = _runs(is_open, rules.duration // cell)
    nothing_meets_it = _runs(is_free, (before + after) // cell) << before // cell
    return StartMask(origin, cell, grid & meeting_fits & nothing_meets_it & allowed)


def _cell(rules: SlotRules, windows: Iterable[Interval]) -> int:
    exact = (rules.duration, rules.spacing, rules.buffer_before, rules.buffer_after)
    in_fives = all(minutes % CELL_MINUTES == 0 for minutes in chain(exact, (w.start for w in windows)))
    return CELL_MINUTES if in_fives else 1


def _runs(bits: int, length: int) -> int:
    """The bits at which `length` set bits in a row begin."""
    have = 1
    while have < length:
        step = min(have, length - have)
        bits &= bits >> step
        have += step
    return bits


def _starts(mask: StartMask) -> list[int]:
    digits = bin(mask.bits)[:1:-1]  # lowest bit first, without the "0b"
    found, at = [], digits.find("1")
    while at >= 0:
        found.append(mask.origin + at * mask.cell)
        at = digits.find("1", at + 1)
    return found


def _full_days(hours: Hours, rules: SlotRules, booked: Iterable[int]) -> list[Interval]:
    """The local days that hold as many bookings as they or their week may."""
    if rules.day_cap is None and rules.week_cap is None:
        return []
    tz = zone(hours.zone)
    days = Counter(from_minutes(start).astimezone(tz).date() for start in booked)
    weeks: Counter[date] = Counter()
    for day, count in days.items():
        weeks[day - timedelta(days=day.weekday())] += count
    full: set[date] = set()
    if rules.day_cap is not None:
        full |= {day for day, count in days.items() if count >= rules.day_cap}
    if rules.week_cap is not None:
        full |= {
            monday + timedelta(days=offset)
            for monday, count in weeks.items()
            if count >= rules.week_cap
            for offset in range(7)
        }
    return [interval for day in full for interval in local_day(tz, day)]


class _Canvas:
    """`size` cells from `origin` on, painted as digits of a binary number (the fastest way measured)."""

    def __init__(self, origin: int, cell: int, size: int) -> None:
        self.origin, self.cell, self.size = origin, cell, size
        self._ones = b"1" * size
        self._zeros = b"0" * size

    def inside(self, intervals: Iterable[Interval]) -> int:
        """The cells that lie wholly in one of the intervals."""
        digits = bytearray(self._zeros)
        for start, end in intervals:
            first, last = max(0, -((self.origin - start) // self.cell)), (end - self.origin) // self.cell
            if first < min(last, self.size):
                digits[first:last] = self._ones[first:last]
        return self._bits(digits)

    def outside(self, intervals: Iterable[Interval]) -> int:
        """The cells that no interval touches."""
        digits = bytearray(self._ones)
        for start, end in intervals:
            first, last = max(0, (start - self.origin) // self.cell), -((self.origin - end) // self.cell)
            if first < min(last, self.size) and start < end:
                digits[first:last] = self._zeros[first:last]
        return self._bits(digits)

    def grid(self, windows: Iterable[Interval], spacing: int, within: Interval) -> int:
        """The cells that begin a multiple of `spacing` after the start of their window, and in `within`."""
        digits = bytearray(self._zeros)
        for anchor, end in windows:
            skipped = max(0, -((anchor - within.start) // spacing))
            for start in range(anchor + skipped * spacing, min(end, within.end), spacing):
                digits[(start - self.origin) // self.cell] = 49  # "1"
        return self._bits(digits)

    def _bits(self, digits: bytearray) -> int:
        digits.reverse()
        return int(digits, 2) if digits else 0
