"""The months that a monthly or yearly series counts in: Gregorian, Hebrew, Hijri, Umm al-Qura (MS-OXOCAL 2.2.1.44.1).

Most of Outlook's calendars differ from the Gregorian one by the number of the year alone. The others come from
convertdate (Hebrew, and Hijri by its arithmetic) and hijridate (Umm al-Qura, by its tables). The lunar calendars of
East Asia and the Saka era are left out: a series in one of them is refused, and told as a problem.

Outlook's Hijri is the "Kuwaiti algorithm", a day ahead of the civil reckoning, and Windows lets its user shift it by
some days more; the first date of a series tells by how many. In a leap year a yearly series of Adar falls in its second
one.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple, Protocol

import hijridate
from convertdate import hebrew, islamic

from dovetail.connector.outlook.recurrence_pattern import (
    DAY_MINUTES,
    MONTH_END_TYPES,
    MONTH_NTH_TYPES,
    Frequency,
    PatternType,
    RecurrencePattern,
)

_FIRST_DAY = date(1601, 1, 1).toordinal()
_FIRST_JULIAN_DAY = 2305813.5  # midnight of 1601-01-01
_HIJRI_TYPES = (PatternType.HIJRI_MONTH, PatternType.HIJRI_MONTH_NTH, PatternType.HIJRI_MONTH_END)
_HIJRI, _HEBREW, _UMM_AL_QURA = 0x06, 0x08, 0x17
_GREGORIAN = frozenset((0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x07, 0x09, 0x0A, 0x0B, 0x0C))
_HIJRI_SHIFTS = (1, 0, 2, -1)  # the likeliest first


class UnknownCalendar(ValueError):
    """A series counts in a calendar whose months are not known."""


class Month(NamedTuple):
    """`first` in days since 1601-01-01, `length` in days."""

    first: int
    length: int


class Months(Protocol):
    """Months in a row, each with a number. Days count from 1601-01-01."""

    def number(self, day: int) -> int:
        """Of the month that the day lies in."""

    def month(self, number: int) -> Month: ...


def months_of(pattern: RecurrencePattern) -> tuple[Months, int]:
    """The months of the pattern's calendar, and how many of them make a cycle. Raises UnknownCalendar."""
    calendar = pattern.calendar_type
    if pattern.pattern_type in _HIJRI_TYPES and calendar == 0:
        calendar = _HIJRI
    if calendar in _GREGORIAN:
        return GregorianMonths(), pattern.period
    if calendar == _HEBREW and pattern.frequency is Frequency.YEARLY:
        return HebrewYears(pattern.start_date // DAY_MINUTES), max(1, pattern.period // 12)
    if calendar == _HEBREW:
        return HebrewMonths(), pattern.period
    if calendar == _HIJRI:
        return HijriMonths(_hijri_shift(pattern)), pattern.period
    if calendar == _UMM_AL_QURA:
        return UmmAlQuraMonths(), pattern.period
    raise UnknownCalendar(f"the months of calendar {calendar:#x} are not known")


class GregorianMonths:
    def number(self, day: int) -> int:
        at = date.fromordinal(_FIRST_DAY + day)
        return at.year * 12 + at.month - 1

    def month(self, number: int) -> Month:
        year, month = divmod(number, 12)
        first = date(year, month + 1, 1).toordinal()
        after = date(year + month // 11, (month + 1) % 12 + 1, 1).toordinal()
        return Month(first - _FIRST_DAY, after - first)


class HijriMonths:
    """`shift`: days that this Hijri calendar is ahead of the civil reckoning."""

    def __init__(self, shift: int) -> None:
        self._shift = shift

    def number(self, day: int) -> int:
        year, month, _ = islamic.from_jd(_FIRST_JULIAN_DAY + day + self._shift)
        return int(year * 12 + month - 1)

    def month(self, number: int) -> Month:
        year, month = divmod(number, 12)
        first = _day(islamic.to_jd(year, month + 1, 1)) - self._shift
        return Month(first, islamic.month_length(year, month + 1))


class UmmAlQuraMonths:
    """Known from 1924 to 2077; outside, UnknownCalendar is raised."""

    def number(self, day: int) -> int:
        at = date.fromordinal(_FIRST_DAY + day)
        try:
            there = hijridate.Gregorian.fromdate(at).to_hijri()
        except OverflowError:
            raise UnknownCalendar("the Umm al-Qura calendar is not known so far away") from None
        return there.year * 12 + there.month - 1

    def month(self, number: int) -> Month:
        year, month = divmod(number, 12)
        try:
            first = hijridate.Hijri(year, month + 1, 1)
        except (OverflowError, ValueError):
            raise UnknownCalendar("the Umm al-Qura calendar is not known so far away") from None
        return Month(first.to_gregorian().toordinal() - _FIRST_DAY, first.month_length())


class HebrewMonths:
    """Numbered through from the first Tishri, leap months included."""

    def number(self, day: int) -> int:
        year, month, _ = hebrew.from_jd(_FIRST_JULIAN_DAY + day)
        return _months_before(year) + _place(year, month)

    def month(self, number: int) -> Month:
        year = number * 19 // 235 + 1
        while _months_before(year) > number:
            year -= 1
        while _months_before(year + 1) <= number:
            year += 1
        place = number - _months_before(year)
        after_adar = hebrew.year_months(year) - 6
        return _hebrew_month(year, place + 7 if place < after_adar else place - after_adar + 1)


class HebrewYears:
    """Of each year the one month that `start` lies in, numbered by the year."""

    def __init__(self, start: int) -> None:
        year, self._month, _ = hebrew.from_jd(_FIRST_JULIAN_DAY + start)
        self._is_adar = self._month == hebrew.ADAR and not hebrew.leap(year)

    def number(self, day: int) -> int:
        return int(hebrew.from_jd(_FIRST_JULIAN_DAY + day)[0])

    def month(self, number: int) -> Month:
        if self._is_adar and hebrew.leap(number):
            return _hebrew_month(number, hebrew.VEADAR)
        return _hebrew_month(number, min(self._month, hebrew.year_months(number)))


def _hebrew_month(year: int, month: int) -> Month:
    return Month(_day(hebrew.to_jd(year, month, 1)), hebrew.month_length(year, month))


def _months_before(year: int) -> int:
    """Months from the first Tishri to that of `year`."""
    return (235 * year - 234) // 19


def _place(year: int, month: int) -> int:
    """0 for Tishri; convertdate counts from Nisan."""
    return month - 7 if month >= 7 else month - 7 + int(hebrew.year_months(year))


def _day(julian: float) -> int:
    return int(julian - _FIRST_JULIAN_DAY)


def _hijri_shift(pattern: RecurrencePattern) -> int:
    start = pattern.start_date // DAY_MINUTES
    if pattern.pattern_type in MONTH_NTH_TYPES:
        return _HIJRI_SHIFTS[0]
    for shift in _HIJRI_SHIFTS:
        months = HijriMonths(shift)
        first, length = months.month(months.number(start))
        day = length if pattern.pattern_type in MONTH_END_TYPES else min(pattern.day, length)
        if start == first + day - 1:
            return shift
    raise UnknownCalendar("the first date of the series is none of its dates in the Hijri calendar")
