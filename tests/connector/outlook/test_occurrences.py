"""When an appointment blocks, from its MAPI properties alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.outlook import blobs
from connector.outlook.appointments import (
    MARCH,
    at,
    blocks,
    moved,
    series,
    single,
    starts,
    weekly,
    window,
    zone_blob,
)
from dovetail.connector.outlook.appointment_zone import RECUR, START_DISPLAY, STRUCT
from dovetail.connector.outlook.binary import MalformedProperty
from dovetail.connector.outlook.occurrences import BUSY_PROPERTIES, occurrences
from dovetail.connector.outlook.properties import PROPERTIES, Value
from dovetail.connector.outlook.recurrence_pattern import (
    DAY_MINUTES,
    ENDLESS_DATE,
    EndType,
    Frequency,
    PatternType,
)
from dovetail.connector.outlook.time_zones import (
    Biases,
    SystemTime,
    ZoneDefinition,
    ZoneRegistration,
    ZoneRule,
)
from dovetail.schedule.busy import BusyStatus

HIDDEN_PROPERTIES = {"PidTagSubject", "PidLidLocation", "PidLidAllAttendeesString", "PidLidPrivate"}


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
