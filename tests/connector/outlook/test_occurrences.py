"""When an appointment blocks, from its MAPI properties alone."""
# ruff: noqa: DTZ001 - wall clocks

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tzlocal.windows_tz import win_tz

from connector.outlook import blobs, rfc5545, samples
from connector.outlook.test_slots import patterns
from dovetail.connector.outlook.appointment_recurrence import (
    AppointmentRecurrence,
    ExceptionInfo,
    Override,
    read_appointment_recurrence,
)
from dovetail.connector.outlook.appointment_zone import RECUR, START_DISPLAY, STRUCT, series_zone
from dovetail.connector.outlook.binary import MalformedProperty
from dovetail.connector.outlook.occurrences import BUSY_PROPERTIES, known_times, occurrences
from dovetail.connector.outlook.properties import PROPERTIES, Value, is_appointment
from dovetail.connector.outlook.recurrence_pattern import (
    DAY_MINUTES,
    ENDLESS_DATE,
    EndType,
    Frequency,
    PatternType,
    RecurrencePattern,
)
from dovetail.connector.outlook.time_zones import (
    Biases,
    SystemTime,
    ZoneDefinition,
    ZoneRegistration,
    ZoneRule,
)
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import from_minutes, to_minutes
from dovetail.schedule.intervals import Interval

Block = tuple[datetime, datetime, int]
SERIES = "PidLidAppointmentRecur"
NEW_YORK, BERLIN = "Eastern Standard Time", "W. Europe Standard Time"
HIDDEN_PROPERTIES = {"PidTagSubject", "PidLidLocation", "PidLidAllAttendeesString", "PidLidPrivate"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(first: date, last: date) -> Interval:
    midnights = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (first, last))
    return Interval(*(to_minutes(midnight) for midnight in midnights))


MARCH = window(date(2027, 3, 1), date(2027, 4, 1))


def zone_blob(name: str) -> bytes:
    return ZoneDefinition(name, ()).to_bytes()


def single(start: str, end: str, **more: Value) -> dict[str, Value]:
    return {
        "PidLidAppointmentStartWhole": at(start),
        "PidLidAppointmentEndWhole": at(end),
        "PidLidBusyStatus": 2,
        **more,
    }


def series(recurrence: AppointmentRecurrence, zone: str = NEW_YORK, **more: Value) -> dict[str, Value]:
    start = rfc5545.wall(recurrence.pattern.start_date + recurrence.start_offset)
    length = timedelta(minutes=recurrence.end_offset - recurrence.start_offset)
    first = start.replace(tzinfo=ZoneInfo(win_tz[zone])).astimezone(UTC)
    return {
        "PidLidAppointmentStartWhole": first,
        "PidLidAppointmentEndWhole": first + length,
        "PidLidRecurring": True,
        "PidLidBusyStatus": 2,
        SERIES: recurrence.to_bytes(),
        RECUR: zone_blob(zone),
        **more,
    }


def weekly(start: date = date(2027, 3, 1), **more: object) -> AppointmentRecurrence:
    """Mondays, 9:00 to 10:00."""
    return blobs.series(Frequency.WEEKLY, PatternType.WEEK, 1, start, weekdays=0b10, **more)  # type: ignore[arg-type]


