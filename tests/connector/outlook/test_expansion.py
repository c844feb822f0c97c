"""Series block the times that other libraries expand them to, and those of the samples are where Outlook shows them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from tzlocal.windows_tz import win_tz

from connector.outlook import blobs, rfc5545, samples
from connector.outlook.appointments import (
    BERLIN,
    NEW_YORK,
    SERIES,
    Block,
    at,
    blocks,
    series,
    starts,
    window,
)
from connector.outlook.test_slots import patterns
from dovetail.connector.outlook.appointment_recurrence import (
    AppointmentRecurrence,
    ExceptionInfo,
    Override,
    read_appointment_recurrence,
)
from dovetail.connector.outlook.appointment_zone import series_zone
from dovetail.connector.outlook.occurrences import occurrences
from dovetail.connector.outlook.properties import is_appointment
from dovetail.schedule.busy import BusyBlock
from dovetail.schedule.instants import from_minutes, to_minutes
from dovetail.schedule.intervals import Interval

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
