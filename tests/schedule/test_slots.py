"""Slots against a slow, obvious reading of the rules: every minute is looked at on the wall clock."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.schedule.hours import Hours, TimeRange
from dovetail.schedule.instants import from_minutes, to_minutes
from dovetail.schedule.intervals import Interval
from dovetail.schedule.slots import SlotRules, is_bookable, pool_slots, slots, start_mask
from dovetail.schedule.zones import zone

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",  # its clock changes at midnight
    "Africa/Casablanca",
    "Asia/Kathmandu",  # +5:45
    "Pacific/Chatham",  # +12:45 and +13:45
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Antarctica/Troll",  # two hours of it
    "Pacific/Kiritimati",
]
EVER = SlotRules(30, 30, horizon_days=10_000)


@lru_cache
def changes_of_offset(name: str) -> list[datetime]:
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(365 * 24)]
    return [
        later
        for earlier, later in zip(hours, hours[1:], strict=False)  # noqa: RUF007 - two lists would be three
        if earlier.astimezone(zone(name)).utcoffset() != later.astimezone(zone(name)).utcoffset()
    ]


def reference(
    hours: Hours, rules: SlotRules, busy: list[Interval], booked: list[int], now: int, within: Interval
) -> list[int]:
    tz = zone(hours.zone)
    reads = {
        minute: from_minutes(minute).astimezone(tz).replace(tzinfo=None)
        for minute in range(within.start - 2 * 1440 - 180, within.end + rules.duration + 1)
    }

    def window_of(minute: int) -> set[tuple[date, int]]:
        """The (date, range) in which the clock's reading lies."""
        found = set()
        for back in (0, 1):
            day = reads[minute].date() - timedelta(days=back)
            reading = (reads[minute] - datetime.combine(day, datetime.min.time())) // timedelta(minutes=1)
            ranges = hours.overrides.get(day, hours.weekly.get(day.weekday(), ()))
            found |= {(day, n) for n, (start, end) in enumerate(ranges) if start <= reading < end}
        return found

    windows = {minute: window_of(minute) for minute in reads}
    taken = {minute for start, end in busy for minute in range(start, end)}
    per_day = Counter(from_minutes(start).astimezone(tz).date() for start in booked)
    per_week = Counter(from_minutes(start).astimezone(tz).isocalendar()[:2] for start in booked)

    def on_grid(start: int) -> bool:
        for window in windows[start]:
            anchor = start
            while window in windows.get(anchor - 1, ()):
                anchor -= 1
            if (start - anchor) % rules.spacing == 0:
                return True
        return False

    def offered(start: int) -> bool:
        day = reads[start].date()
        return (
            now + rules.lead_time <= start <= now + rules.horizon_days * 1440
            and all(windows[minute] for minute in range(start, start + rules.duration))
            and not any(
                minute in taken
                for minute in range(start - rules.buffer_before, start + rules.duration + rules.buffer_after)
            )
            and on_grid(start)
            and (rules.day_cap is None or per_day[day] < rules.day_cap)
            and (rules.week_cap is None or per_week[day.isocalendar()[:2]] < rules.week_cap)
        )

    return [start for start in range(*within) if offered(start)]


