"""A wall clock by the rules that an appointment carries, for zones that have no name anybody else knows.

A rule holds from 1 January of its year until the next rule's, the first one before its year too. Its changes of clocks
are Windows' own: standard time begins at a time of daylight time and the other way round; 23:59:59.999 is the next
midnight; without both dates there is no daylight time. Wall clocks that come twice or never are read as PEP 495 has it.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from functools import cached_property
from typing import NamedTuple

from dovetail.connector.outlook.time_zones import Biases, SystemTime

_MINUTE = timedelta(minutes=1)


class _Change(NamedTuple):
    """At `wall`, told in offset `before` (east of UTC), clocks go to offset `after`."""

    wall: datetime
    before: timedelta
    after: timedelta

    def has_come(self, wall: datetime, fold: int) -> bool:
        walls = (self.wall, self.wall + self.after - self.before)
        return wall >= (min(walls) if fold else max(walls))


class RuleZone(tzinfo):
    """`rules` are pairs of the year they begin to hold in and their biases, in any order; at least one."""

    def __init__(self, rules: Iterable[tuple[int, Biases]]) -> None:
        self._rules = sorted(rules, key=lambda rule: rule[0])
        self._years: dict[int, tuple[timedelta, tuple[_Change, ...]]] = {}

    def __reduce__(self) -> tuple[type[RuleZone], tuple[list[tuple[int, Biases]]]]:
        return RuleZone, (self._rules,)

    def utcoffset(self, at: datetime | None) -> timedelta | None:
        return None if at is None else self._offset(at.replace(tzinfo=None), at.fold)

    def dst(self, at: datetime | None) -> timedelta | None:
        if at is None:
            return None
        biases = self._biases(at.year)
        return self._offset(at.replace(tzinfo=None), at.fold) - _east(biases, biases.standard_bias)

    def tzname(self, at: datetime | None) -> str | None:
        return None

    def fromutc(self, at: datetime) -> datetime:
        utc = at.replace(tzinfo=None)
        for offset in self._offsets:
            for fold in (0, 1):
                wall = (utc + offset).replace(fold=fold)
                is_skipped = self._offset(wall, 0) < self._offset(wall, 1)  # no instant has such a wall clock
                if self._offset(wall, fold) == offset and not is_skipped:
                    return wall.replace(tzinfo=self)
        return (utc + self._offset(utc, 0)).replace(tzinfo=self)  # rules that put clocks back at New Year

    @cached_property
    def is_utc(self) -> bool:
        return self._offsets == [timedelta(0)]

    @cached_property
    def _offsets(self) -> list[timedelta]:
        """All there are, whatever the year."""
        both = {_east(biases, extra) for _, biases in self._rules for extra in _biases_in_use(biases)}
        return sorted(both)

    def _offset(self, wall: datetime, fold: int) -> timedelta:
        offset, changes = self._year(wall.year)
        for change in changes:
            if change.has_come(wall.replace(fold=0), fold):
                offset = change.after
        return offset

    def _year(self, year: int) -> tuple[timedelta, tuple[_Change, ...]]:
        """The offset a year begins with, and its changes in order."""
        if year not in self._years:
            self._years[year] = _changes(self._biases(year), year)
        return self._years[year]

    def _biases(self, year: int) -> Biases:
        in_force = [biases for since, biases in self._rules if since <= year]
        return in_force[-1] if in_force else self._rules[0][1]


def _changes(biases: Biases, year: int) -> tuple[timedelta, tuple[_Change, ...]]:
    standard, daylight = _east(biases, biases.standard_bias), _east(biases, biases.daylight_bias)
    to_standard, to_daylight = _date(biases.standard_date, year), _date(biases.daylight_date, year)
    if to_standard is None or to_daylight is None:
        return standard, ()
    changes = (_Change(to_daylight, standard, daylight), _Change(to_standard, daylight, standard))
    in_order = tuple(sorted(changes, key=lambda change: change.wall))
    return in_order[0].before, in_order


def _date(time: SystemTime, year: int) -> datetime | None:
    """The wall clock of the change in that year; None if there is none."""
    if time.month == 0 or time.year not in (0, year):
        return None
    day = time.day if time.year else _nth(year, time.month, (time.weekday - 1) % 7, time.day)
    within = timedelta(hours=time.hour, minutes=time.minute, seconds=time.second, milliseconds=time.millisecond)
    last = calendar.monthrange(year, time.month)[1]
    return datetime(year, time.month, min(day, last)) - -within // _MINUTE * _MINUTE  # noqa: DTZ001 - a wall clock


def _nth(year: int, month: int, weekday: int, nth: int) -> int:
    """The day of the month of the nth (5: last) weekday, Monday being 0."""
    first, length = calendar.monthrange(year, month)
    day = 1 + (weekday - first) % 7 + 7 * (nth - 1)
    return day if day <= length else day - 7


def _biases_in_use(biases: Biases) -> tuple[int, ...]:
    has_both = biases.standard_date.month and biases.daylight_date.month
    return (biases.standard_bias, biases.daylight_bias) if has_both else (biases.standard_bias,)


def _east(biases: Biases, extra: int) -> timedelta:
    return timedelta(minutes=-(biases.bias + extra))