def moved(original: datetime, start: datetime, end: datetime, status: int | None = None) -> ExceptionInfo:
    def minutes(wall: datetime) -> int:
        return (wall - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(minutes=1)

    numbers = {} if status is None else {Override.BUSY_STATUS: status}
    return ExceptionInfo(minutes(start), minutes(end), minutes(original), numbers)


def blocks(found: tuple[BusyBlock, ...]) -> list[Block]:
    return [(from_minutes(start), from_minutes(end), int(status)) for start, end, status in found]


def starts(found: tuple[BusyBlock, ...]) -> list[str]:
    return [f"{from_minutes(block.start):%m-%dT%H:%M}" for block in found]


# --- one appointment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [1, 2, 3, 4])
def test_an_appointment_blocks_its_instants_as_it_is_shown(status: int) -> None:
    found = occurrences(single("2027-03-10T09:00", "2027-03-10T10:00", PidLidBusyStatus=status), MARCH)
    assert blocks(found) == [(at("2027-03-10T09:00"), at("2027-03-10T10:00"), status)]


def test_a_free_appointment_blocks_nothing_even_all_day() -> None:
    free = single("2027-03-10T00:00", "2027-03-11T00:00", PidLidBusyStatus=0, PidLidAppointmentSubType=True)
    assert occurrences(free, MARCH) == ()


@pytest.mark.parametrize("status", [{}, {"PidLidBusyStatus": 99}, {"PidLidBusyStatus": -1}])
def test_a_status_that_is_missing_or_unknown_is_busy(status: dict[str, Value]) -> None:
    properties = single("2027-03-10T09:00", "2027-03-10T10:00")
    del properties["PidLidBusyStatus"]
    (found,) = occurrences({**properties, **status}, MARCH)
    assert found.status is BusyStatus.BUSY


def test_seconds_never_shorten_an_appointment() -> None:
    found = occurrences(single("2027-03-10T09:00:30.500", "2027-03-10T09:59:30.500"), MARCH)
    assert blocks(found) == [(at("2027-03-10T09:00"), at("2027-03-10T10:00"), 2)]


@pytest.mark.parametrize(
    ("start", "end", "seen"),
    [
        ("2027-02-28T23:00", "2027-03-01T00:00", False),
        ("2027-02-28T23:00", "2027-03-01T00:01", True),
        ("2027-03-31T23:59", "2027-04-01T05:00", True),
        ("2027-04-01T00:00", "2027-04-01T05:00", False),
        ("2026-01-01T00:00", "2028-01-01T00:00", True),
        ("2027-03-10T09:00", "2027-03-10T09:00", False),
    ],
)
def test_only_what_touches_the_window_is_told(start: str, end: str, seen: bool) -> None:
    assert bool(occurrences(single(start, end), MARCH)) is seen


def test_what_outlook_writes_for_no_date_is_no_date() -> None:
    properties = single("2027-03-10T09:00", "4501-01-01T00:00", PidLidCommonEnd=at("2027-03-10T09:30"))
    assert blocks(occurrences(properties, MARCH)) == [(at("2027-03-10T09:00"), at("2027-03-10T09:30"), 2)]


def test_an_end_that_is_missing_follows_from_the_duration() -> None:
    properties = single("2027-03-10T09:00", "2027-03-10T10:00", PidLidAppointmentDuration=45)
    del properties["PidLidAppointmentEndWhole"]
    assert blocks(occurrences(properties, MARCH))[0][1] == at("2027-03-10T09:45")


@pytest.mark.parametrize(
    "damage",
    [
        {"PidLidAppointmentStartWhole": None},
        {"PidLidAppointmentEndWhole": None},
        {"PidLidAppointmentStartWhole": at("4501-01-01T00:00")},
        {"PidLidAppointmentEndWhole": at("2027-03-10T08:00")},
        {"PidLidRecurring": True},
    ],
)
def test_an_appointment_without_times_that_make_sense_is_refused(damage: dict[str, Value | None]) -> None:
    properties = {**single("2027-03-10T09:00", "2027-03-10T10:00"), **damage}
    with pytest.raises(MalformedProperty):
        occurrences({name: value for name, value in properties.items() if value is not None}, MARCH)


def test_all_day_is_from_midnight_to_midnight_where_the_item_was_made() -> None:
    tokyo = single(
        "2027-03-09T15:00",
        "2027-03-10T15:00",
        PidLidAppointmentSubType=True,
        **{START_DISPLAY: zone_blob("Tokyo Standard Time")},
    )
    found = occurrences(tokyo, MARCH, ZoneInfo("America/New_York"))
    assert blocks(found) == [(at("2027-03-09T15:00"), at("2027-03-10T15:00"), 2)]


@pytest.mark.parametrize("all_day", [True, False])
def test_all_day_in_utc_is_the_day_of_the_pc(all_day: bool) -> None:
    made_by_a_server = single(
        "2027-03-10T00:00", "2027-03-11T00:00", PidLidAppointmentSubType=all_day, **{START_DISPLAY: zone_blob("UTC")}
    )
    found = occurrences(made_by_a_server, MARCH, ZoneInfo("Asia/Tokyo"))
    shift = timedelta(hours=9 * all_day)
    assert blocks(found) == [(at("2027-03-10T00:00") - shift, at("2027-03-11T00:00") - shift, 2)]


def test_an_item_that_says_it_does_not_repeat_is_read_by_its_own_times() -> None:
    stale = single("2027-03-10T09:00", "2027-03-10T10:00", PidLidRecurring=False, PidLidAppointmentRecur=b"junk")
    assert len(occurrences(stale, MARCH)) == 1


def test_no_property_that_is_looked_at_says_what_the_appointment_is_about() -> None:
    assert not HIDDEN_PROPERTIES & set(BUSY_PROPERTIES)
    assert {PROPERTIES[name].type.name for name in BUSY_PROPERTIES} <= {"TIME", "INTEGER", "BOOLEAN", "BINARY"}


# --- series -----------------------------------------------------------------------------------------------------------


def test_a_series_keeps_its_wall_clock_when_clocks_change() -> None:
    found = occurrences(series(weekly()), MARCH)  # New York: -5 until 14 March 2027, then -4
    assert starts(found) == ["03-01T14:00", "03-08T14:00", "03-15T13:00", "03-22T13:00", "03-29T13:00"]


def test_a_moved_occurrence_is_where_it_went_and_a_deleted_one_is_nowhere() -> None:
    away = moved(at("2027-03-08T09:00"), at("2027-03-10T13:30"), at("2027-03-10T15:00"), status=3)
    found = occurrences(series(weekly(exceptions=(away,), deleted=(date(2027, 3, 22),))), MARCH)
    assert blocks(found)[1] == (at("2027-03-10T18:30"), at("2027-03-10T20:00"), 3)
    assert starts(found) == ["03-01T14:00", "03-10T18:30", "03-15T13:00", "03-29T13:00"]


def test_a_moved_occurrence_is_not_where_it_was_though_no_list_says_so() -> None:
    away = moved(at("2027-03-08T09:00"), at("2027-03-10T13:30"), at("2027-03-10T15:00"))
    recurrence = weekly(exceptions=(away,))
    forgotten = replace(recurrence.pattern, deleted_instance_dates=(blobs.minutes_of(date(2026, 1, 1)),))
    found = occurrences(series(replace(recurrence, pattern=forgotten)), MARCH)
    assert starts(found) == ["03-01T14:00", "03-10T18:30", "03-15T13:00", "03-22T13:00", "03-29T13:00"]


def test_an_occurrence_shown_as_free_blocks_nothing_and_the_others_do() -> None:
    free = moved(at("2027-03-08T09:00"), at("2027-03-08T09:00"), at("2027-03-08T10:00"), status=0)
    found = occurrences(series(weekly(exceptions=(free,))), MARCH)
    assert starts(found) == ["03-01T14:00", "03-15T13:00", "03-22T13:00", "03-29T13:00"]


def test_an_occurrence_shown_as_busy_blocks_though_its_series_is_free() -> None:
    busy = moved(at("2027-03-08T09:00"), at("2027-03-08T09:00"), at("2027-03-08T10:00"), status=2)
    found = occurrences(series(weekly(exceptions=(busy,)), PidLidBusyStatus=0), MARCH)
    assert starts(found) == ["03-08T14:00"]


def test_an_occurrence_moved_into_or_out_of_the_window_is_seen_where_it_is() -> None:
    into = moved(at("2027-04-05T09:00"), at("2027-03-31T09:00"), at("2027-03-31T10:00"))
    out = moved(at("2027-03-29T09:00"), at("2027-04-02T09:00"), at("2027-04-02T10:00"))
    found = occurrences(series(weekly(exceptions=(into, out))), MARCH)
    assert starts(found) == ["03-01T14:00", "03-08T14:00", "03-15T13:00", "03-22T13:00", "03-31T13:00"]


@pytest.mark.parametrize("sentinel", [ENDLESS_DATE, ENDLESS_DATE + 1])
def test_a_moved_occurrence_whose_end_was_never_set_lasts_as_long_as_the_others(sentinel: int) -> None:
    away = moved(at("2027-03-08T09:00"), at("2027-03-10T13:30"), at("2027-03-10T13:30"))
    found = occurrences(series(weekly(exceptions=(replace(away, end=sentinel),))), MARCH)
    assert (at("2027-03-10T18:30"), at("2027-03-10T19:30"), 2) in blocks(found)


def test_a_changed_occurrence_whose_times_were_never_set_is_where_it_was() -> None:
    away = moved(at("2027-03-08T09:00"), at("2027-03-08T09:00"), at("2027-03-08T09:00"), status=3)
    recurrence = weekly(exceptions=(replace(away, start=ENDLESS_DATE + 1, end=ENDLESS_DATE + 1),))
    found = occurrences(series(recurrence), MARCH)
    assert (at("2027-03-08T14:00"), at("2027-03-08T15:00"), 3) in blocks(found)


def test_an_exception_across_midnight_and_days_blocks_all_of_it() -> None:
    long = moved(at("2027-03-08T09:00"), at("2027-03-08T22:00"), at("2027-03-11T06:00"))
    found = occurrences(series(weekly(exceptions=(long,))), MARCH)
    assert (at("2027-03-09T03:00"), at("2027-03-11T11:00"), 2) in blocks(found)


def test_an_occurrence_that_lasts_longer_than_a_day_is_seen_on_its_last_one() -> None:
    trip = weekly(date(2027, 2, 22), offsets=(22 * 60, (4 * 24 + 6) * 60))
    found = occurrences(series(trip), window(date(2027, 2, 26), date(2027, 2, 27)))
    assert blocks(found) == [(at("2027-02-23T03:00"), at("2027-02-26T11:00"), 2)]


def test_a_series_without_an_end_goes_on_beyond_the_year_4000() -> None:
    endless = weekly()
    assert endless.pattern.end_date == ENDLESS_DATE
    far = window(date(4100, 1, 1), date(4100, 1, 15))
    assert len(occurrences(series(endless), far)) == 2
    assert occurrences(series(endless), window(date(2027, 1, 1), date(2027, 2, 1))) == ()


def test_a_series_until_outlooks_last_date_has_no_end() -> None:
    pattern = replace(weekly().pattern, end_type=EndType.BY_DATE, end_date=ENDLESS_DATE)
    found = occurrences(series(replace(weekly(), pattern=pattern)), MARCH)
    assert len(found) == 5


@pytest.mark.parametrize(
    ("day", "offsets", "expected"),
    [
        # 14 March 2027 in New York: 2:00 to 3:00 does not exist. As RFC 5545 has it: by the offset before the gap
        (date(2027, 3, 14), (150, 210), ("2027-03-14T07:30", "2027-03-14T07:30+60")),
        (date(2027, 3, 14), (90, 150), ("2027-03-14T06:30", "2027-03-14T07:30")),
        (date(2027, 3, 14), (150, 185), ("2027-03-14T07:30", "2027-03-14T07:30+35")),
        (date(2027, 3, 14), (60, 240), ("2027-03-14T06:00", "2027-03-14T08:00")),
        # 7 November 2027: 1:00 to 2:00 comes twice, and the first is meant
        (date(2027, 11, 7), (60, 90), ("2027-11-07T05:00", "2027-11-07T05:30")),
        (date(2027, 11, 7), (30, 180), ("2027-11-07T04:30", "2027-11-07T08:00")),
    ],
)
def test_hours_that_are_skipped_or_come_twice(day: date, offsets: tuple[int, int], expected: tuple[str, str]) -> None:
    daily = blobs.series(Frequency.DAILY, PatternType.DAY, DAY_MINUTES, day, count=1, offsets=offsets)
    found = occurrences(series(daily), window(date(2027, 1, 1), date(2027, 12, 31)))
    text, _, more = expected[1].partition("+")
    assert blocks(found) == [(at(expected[0]), at(text) + timedelta(minutes=int(more or 0)), 2)]


def test_a_zone_that_nobody_knows_goes_by_the_rules_it_brings() -> None:
    kamchatka = Biases(-720, 0, -60, SystemTime(0, 10, 0, 5, 3), SystemTime(0, 3, 0, 5, 2))
    rules = ZoneDefinition("Kamchatka Standard Time", (ZoneRule(kamchatka, 2007),)).to_bytes()
    registered = ZoneRegistration(kamchatka).to_bytes()
    for zone in ({RECUR: rules}, {STRUCT: registered}, {RECUR: rules, STRUCT: registered}):
        properties = {name: value for name, value in series(weekly()).items() if name != RECUR}
        found = occurrences({**properties, **zone}, MARCH)
        assert starts(found) == ["03-07T21:00", "03-14T21:00", "03-21T21:00", "03-28T20:00"]


def test_all_day_series_in_utc_are_the_days_of_the_pc() -> None:
    days = blobs.series(Frequency.WEEKLY, PatternType.WEEK, 1, date(2027, 3, 1), weekdays=2, offsets=(0, 1440))
    found = occurrences(series(days, "UTC", PidLidAppointmentSubType=True), MARCH, ZoneInfo("Europe/Berlin"))
    assert starts(found)[:2] == ["02-28T23:00", "03-07T23:00"]
    assert starts(found)[-1] == "03-28T22:00"  # after the change of clocks


# --- beside another library -------------------------------------------------------------------------------------------

_ZONES = (NEW_YORK, BERLIN, "AUS Eastern Standard Time", "Nepal Standard Time", "UTC")


@st.composite
def changed_series(draw: st.DrawFn) -> AppointmentRecurrence:
    """A series some of whose first occurrences were moved, changed or deleted."""
    pattern = draw(patterns())
    begin = draw(st.integers(0, 1439))
    offsets = (begin, begin + draw(st.sampled_from((15, 60, 600, 1440, 2000))))
    first = rfc5545.day(pattern.start_date)
    days = rfc5545.slots(pattern, first, first + timedelta(days=400))[:12]
    changes = draw(st.lists(st.sampled_from(days), max_size=4, unique=True)) if days else []
    infos, deleted = [], []
    for day in changes:
        midnight = blobs.minutes_of(day)
        if draw(st.booleans()):
            deleted.append(midnight)
            continue
        start = midnight + begin + draw(st.integers(-2000, 2000))
        status = draw(st.sampled_from((None, 0, 1, 3)))
        numbers = {} if status is None else {Override.BUSY_STATUS: status}
        infos.append(ExceptionInfo(start, start + draw(st.integers(1, 3000)), midnight + begin, numbers))
    infos.sort(key=lambda info: info.start)
    removed = {*deleted, *(blobs.day_of(info.original_start) for info in infos)}
    return AppointmentRecurrence(
        pattern=replace(
            pattern,
            deleted_instance_dates=tuple(sorted(removed)),
            modified_instance_dates=tuple(blobs.day_of(info.start) for info in infos),
        ),
        start_offset=offsets[0],
        end_offset=offsets[1],
        exceptions=tuple(infos),
    )


@settings(max_examples=300, deadline=None)
@given(changed_series(), st.sampled_from(_ZONES), st.integers(0, 300))
def test_a_series_blocks_what_its_days_and_exceptions_say(
    recurrence: AppointmentRecurrence, zone: str, skipped: int
) -> None:
    first = rfc5545.day(recurrence.pattern.start_date) + timedelta(days=skipped)
    within = window(first, first + timedelta(days=60))

    found = occurrences(series(recurrence, zone), within)

    assert [tuple(block) for block in found] == _by_hand(recurrence, ZoneInfo(win_tz[zone]), within)


def _by_hand(recurrence: AppointmentRecurrence, zone: ZoneInfo, within: Interval) -> list[tuple[int, int, int]]:
    """Every slot that dateutil finds, the removed ones left out, the exceptions added."""
    pattern = recurrence.pattern
    edges = [from_minutes(edge).date() for edge in within]
    days = rfc5545.slots(pattern, edges[0] - timedelta(days=4), edges[1] + timedelta(days=2))
    spans = [
        (blobs.minutes_of(day) + recurrence.start_offset, blobs.minutes_of(day) + recurrence.end_offset, 2)
        for day in days
        if blobs.minutes_of(day) not in pattern.deleted_instance_dates
    ]
    spans += [(info.start, info.end, info.numbers.get(Override.BUSY_STATUS, 2)) for info in recurrence.exceptions]
    found = []
    for start, end, status in spans:
        begins, ends = (to_minutes(rfc5545.wall(edge).replace(tzinfo=zone)) for edge in (start, end))
        ends = ends if ends > begins else begins + end - start
        if status and begins < within.end and ends > within.start:
            found.append((begins, ends, status))
    return sorted(found)


@settings(max_examples=40, deadline=None)
@given(changed_series(), st.sampled_from((NEW_YORK, BERLIN, "UTC")))
def test_a_series_blocks_what_recurring_ical_events_expands(recurrence: AppointmentRecurrence, zone: str) -> None:
    first = rfc5545.day(recurrence.pattern.start_date)
    if rfc5545.slots(recurrence.pattern, first, first) != [first]:
        return  # in iCalendar the start is an occurrence even where no rule puts one
    last = first + timedelta(days=90)

    found = blocks(occurrences(series(recurrence, zone), window(first, last)))

    told = rfc5545.busy(recurrence, win_tz[zone], 2, first, last)
    inner = [block for block in found if _is_plain(block, first, last)]
    assert inner == [block for block in told if block[2] and _is_plain(block, first, last)]


def _is_plain(block: Block, first: date, last: date) -> bool:
    """Well inside the window: at its edges the two mean different days."""
    return first + timedelta(days=3) <= block[0].date() and block[1].date() <= last - timedelta(days=3)


# --- samples ----------------------------------------------------------------------------------------------------------


def _pst_window(first: str, last: str) -> tuple[BusyBlock, ...]:
    (appointment,) = samples.pst("pst/pacific-weekly-series.pst")
    return occurrences(appointment, window(date.fromisoformat(first), date.fromisoformat(last)))


def test_the_pacific_series_has_lost_one_tuesday_and_moved_two() -> None:
    assert starts(_pst_window("2016-08-01", "2016-09-15")) == [
        "08-02T15:00",
        "08-16T15:00",
        "08-23T16:00",
        "08-30T17:00",
        "09-06T15:00",
        "09-13T15:00",
    ]


def test_the_pacific_series_goes_on_for_ever_on_its_wall_clock() -> None:
    assert starts(_pst_window("2027-11-01", "2027-11-15")) == ["11-02T15:00", "11-09T16:00"]


def test_the_friday_lunch_was_moved_to_a_monday_and_shown_as_away_once() -> None:
    lunch = samples.msg("msg/friday-lunch-two-exceptions.msg")
    found = occurrences(lunch, window(date(2023, 1, 1), date(2024, 2, 1)))
    assert starts(found)[:4] == ["01-09T03:00", "01-20T03:00", "01-27T03:00", "02-03T03:00"]
    assert [int(block.status) for block in found[:4]] == [2, 3, 2, 2]
    assert len(found) == 51
    assert from_minutes(found[-1].start) == at("2023-12-29T03:00")


def test_a_daily_series_of_one_free_day_blocks_that_day_of_tokyo_once_it_is_busy() -> None:
    daily, winter = samples.msg("msg/daily.msg"), window(date(2022, 12, 1), date(2023, 2, 1))
    assert occurrences(daily, winter) == ()
    shown = occurrences({**daily, "PidLidBusyStatus": 3}, winter)
    assert blocks(shown) == [(at("2022-12-11T15:00"), at("2022-12-12T15:00"), 3)]


def test_every_series_of_the_samples_expands_as_recurring_ical_events_has_it() -> None:
    seen = 0
    for where, properties in samples.appointments():
        blob = properties.get(SERIES)
        if not isinstance(blob, bytes):
            continue
        recurrence = read_appointment_recurrence(blob)
        pattern = recurrence.pattern
        zone = series_zone(properties, rfc5545.wall(pattern.start_date + recurrence.start_offset), UTC)
        if not isinstance(zone, ZoneInfo) or pattern.calendar_type > 1:
            continue
        first = rfc5545.day(pattern.start_date)
        last = first + timedelta(days=400)
        shown = {**properties, "PidLidBusyStatus": 2}
        told = [block for block in rfc5545.busy(recurrence, zone.key, 2, first, last) if block[2]]

        assert blocks(occurrences(shown, window(first - timedelta(days=1), last)))[: len(told)] == told, where
        seen += 1
    assert seen


def test_every_appointment_of_the_samples_has_times() -> None:
    everything = Interval(0, 200_000_000)
    for where, properties in samples.appointments():
        if is_appointment(properties.get("PidTagMessageClass")):
            found = occurrences({**properties, "PidLidBusyStatus": 2}, everything)
            assert found or properties["PidLidAppointmentDuration"] == 0, where


# --- what cannot be read ----------------------------------------------------------------------------------------------


def test_a_series_whose_exceptions_are_damaged_blocks_every_day_of_its_pattern() -> None:
    away = moved(at("2027-03-08T09:00"), at("2027-03-10T13:30"), at("2027-03-10T15:00"), status=3)
    properties = series(weekly(exceptions=(away,), deleted=(date(2027, 3, 22),)))
    damaged = {**properties, SERIES: bytes(properties[SERIES])[:-20]}  # type: ignore[arg-type]

    with pytest.raises(MalformedProperty):
        occurrences(damaged, MARCH)

    known = known_times(damaged, MARCH)
    assert known is not None
    assert starts(known) == [
        *("03-01T14:00", "03-01T14:00", "03-08T14:00", "03-10T14:00"),
        *("03-15T13:00", "03-22T13:00", "03-29T13:00"),
    ]


def test_a_series_whose_pattern_is_damaged_blocks_its_first_day_at_least() -> None:
    damaged = {**series(weekly()), SERIES: b"junk"}
    assert starts(known_times(damaged, MARCH) or ()) == ["03-01T14:00"]
    assert known_times(damaged, window(date(2027, 6, 1), date(2027, 7, 1))) is None


def test_a_series_with_a_damaged_zone_goes_by_what_else_it_tells() -> None:
    damaged = {**series(weekly()), RECUR: b"junk", STRUCT: ZoneRegistration(Biases(300)).to_bytes()}
    with pytest.raises(MalformedProperty, match=RECUR):
        occurrences(damaged, MARCH)
    assert set(starts(known_times(damaged, MARCH) or ())) == {
        *("03-01T14:00", "03-08T14:00", "03-15T14:00", "03-22T14:00", "03-29T14:00")
    }


def test_nothing_is_known_of_an_item_without_a_start() -> None:
    assert known_times({"PidLidAppointmentEndWhole": at("2027-03-10T09:00")}, MARCH) is None


def test_a_calendar_that_nobody_can_count_in_is_told_where_it_stands() -> None:
    lunar = blobs.series(Frequency.MONTHLY, PatternType.MONTH, 1, date(2027, 3, 1), day=1)
    lunar = replace(lunar, pattern=replace(lunar.pattern, calendar_type=0x0F))
    with pytest.raises(MalformedProperty, match="PidLidAppointmentRecur, byte 8: the months of calendar 0xf"):
        occurrences(series(lunar), MARCH)


_any_value = (
    st.booleans()
    | st.integers(-(2**31), 2**31 - 1)
    | st.binary(max_size=100)
    | st.datetimes(datetime(1601, 1, 1), datetime(9999, 12, 31)).map(lambda value: value.replace(tzinfo=UTC))
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(BUSY_PROPERTIES), _any_value),
    blobs.recurrences(),
    st.binary(max_size=4),
    st.sampled_from((UTC, ZoneInfo("America/New_York"), timezone(timedelta(hours=14)))),
)
def test_hostile_properties_are_refused_or_read_and_never_anything_else(
    junk: dict[str, Value], recurrence: AppointmentRecurrence, cut: bytes, local: ZoneInfo
) -> None:
    data = recurrence.to_bytes()
    properties = {SERIES: data[: len(data) - len(cut)], "PidLidRecurring": True, **junk}
    found: tuple[BusyBlock, ...] | None
    try:
        found = occurrences(properties, MARCH, local)
    except MalformedProperty:
        found = known_times(properties, MARCH, local)
    for block in found or ():
        assert block.start < MARCH.end
        assert block.end > MARCH.start
        assert block.start < block.end
        assert block.status is not BusyStatus.FREE


def test_a_pattern_with_no_sense_of_measure_is_expanded_at_once() -> None:
    every_day = RecurrencePattern(
        Frequency.DAILY,
        PatternType.DAY,
        0,
        DAY_MINUTES,
        EndType.AFTER_COUNT,
        0xFFFFFFFF,
        0,
        0xFFFFFFFF,
        deleted_instance_dates=tuple(range(0, 60_000)),
    )
    long = AppointmentRecurrence(every_day, 0, 4 * 365 * DAY_MINUTES)
    assert len(occurrences(series(long), MARCH)) < 2_000
