"""Times as the Customer's clock shows them, on the days the clock is changed too."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from dovetail.schedule.instants import to_minutes
from dovetail.server.bookings.week import next_times, week

NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)  # a Tuesday


def minutes(*instants: datetime) -> list[int]:
    return [to_minutes(instant) for instant in instants]


def utc(day: int, hour: int, minute: int = 0, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_it_begins_with_the_first_day_that_has_an_opening() -> None:
    found = week(minutes(utc(22, 9), utc(22, 10), utc(29, 9)), "UTC", NOW, first=None, day=None)
    assert (found.first, found.last) == (date(2026, 10, 19), date(2026, 10, 25))
    assert found.chosen is not None
    assert [time.label for time in found.chosen.times] == ["09:00", "10:00"]
    assert (found.earlier, found.later) == (None, date(2026, 10, 26))


def test_an_opening_is_on_the_date_of_the_customers_zone() -> None:
    found = week(minutes(utc(22, 22)), "Asia/Tokyo", NOW, first=None, day=None)
    assert found.chosen is not None
    assert (found.chosen.date, found.chosen.times[0].label) == (date(2026, 10, 23), "07:00")
    assert found.chosen.times[0].value == "2026-10-22T22:00Z"


def test_the_hour_that_the_clock_shows_twice_is_told_apart() -> None:
    """Berlin, 25 October 2026: 03:00 summer time is 02:00 winter time."""
    found = week(minutes(utc(25, 0), utc(25, 1), utc(25, 2)), "Europe/Berlin", NOW, first=None, day=None)
    assert found.chosen is not None
    assert [time.label for time in found.chosen.times] == ["02:00 UTC+02:00", "02:00 UTC+01:00", "03:00"]


def test_a_day_without_its_midnight_keeps_its_openings() -> None:
    """Beirut, 28 March 2027: the clock goes from 23:59 to 01:00."""
    now = datetime(2027, 3, 25, tzinfo=UTC)
    openings = minutes(datetime(2027, 3, 27, 21, 30, tzinfo=UTC), datetime(2027, 3, 27, 22, 30, tzinfo=UTC))
    found = week(openings, "Asia/Beirut", now, first=None, day=date(2027, 3, 28))
    assert [(day.date.day, [time.label for time in day.times]) for day in found.days if day.times] == [
        (27, ["23:30"]),
        (28, ["01:30"]),
    ]


def test_a_week_without_openings_knows_the_next_one() -> None:
    found = week(minutes(utc(22, 9), utc(9, 9, month=11)), "UTC", NOW, first=date(2026, 10, 28), day=None)
    assert found.chosen is None
    assert found.next_open == date(2026, 11, 9)
    assert found.earlier == date(2026, 10, 19)


@pytest.mark.parametrize("asked", [date.min, date.max])
def test_no_week_lies_outside_the_openings(asked) -> None:
    found = week(minutes(utc(22, 9)), "UTC", NOW, first=asked, day=None)
    assert found.first == date(2026, 10, 19)


def test_no_openings_at_all_is_this_week() -> None:
    found = week([], "UTC", NOW, first=None, day=None)
    assert (found.first, found.chosen, found.earlier, found.later) == (date(2026, 10, 19), None, None, None)


def test_the_nearest_times_are_in_order() -> None:
    starts = minutes(utc(22, 9), utc(22, 10), utc(22, 12), utc(23, 9))
    assert next_times(starts, utc(22, 11), 3) == [utc(22, 9), utc(22, 10), utc(22, 12)]
