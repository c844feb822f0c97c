"""Both ways into one Outlook give the same occurrences: of what Outlook saved, and of what was made up."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.outlook import appointments, blobs, rfc5545, samples
from connector.outlook.appointments import BERLIN, NEW_YORK
from connector.outlook.mapi_hand import MapiHand
from connector.outlook.test_expansion import changed_series
from dovetail.connector.calendars.port import Scan, ScanRequest
from dovetail.connector.outlook.appointment_recurrence import AppointmentRecurrence
from dovetail.connector.outlook.appointment_zone import START_DISPLAY
from dovetail.connector.outlook.properties import Properties
from dovetail.connector.outlook.recurrence_pattern import PatternType, RecurrencePattern
from dovetail.schedule.busy import BusyBlock
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval


def both(hand: MapiHand, window: Interval) -> tuple[Scan, Scan]:
    request = ScanRequest(hand.main, window)
    by_mapi, by_object_model = hand.port.scan(request), hand.by_object_model.scan(request)
    assert by_mapi.complete
    assert by_object_model.complete
    assert by_mapi.problems == by_object_model.problems == ()
    return by_mapi, by_object_model


def busy(scan: Scan) -> dict[str, tuple[BusyBlock, ...]]:
    return {item.handle: item.busy for item in scan.items if item.busy}


def kept(hand: MapiHand, properties: Properties) -> None:
    hand.mailbox.add(hand.folders[0], {**properties, "PidTagMessageClass": "IPM.Appointment"})


@pytest.mark.parametrize("kind", [3, 0], ids=["data file", "mailbox"])
def test_what_outlook_saved_blocks_the_same_times_both_ways(kind: int) -> None:
    hand = MapiHand(kind=kind)
    found = [samples.msg(name) for name in samples.names("msg/*.msg")]
    found += samples.pst("pst/pacific-weekly-series.pst")
    for properties in found:
        kept(hand, properties)
    begins = [properties["PidLidAppointmentStartWhole"] for properties in found]
    years = {begin.year for begin in begins if isinstance(begin, datetime)}

    for year in sorted(years):
        by_mapi, by_object_model = both(hand, appointments.window(date(year, 1, 1), date(year + 1, 1, 1)))
        assert busy(by_mapi) == busy(by_object_model)
        assert busy(by_mapi)


def test_single_appointments_block_the_same_times_both_ways() -> None:
    hand = MapiHand()
    zone = appointments.zone_blob(BERLIN)
    utc = appointments.zone_blob("UTC")
    for number in range(40):
        start = appointments.at("2027-03-01T00:00") + timedelta(hours=19 * number)
        end = start + timedelta(minutes=15 + 35 * number)
        status = number % 5
        hand.mailbox.add(
            hand.folders[0],
            {
                "PidTagMessageClass": "IPM.Appointment",
                **appointments.single(f"{start:%Y-%m-%dT%H:%M}", f"{end:%Y-%m-%dT%H:%M}", PidLidBusyStatus=status),
                START_DISPLAY: zone,
            },
        )
    for display in (zone, utc):
        whole = {"PidLidAppointmentSubType": True, START_DISPLAY: display}
        kept(hand, appointments.single("2027-03-05T00:00", "2027-03-06T00:00", **whole))

    by_mapi, by_object_model = both(hand, appointments.MARCH)

    assert busy(by_mapi) == busy(by_object_model)
    assert len(busy(by_mapi)) == 34


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(changed_series(), st.sampled_from((NEW_YORK, BERLIN, "UTC"))), min_size=1, max_size=4))
def test_made_up_series_block_the_same_times_both_ways(found: list[tuple[AppointmentRecurrence, str]]) -> None:
    hand = MapiHand()
    for recurrence, zone in found:
        if _is_told(recurrence):
            display = {START_DISPLAY: appointments.zone_blob(zone)}
            kept(hand, appointments.series(recurrence, zone, PidTagSubject="Standing appointment", **display))
    first = rfc5545.wall(found[0][0].pattern.start_date)
    begin = to_minutes(first.replace(tzinfo=appointments.UTC))

    by_mapi, by_object_model = both(hand, Interval(begin, begin + 120 * 1440))

    assert busy(by_mapi) == busy(by_object_model)


def test_where_the_object_model_does_not_tell_the_first_day_of_the_week_mapi_does() -> None:
    hand = MapiHand()
    recurrence = blobs.series(
        appointments.Frequency.WEEKLY, PatternType.WEEK, 2, date(2027, 3, 3), weekdays=0b0001001, first_day_of_week=1
    )
    kept(hand, appointments.series(recurrence, PidTagSubject="Every second week", **_display()))

    by_mapi, by_object_model = (busy(scan) for scan in both(hand, appointments.MARCH))

    assert by_mapi.keys() == by_object_model.keys()
    for handle, blocks in by_mapi.items():
        assert set(blocks) < set(by_object_model[handle])


def _display() -> dict[str, bytes]:
    return {START_DISPLAY: appointments.zone_blob(NEW_YORK)}


def _is_told(recurrence: AppointmentRecurrence) -> bool:
    """Whether the object model tells all of it: not the first day of the week, nor the last day of months as such."""
    return not (_several_weeks(recurrence.pattern) or recurrence.pattern.pattern_type is PatternType.MONTH_END)


def _several_weeks(pattern: RecurrencePattern) -> bool:
    """Told apart by the first day of the week, unless all happens on the weekday that the series begins on."""
    first_weekday = 1 << rfc5545.day(pattern.start_date).isoweekday() % 7
    is_weekly = pattern.pattern_type is PatternType.WEEK and pattern.period > 1
    return is_weekly and pattern.weekdays != first_weekday