@st.composite
def situations(draw: st.DrawFn) -> tuple[Hours, SlotRules, list[Interval], list[int], int, Interval]:
    name = draw(st.sampled_from(ZONES))
    change = changes_of_offset(name)
    day = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=draw(st.integers(0, 364)))
    around = to_minutes(draw(st.sampled_from(change)) if change and draw(st.booleans()) else day)
    step = draw(st.sampled_from([1, 5, 15]))

    def minutes(low: int, high: int) -> st.SearchStrategy[int]:
        return st.integers(low // step, high // step).map(lambda n: n * step)

    spans = st.lists(
        st.builds(lambda a, n: TimeRange(a, min(a + n, 2880)), minutes(0, 1425), minutes(15, 1440)), max_size=2
    ).map(tuple)
    local = from_minutes(around).astimezone(zone(name)).date()
    hours = Hours(
        name,
        draw(st.dictionaries(st.integers(0, 6), spans, min_size=5)),
        draw(st.dictionaries(st.integers(-2, 2).map(lambda n: local + timedelta(days=n)), spans, max_size=2)),
    )
    rules = SlotRules(
        duration=draw(minutes(15, 240)),
        spacing=draw(minutes(15, 120)),
        buffer_before=draw(minutes(0, 45)),
        buffer_after=draw(minutes(0, 45)),
        lead_time=draw(st.integers(0, 300)),
        horizon_days=draw(st.integers(0, 3)),
        day_cap=draw(st.none() | st.integers(1, 2)),
        week_cap=draw(st.none() | st.integers(1, 3)),
    )
    busy = draw(
        st.lists(
            st.builds(lambda a, n: Interval(around + a, around + a + n), st.integers(-900, 900), st.integers(0, 200)),
            max_size=4,
        )
    )
    booked = draw(st.lists(st.integers(-4000, 4000).map(lambda n: around + n), max_size=3))
    start = around + draw(st.integers(-700, 300))
    now = draw(st.integers(-600, 300)) + start
    return hours, rules, busy, booked, now, Interval(start, start + draw(st.integers(0, 900)))


@given(situations())
@settings(deadline=None, max_examples=200)
def test_slots_are_those_of_a_reading_of_the_clock_minute_by_minute(
    situation: tuple[Hours, SlotRules, list[Interval], list[int], int, Interval],
) -> None:
    offered = slots(*situation)
    assert offered == reference(*situation)
    hours, rules, busy, booked, now, within = situation
    for start in {*offered[:2], *range(within.start, within.end, 97)}:
        assert is_bookable(start, hours, rules, busy, booked, now) == (start in offered)


def open_all_day(name: str = "UTC") -> Hours:
    return Hours(name, dict.fromkeys(range(7), (TimeRange(540, 1020),)), {})


def at(*when: int) -> int:
    return to_minutes(datetime(*when, tzinfo=UTC))  # type: ignore[misc, arg-type]


DAY = Interval(at(2026, 6, 1), at(2026, 6, 2))


def test_a_customer_sees_the_starts_between_two_meetings() -> None:
    busy = [Interval(at(2026, 6, 1, 9, 40), at(2026, 6, 1, 10, 20)), Interval(at(2026, 6, 1, 11), at(2026, 6, 2))]
    offered = slots(open_all_day(), SlotRules(30, 15), busy, [], DAY.start, DAY)
    assert [f"{from_minutes(start):%H:%M}" for start in offered] == ["09:00", "10:30"]


def test_the_meeting_before_and_after_keeps_its_buffers() -> None:
    busy = [Interval(at(2026, 6, 1, 11), at(2026, 6, 1, 12))]
    rules = SlotRules(60, 60, buffer_before=30, buffer_after=1)
    offered = slots(open_all_day(), rules, busy, [], DAY.start, DAY)
    assert [from_minutes(start).hour for start in offered] == [9, 13, 14, 15, 16]


def test_lead_time_and_horizon_include_their_own_minute() -> None:
    now = at(2026, 6, 1, 9)
    rules = SlotRules(30, 30, lead_time=60, horizon_days=1)
    offered = slots(open_all_day(), rules, [], [], now, Interval(now, now + 5000))
    assert (offered[0], offered[-1]) == (now + 60, now + 1440)


def test_a_day_or_week_that_is_full_offers_nothing() -> None:
    sunday, monday = at(2026, 6, 7, 12), at(2026, 6, 8, 12)
    within = Interval(at(2026, 6, 1), at(2026, 6, 15))
    week = SlotRules(60, 60, week_cap=2)
    days = {
        from_minutes(s).day for s in slots(open_all_day(), week, [], [sunday, at(2026, 6, 1, 9)], within.start, within)
    }
    assert days == set(range(8, 15))
    day = SlotRules(60, 60, day_cap=1)
    days = {from_minutes(s).day for s in slots(open_all_day(), day, [], [sunday, monday], within.start, within)}
    assert days == set(range(1, 15)) - {7, 8}


def test_a_booking_late_in_the_evening_counts_on_the_hosts_day_not_on_utcs() -> None:
    auckland = Hours("Pacific/Auckland", dict.fromkeys(range(7), (TimeRange(0, 1440),)), {})
    booked_on_the_second = at(2026, 6, 1, 13)
    within = Interval(at(2026, 6, 1, 12), at(2026, 6, 2, 13))
    offered = slots(auckland, SlotRules(60, 60, day_cap=1), [], [booked_on_the_second], within.start, within)
    assert [from_minutes(start) for start in offered] == [datetime(2026, 6, 2, 12, tzinfo=UTC)]


def test_a_pool_offers_what_any_host_can_take_even_on_different_grids() -> None:
    morning = Hours("UTC", {0: (TimeRange(540, 600),)}, {})
    odd = Hours("UTC", {0: (TimeRange(547, 607),)}, {})
    masks = [start_mask(hours, EVER, [], [], DAY) for hours in (morning, odd)]
    assert pool_slots(masks, EVER, DAY.start) == [DAY.start + minute for minute in (540, 547, 570, 577)]
    assert pool_slots([], EVER, DAY.start) == []


def test_a_kept_mask_follows_the_clock() -> None:
    mask = start_mask(open_all_day(), EVER, [], [], DAY)
    assert pool_slots([mask], EVER, at(2026, 6, 1, 16)) == [at(2026, 6, 1, 16), at(2026, 6, 1, 16, 30)]


@pytest.mark.parametrize("within", [Interval(0, 0), Interval(10**9, -(10**9)), Interval(-(10**12), 10**12)])
def test_an_absurd_range_is_cut_to_the_horizon(within: Interval) -> None:
    offered = slots(open_all_day(), SlotRules(60, 60, horizon_days=1), [], [], DAY.start, within)
    assert len(offered) in (0, 8)


@pytest.mark.parametrize(
    "wrong",
    [{"duration": 0}, {"spacing": 0}, {"buffer_before": -1}, {"lead_time": -1}, {"horizon_days": -1}, {"day_cap": 0}],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="are"):
        SlotRules(**{"duration": 30, "spacing": 30, **wrong})
