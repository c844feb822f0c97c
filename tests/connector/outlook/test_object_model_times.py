"""Times out of Outlook's object model: series told without their blob, clocks that lie about their zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from connector.calendars.contract import NINE, TEN, WINDOW, at
from connector.outlook import appointments, blobs, samples
from connector.outlook.model_outlook import ModelOutlook
from connector.outlook.model_store import (
    Mailbox,
)
from connector.outlook.outlook_hand import OutlookHand, scan
from dovetail.connector.calendars.port import (
    Present,
    Scan,
    ScanRequest,
)
from dovetail.connector.outlook.occurrences import occurrences
from dovetail.connector.outlook.properties import Properties
from dovetail.connector.outlook.recurrence_pattern import Frequency, PatternType
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval


@pytest.fixture
def hand() -> OutlookHand:
    return OutlookHand(ModelOutlook())


def blocks(found: Scan) -> list[str]:
    return [f"{datetime.fromtimestamp(b.start * 60, UTC):%m-%dT%H:%M}" for item in found.items for b in item.busy]


def test_a_series_loses_its_deleted_and_moves_its_changed_occurrences(hand: OutlookHand) -> None:
    recurrence = appointments.weekly(
        exceptions=(appointments.moved(at("2027-03-15T09:00"), at("2027-03-16T13:00"), at("2027-03-16T14:00"), 3),),
        deleted=(date(2027, 3, 8),),
    )
    hand.mailbox.add(hand.folders[0], {"PidTagMessageClass": "IPM.Appointment", **appointments.series(recurrence)})

    assert blocks(scan(hand))[:4] == ["03-01T14:00", "03-16T17:00", "03-22T13:00", "03-29T13:00"]


def test_an_exception_shows_as_it_says_itself(hand: OutlookHand) -> None:
    recurrence = appointments.weekly(
        exceptions=(appointments.moved(at("2027-03-15T09:00"), at("2027-03-16T13:00"), at("2027-03-16T14:00"), 3),),
    )
    hand.mailbox.add(hand.folders[0], {"PidTagMessageClass": "IPM.Appointment", **appointments.series(recurrence)})

    (item,) = scan(hand).items

    assert [int(block.status) for block in item.busy][:4] == [2, 2, 3, 2]


def test_a_series_that_began_long_before_the_window_still_blocks(hand: OutlookHand) -> None:
    properties = appointments.series(appointments.weekly(date(2026, 3, 2)))
    hand.mailbox.add(hand.folders[0], {"PidTagMessageClass": "IPM.Appointment", **properties})

    assert blocks(scan(hand))[0] == "03-01T14:00"


def test_an_exception_that_cannot_be_read_leaves_its_old_time_blocked_and_is_told(hand: OutlookHand) -> None:
    recurrence = appointments.weekly(
        exceptions=(appointments.moved(at("2027-03-15T09:00"), at("2027-03-16T13:00"), at("2027-03-16T14:00")),),
    )
    kept = hand.mailbox.add(
        hand.folders[0], {"PidTagMessageClass": "IPM.Appointment", **appointments.series(recurrence)}
    )
    kept.lost_exceptions = True

    (problem,) = scan(hand).problems

    assert problem.code == "occurrence_unreadable"
    assert problem.busy is not None
    assert to_minutes(at("2027-03-15T13:00")) in [block.start for block in problem.busy]


def test_days_of_exceptions_told_on_the_clock_of_the_pc_are_those_of_the_series() -> None:
    hand = OutlookHand(ModelOutlook(Mailbox(ZoneInfo("Asia/Tokyo"), "Tokyo Standard Time")))
    recurrence = appointments.weekly(deleted=(date(2027, 3, 8),))  # Mondays 9:00 in New York, 23:00 in Tokyo
    evening = replace(recurrence, start_offset=19 * 60, end_offset=20 * 60)  # Tuesdays 9:00 in Tokyo
    hand.mailbox.add(hand.folders[0], {"PidTagMessageClass": "IPM.Appointment", **appointments.series(evening)})

    assert blocks(scan(hand))[:2] == ["03-02T00:00", "03-15T23:00"]


def test_where_outlook_does_not_tell_the_first_day_of_the_week_all_readings_block(hand: OutlookHand) -> None:
    recurrence = blobs.series(
        Frequency.WEEKLY, PatternType.WEEK, 2, date(2027, 3, 3), weekdays=0b0001001, first_day_of_week=1
    )  # every second week on Sunday and Wednesday, the week beginning on Monday
    hand.mailbox.add(hand.folders[0], {"PidTagMessageClass": "IPM.Appointment", **appointments.series(recurrence)})

    found = blocks(scan(hand))

    assert {"03-03T14:00", "03-07T14:00", "03-17T13:00", "03-21T13:00"} <= set(found)


def test_every_kind_of_series_comes_out_as_from_the_file(hand: OutlookHand) -> None:
    kinds = [
        blobs.series(Frequency.DAILY, PatternType.DAY, 3 * 1440, date(2027, 3, 1), count=9),
        blobs.series(
            Frequency.DAILY, PatternType.WEEK, 1, date(2027, 3, 1), until=date(2027, 3, 20), weekdays=0b111110
        ),
        blobs.series(Frequency.WEEKLY, PatternType.WEEK, 1, date(2027, 3, 2), weekdays=0b10100),
        blobs.series(Frequency.MONTHLY, PatternType.MONTH, 1, date(2027, 1, 31), day=31),
        blobs.series(Frequency.MONTHLY, PatternType.MONTH_NTH, 1, date(2027, 1, 25), weekdays=0b10, nth=5),
        blobs.series(Frequency.YEARLY, PatternType.MONTH, 12, date(2025, 3, 9), day=9),
        blobs.series(Frequency.YEARLY, PatternType.MONTH_NTH, 24, date(2025, 4, 14), weekdays=0b10, nth=2),
    ]
    for kind in kinds:
        properties = {"PidTagMessageClass": "IPM.Appointment", **appointments.series(kind)}
        message = hand.mailbox.add(hand.folders[0], properties)
        probe = hand.port.probe(hand.main, message.entry_id, WINDOW)
        assert isinstance(probe, Present)
        assert probe.item.busy == occurrences(properties, WINDOW, hand.mailbox.local)
        assert probe.item.busy


@pytest.mark.parametrize("name", samples.names("msg/*.msg"))
def test_what_outlook_saved_comes_out_of_outlook_as_from_the_file(hand: OutlookHand, name: str) -> None:
    comes_out_as_from_the_file(hand, samples.msg(name))


def test_a_real_data_file_comes_out_of_outlook_as_from_the_file(hand: OutlookHand) -> None:
    for properties in samples.pst("pst/pacific-weekly-series.pst"):
        comes_out_as_from_the_file(hand, properties)


def comes_out_as_from_the_file(hand: OutlookHand, properties: Properties) -> None:
    begin = properties["PidLidAppointmentStartWhole"]
    assert isinstance(begin, datetime)
    span = Interval(to_minutes(begin) - 7 * 1440, to_minutes(begin) + 500 * 1440)
    message = hand.mailbox.add(hand.folders[0], {**properties, "PidTagMessageClass": "IPM.Appointment"})

    found = hand.port.probe(hand.main, message.entry_id, span)

    assert isinstance(found, Present)
    assert found.item.busy == occurrences(properties, span, hand.mailbox.local)


def test_a_single_appointment_is_never_asked_for_its_pattern(hand: OutlookHand) -> None:
    hand.adds(hand.main, NINE, TEN)
    scan(hand)

    assert ("AppointmentItem", "GetRecurrencePattern") not in hand.outlook.log


def test_a_version_in_the_hour_that_comes_twice_is_not_trusted_too_early(hand: OutlookHand) -> None:
    hand.mailbox.time = at("2027-10-31T00:30")  # 2:30 in Berlin, for the first time
    window = Interval(to_minutes(at("2027-10-01T00:00")), to_minutes(at("2027-12-01T00:00")))
    hand.adds(hand.main, at("2027-11-10T09:00"), at("2027-11-10T10:00"))
    hand.lets_time_pass()

    (item,) = hand.port.scan(ScanRequest(hand.main, window)).items

    assert "~" in item.version
