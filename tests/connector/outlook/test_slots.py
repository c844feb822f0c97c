"""Patterns of every kind fall on the days that iCalendar's rules of the same meaning fall on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from convertdate import hebrew, islamic
from hijridate import Hijri
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.outlook import blobs, rfc5545
from dovetail.connector.outlook.appointment_recurrence import read_appointment_recurrence
from dovetail.connector.outlook.months import (
    GregorianMonths,
    HebrewMonths,
    HijriMonths,
    Months,
    UmmAlQuraMonths,
    UnknownCalendar,
)
from dovetail.connector.outlook.recurrence_pattern import (
    DAY_MINUTES,
    Frequency,
    PatternType,
    RecurrencePattern,
)
from dovetail.connector.outlook.slots import slot_days

FIRST_DAY = date(1601, 1, 1)


def days(pattern: RecurrencePattern, first: date, last: date) -> list[date]:
    found = slot_days(pattern, (first - FIRST_DAY).days, (last - FIRST_DAY).days)
    return [FIRST_DAY + timedelta(days=number) for number in found]


@st.composite
def patterns(draw: st.DrawFn) -> RecurrencePattern:
    """Of every Gregorian type, with every way to end."""
    frequency, pattern_type, unit = draw(
        st.sampled_from(
            (
                (Frequency.DAILY, PatternType.DAY, DAY_MINUTES),
                (Frequency.DAILY, PatternType.WEEK, 1),
                (Frequency.WEEKLY, PatternType.WEEK, 1),
                (Frequency.MONTHLY, PatternType.MONTH, 1),
                (Frequency.MONTHLY, PatternType.MONTH_END, 1),
                (Frequency.MONTHLY, PatternType.MONTH_NTH, 1),
                (Frequency.YEARLY, PatternType.MONTH, 12),
                (Frequency.YEARLY, PatternType.MONTH_END, 12),
                (Frequency.YEARLY, PatternType.MONTH_NTH, 12),
            )
        )
    )
    start = draw(st.dates(date(2015, 1, 1), date(2030, 12, 31)))
    specific = {"first_day_of_week": draw(st.integers(0, 6))}
    if pattern_type in (PatternType.WEEK, PatternType.MONTH_NTH):
        every_weekday = frequency is Frequency.DAILY
        specific["weekdays"] = 0x3E if every_weekday else draw(st.integers(1, 0x7F))
    if pattern_type is PatternType.MONTH_NTH:
        specific["nth"] = draw(st.integers(1, 5))
    if pattern_type in (PatternType.MONTH, PatternType.MONTH_END):
        specific["day"] = draw(st.integers(1, 31)) if pattern_type is PatternType.MONTH else 31
    ends = draw(st.sampled_from(("by date", "after", "never")))
    return blobs.series(
        frequency,
        pattern_type,
        draw(st.integers(1, 4)) * unit,
        start,
        until=start + timedelta(days=draw(st.integers(0, 3000))) if ends == "by date" else None,
        count=draw(st.integers(1, 60)) if ends == "after" else None,
        **specific,
    ).pattern


@settings(max_examples=400, deadline=None)
@given(patterns(), st.dates(date(2014, 1, 1), date(2036, 1, 1)), st.integers(0, 500))
def test_a_pattern_falls_on_the_days_of_the_same_rule_in_icalendar(
    pattern: RecurrencePattern, first: date, length: int
) -> None:
    last = first + timedelta(days=length)
    assert days(pattern, first, last) == rfc5545.slots(pattern, first, last)


def test_the_first_days_of_a_window_long_after_the_start_come_at_once() -> None:
    daily = blobs.series(Frequency.DAILY, PatternType.DAY, DAY_MINUTES, date(1601, 1, 1), count=0xFFFFFFFF).pattern
    assert days(daily, date(9000, 5, 1), date(9000, 5, 3)) == [date(9000, 5, number) for number in (1, 2, 3)]


def test_an_occurrence_that_was_deleted_still_counts() -> None:
    data = bytes.fromhex(blobs.MICROSOFT_EXAMPLES["MS-OXOCAL 4.1.1.2, weekly with an exception"])
    pattern = read_appointment_recurrence(data).pattern

    found = days(pattern, date(2007, 1, 1), date(2008, 1, 1))

    assert len(found) == pattern.occurrence_count == 12
    assert (found[0], found[-1]) == (rfc5545.day(pattern.start_date), rfc5545.day(pattern.end_date))
    assert {at.isoweekday() for at in found} == {1, 4, 5}


def test_the_day_that_a_month_does_not_have_is_its_last() -> None:
    pattern = blobs.series(Frequency.MONTHLY, PatternType.MONTH, 1, date(2027, 1, 30), day=30).pattern
    assert days(pattern, date(2027, 1, 1), date(2027, 4, 30)) == [
        date(2027, 1, 30),
        date(2027, 2, 28),
        date(2027, 3, 30),
        date(2027, 4, 30),
    ]


# --- other calendars --------------------------------------------------------------------------------------------------

ALL_MONTHS: list[Months] = [GregorianMonths(), HijriMonths(0), HijriMonths(1), UmmAlQuraMonths(), HebrewMonths()]


@pytest.mark.parametrize("months", ALL_MONTHS, ids=lambda months: type(months).__name__)
def test_months_follow_one_another_without_a_gap(months: Months) -> None:
    first = months.number((date(2020, 1, 1) - FIRST_DAY).days)
    numbered = [months.month(number) for number in range(first, first + 250)]
    assert all(one.first + one.length == next_one.first for one, next_one in pairwise(numbered))
    for number, month in enumerate(numbered, first):
        assert months.number(month.first) == months.number(month.first + month.length - 1) == number
        assert 28 <= month.length <= 31


def test_a_yearly_series_in_the_hebrew_calendar_as_microsoft_gives_it() -> None:
    data = bytes.fromhex(blobs.MICROSOFT_EXAMPLES["MS-OXOCAL 4.1.1.6, yearly in the Hebrew calendar"])
    pattern = read_appointment_recurrence(data).pattern

    found = days(pattern, date(2008, 1, 1), date(2012, 12, 31))

    assert [at.isoformat() for at in found] == ["2008-04-08", "2009-03-28", "2010-03-18", "2011-04-07", "2012-03-26"]
    assert {hebrew.from_gregorian(at.year, at.month, at.day)[1:] for at in found} == {(hebrew.NISAN, 3)}
    changed = {rfc5545.day(date) for date in pattern.modified_instance_dates}
    assert changed <= set(found)


def _monthly(start: date, day: int, calendar: int, kind: PatternType = PatternType.MONTH) -> RecurrencePattern:
    pattern = blobs.series(Frequency.MONTHLY, kind, 1, start, day=day).pattern
    return replace(pattern, calendar_type=calendar)


def test_a_monthly_series_in_the_hebrew_calendar_comes_in_leap_months_too() -> None:
    start = date(*hebrew.to_gregorian(5786, 8, 1))
    found = days(_monthly(start, 1, 0x08), start, start + timedelta(days=800))
    dates = [hebrew.from_gregorian(at.year, at.month, at.day) for at in found]
    assert {at[2] for at in dates} == {1}
    assert sum(1 for year, _, _ in dates if year == 5787) == 13


@pytest.mark.parametrize("start_in_leap_year", [False, True])
def test_a_yearly_series_of_adar_comes_once_a_year(start_in_leap_year: bool) -> None:
    year = 5787 if start_in_leap_year else 5786
    start = date(*hebrew.to_gregorian(year, hebrew.VEADAR if start_in_leap_year else hebrew.ADAR, 14))
    pattern = replace(blobs.series(Frequency.YEARLY, PatternType.MONTH, 12, start, day=14).pattern, calendar_type=0x08)
    found = days(pattern, start, start + timedelta(days=3000))
    dates = [hebrew.from_gregorian(at.year, at.month, at.day) for at in found]
    assert [at[0] for at in dates] == list(range(year, year + len(dates)))
    assert all(at[1:] == (13 if hebrew.leap(at[0]) else 12, 14) for at in dates)


@pytest.mark.parametrize("kind", [PatternType.MONTH, PatternType.HIJRI_MONTH])
@pytest.mark.parametrize("shift", [1, 0, 2, -1])
def test_a_series_in_the_hijri_calendar_keeps_the_shift_of_its_first_date(kind: PatternType, shift: int) -> None:
    start = date(*islamic.to_gregorian(1448, 9, 10)) - timedelta(days=shift)
    calendar = 0x06 if kind is PatternType.MONTH else 0x00
    found = days(_monthly(start, 10, calendar, kind), start, start + timedelta(days=400))
    there = [at + timedelta(days=shift) for at in found]
    assert len(found) == 14
    assert {islamic.from_gregorian(at.year, at.month, at.day)[2] for at in there} == {10}


def test_a_hijri_series_whose_first_date_is_none_of_its_dates_is_refused() -> None:
    start = date(*islamic.to_gregorian(1448, 9, 10))
    with pytest.raises(UnknownCalendar):
        days(_monthly(start, 20, 0x06), start, start + timedelta(days=400))


def test_a_series_in_the_umm_al_qura_calendar_goes_by_its_tables() -> None:
    start = Hijri(1448, 9, 1).to_gregorian()
    found = days(_monthly(start, 1, 0x17), start, start + timedelta(days=150))
    assert found == [Hijri(1448, month, 1).to_gregorian() for month in (9, 10, 11, 12)] + [
        Hijri(1449, month, 1).to_gregorian() for month in (1, 2)
    ]


def test_beyond_its_tables_the_umm_al_qura_calendar_is_refused() -> None:
    with pytest.raises(UnknownCalendar):
        days(_monthly(date(2027, 1, 1), 1, 0x17), date(2090, 1, 1), date(2090, 2, 1))


@pytest.mark.parametrize("calendar", [0x0E, 0x0F, 0x10, 0x11, 0x14, 0x63])
def test_a_calendar_whose_months_are_not_known_is_refused(calendar: int) -> None:
    with pytest.raises(UnknownCalendar, match=f"{calendar:#x}"):
        days(_monthly(date(2027, 1, 1), 1, calendar), date(2027, 1, 1), date(2027, 2, 1))
