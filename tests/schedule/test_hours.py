from datetime import UTC, date, datetime

import pytest

from dovetail.schedule.hours import Hours, TimeRange, local_day
from dovetail.schedule.instants import from_minutes, to_minutes
from dovetail.schedule.intervals import Interval
from dovetail.schedule.zones import UnknownZone, zone


def at(*when: int) -> int:
    return to_minutes(datetime(*when, tzinfo=UTC))  # type: ignore[misc, arg-type]


def daily(tz: str, *ranges: tuple[int, int]) -> Hours:
    spans = tuple(TimeRange(start * 60, end * 60) for start, end in ranges)
    return Hours(tz, dict.fromkeys(range(7), spans), {})


def shown(hours: Hours, start: int, end: int) -> list[str]:
    return [
        f"{from_minutes(w.start):%d %H:%M}-{from_minutes(w.end):%d %H:%M}" for w in hours.windows(Interval(start, end))
    ]


def test_hours_follow_the_wall_clock_over_a_change_of_offset() -> None:
    berlin = daily("Europe/Berlin", (9, 10))
    assert shown(berlin, at(2026, 3, 28), at(2026, 3, 30)) == ["28 08:00-28 09:00", "29 07:00-29 08:00"]


def test_a_range_that_the_gap_swallows_is_not_there_that_day() -> None:
    berlin = daily("Europe/Berlin", (2, 3))
    assert shown(berlin, at(2026, 3, 28), at(2026, 3, 30, 22)) == ["28 01:00-28 02:00", "30 00:00-30 01:00"]


def test_a_range_that_ends_in_the_gap_ends_when_the_gap_begins() -> None:
    berlin = Hours("Europe/Berlin", {6: (TimeRange(60, 150),)}, {})
    assert shown(berlin, at(2026, 3, 29), at(2026, 3, 30)) == ["29 00:00-29 01:00"]


def test_an_hour_that_the_clock_shows_twice_is_open_twice() -> None:
    berlin = Hours("Europe/Berlin", {6: (TimeRange(120, 180),)}, {})
    assert shown(berlin, at(2026, 10, 25), at(2026, 10, 26)) == ["25 00:00-25 02:00"]
    half = Hours("Europe/Berlin", {6: (TimeRange(120, 150),)}, {})
    assert shown(half, at(2026, 10, 25), at(2026, 10, 26)) == ["25 00:00-25 00:30", "25 01:00-25 01:30"]


def test_a_day_is_as_long_as_the_clock_makes_it() -> None:
    berlin = zone("Europe/Berlin")
    lengths = [
        sum(end - start for start, end in local_day(berlin, date(2026, *day))) for day in [(3, 28), (3, 29), (10, 25)]
    ]
    assert lengths == [24 * 60, 23 * 60, 25 * 60]
    assert local_day(zone("Pacific/Apia"), date(2011, 12, 30)) == []


def test_hours_across_midnight_belong_to_the_day_they_start_on() -> None:
    bar = Hours(
        "UTC",
        {4: (TimeRange(22 * 60, 26 * 60),)},
        {date(2026, 6, 6): (), date(2026, 6, 12): (), date(2026, 6, 13): (TimeRange(600, 660),)},
    )
    # Friday 5 June runs into the closed Saturday; the 12th is closed, the 13th has hours of its own.
    assert shown(bar, at(2026, 6, 5), at(2026, 6, 14)) == ["05 22:00-06 02:00", "13 10:00-13 11:00"]


def test_the_small_hours_are_open_although_their_range_began_the_day_before() -> None:
    bar = Hours("UTC", {4: (TimeRange(22 * 60, 26 * 60),)}, {})
    assert shown(bar, at(2026, 6, 6), at(2026, 6, 7)) == ["06 00:00-06 02:00"]


def test_a_clock_put_back_just_after_midnight_has_shown_the_new_day_for_a_minute() -> None:
    sundays = Hours("America/St_Johns", {6: (TimeRange(0, 1440),)}, {})  # 00:01 became 23:01 on 7 November 2010
    assert shown(sundays, at(2010, 11, 7, 2), at(2010, 11, 7, 2, 31)) == ["07 02:30-07 02:31"]


def test_ranges_that_overlap_or_touch_are_one_window_and_the_days_of_a_round_clock_join() -> None:
    assert shown(daily("UTC", (9, 12), (11, 13), (13, 14)), at(2026, 6, 1), at(2026, 6, 2)) == ["01 09:00-01 14:00"]
    round_clock = daily("Asia/Kathmandu", (0, 24))
    assert shown(round_clock, at(2026, 6, 1), at(2026, 6, 4)) == ["01 00:00-04 00:00"]


def test_windows_are_cut_to_what_was_asked_for() -> None:
    assert shown(daily("UTC", (9, 17)), at(2026, 6, 1, 10), at(2026, 6, 1, 11)) == ["01 10:00-01 11:00"]
    assert daily("UTC", (9, 17)).windows(Interval(100, 100)) == []


@pytest.mark.parametrize("span", [(600, 600), (700, 600), (-1, 60), (1440, 1500), (600, 2881)])
def test_a_range_that_is_no_range_of_a_day_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="not a range"):
        Hours("UTC", {0: (TimeRange(*span),)}, {})
    with pytest.raises(ValueError, match="not a range"):
        Hours("UTC", {}, {date(2026, 1, 1): (TimeRange(*span),)})


def test_a_weekday_or_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="weekday"):
        Hours("UTC", {7: ()}, {})
    with pytest.raises(UnknownZone):
        Hours("Mars/Olympus", {}, {})


def test_equal_hours_are_equal_keys() -> None:
    one, two = daily("UTC", (9, 17)), daily("UTC", (9, 12), (12, 17))
    assert one == two
    assert {one: "cached"}[two] == "cached"
