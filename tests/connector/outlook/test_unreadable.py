"""What cannot be read is refused in a bounded time, and blocks what is known of it."""
# ruff: noqa: DTZ001 - wall clocks

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.outlook import blobs
from connector.outlook.appointments import (
    MARCH,
    SERIES,
    at,
    moved,
    series,
    starts,
    weekly,
    window,
)
from dovetail.connector.outlook.appointment_recurrence import (
    AppointmentRecurrence,
)
from dovetail.connector.outlook.appointment_zone import RECUR, STRUCT
from dovetail.connector.outlook.binary import MalformedProperty
from dovetail.connector.outlook.occurrences import BUSY_PROPERTIES, known_times, occurrences
from dovetail.connector.outlook.properties import Value
from dovetail.connector.outlook.recurrence_pattern import (
    DAY_MINUTES,
    EndType,
    Frequency,
    PatternType,
    RecurrencePattern,
)
from dovetail.connector.outlook.time_zones import (
    Biases,
    ZoneRegistration,
)
from dovetail.schedule.busy import BusyBlock, BusyStatus


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
