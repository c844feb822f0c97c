"""The days on which a recurrence pattern puts an occurrence, before any was deleted or changed (MS-OXOCAL 2.2.1.44.1).

A pattern repeats in cycles: days, weeks, or months of its calendar. A cycle of weeks begins on the week's first day and
holds a day for each weekday of the mask; every other cycle holds one day. So the cycles before a window are counted,
not walked through. Days count from 1601-01-01, on the wall clock of the series' own zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from dovetail.connector.outlook.months import Month, Months, months_of
from dovetail.connector.outlook.recurrence_pattern import (
    DAY_MINUTES,
    MONTH_END_TYPES,
    MONTH_NTH_TYPES,
    EndType,
    PatternType,
    RecurrencePattern,
)


class Cycles(Protocol):
    """Numbered from 0, the one that the first day of the series lies in."""

    def number(self, day: int) -> int: ...

    def days(self, number: int) -> list[int]:
        """In order; equally many in each cycle."""


def slot_days(pattern: RecurrencePattern, first: int, last: int) -> Iterator[int]:
    """The days from `first` to `last`, both included, that the pattern falls on. Raises UnknownCalendar."""
    start, end = pattern.start_date // DAY_MINUTES, pattern.end_date // DAY_MINUTES
    first = max(first, start)
    if pattern.end_type is EndType.BY_DATE:
        last = min(last, end)
    if first > last:
        return
    cycles = _cycles(pattern, start)
    at = max(0, cycles.number(first))
    left = _left_at(pattern, cycles, start, at)
    for number in range(at, cycles.number(last) + 1):
        for day in cycles.days(number):
            if day >= start and left > 0:
                left -= 1
                if first <= day <= last:
                    yield day


def _left_at(pattern: RecurrencePattern, cycles: Cycles, start: int, number: int) -> int:
    """How many occurrences a counted series has from that cycle on. The deleted ones count."""
    if pattern.end_type is not EndType.AFTER_COUNT:
        return 1 << 62
    if number == 0:
        return pattern.occurrence_count
    days = cycles.days(0)
    return pattern.occurrence_count - sum(day >= start for day in days) - (number - 1) * len(days)


def _cycles(pattern: RecurrencePattern, start: int) -> Cycles:
    if pattern.pattern_type is PatternType.DAY:
        return _Days(start, pattern.period // DAY_MINUTES)
    if pattern.pattern_type is PatternType.WEEK:
        return _Weeks(start, pattern)
    return _Months(start, pattern)


class _Days:
    def __init__(self, start: int, period: int) -> None:
        self._start, self._period = start, period

    def number(self, day: int) -> int:
        return (day - self._start) // self._period

    def days(self, number: int) -> list[int]:
        return [self._start + number * self._period]


class _Weeks:
    def __init__(self, start: int, pattern: RecurrencePattern) -> None:
        first_day = pattern.first_day_of_week
        self._first_week = start - (start + 1 - first_day) % 7  # 1601-01-01 was a Monday
        self._step = 7 * pattern.period
        self._offsets = [at for at in range(7) if pattern.weekdays >> (first_day + at) % 7 & 1]

    def number(self, day: int) -> int:
        return (day - self._first_week) // self._step

    def days(self, number: int) -> list[int]:
        return [self._first_week + number * self._step + at for at in self._offsets]


class _Months:
    def __init__(self, start: int, pattern: RecurrencePattern) -> None:
        self._months: Months
        self._months, self._step = months_of(pattern)
        self._pattern = pattern
        self._first_month = self._months.number(start)

    def number(self, day: int) -> int:
        return (self._months.number(day) - self._first_month) // self._step

    def days(self, number: int) -> list[int]:
        month = self._months.month(self._first_month + number * self._step)
        return [month.first + self._place(month)]

    def _place(self, month: Month) -> int:
        """Days after the first of the month. A day that the month does not have is its last."""
        if self._pattern.pattern_type in MONTH_NTH_TYPES:
            places = range(month.length)
            right = [at for at in places if self._pattern.weekdays >> (month.first + at + 1) % 7 & 1]
            return right[-1] if self._pattern.nth == 5 else right[self._pattern.nth - 1]
        if self._pattern.pattern_type in MONTH_END_TYPES:
            return month.length - 1
        return min(self._pattern.day, month.length) - 1
