"""Outlook's files as calendars that are read: the reading part of the contract, and what is theirs alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.calendars.contract import (
    DRAFT,
    HOUR,
    LATER,
    NINE,
    TEN,
    WINDOW,
    CalendarContract,
    stamp,
)
from connector.calendars.hands import OnOpen
from connector.outlook import written
from connector.outlook.hands import BUSY, FilesHand, MsgHand, PstHand, known, scan
from dovetail.connector.calendar_spec import open_calendar, read_spec
from dovetail.connector.calendars.port import CalendarError, ScanRequest, Unknown
from dovetail.connector.outlook.data_files import OutlookFiles
from dovetail.protocol.messages import Access
from dovetail.schedule.instants import from_minutes

_WRITES = {"create", "update", "delete"}
_BOOKABLE_ONLY = "test_lists_its_calendars_by_name_and_says_that_they_can_be_booked"


def _reads(test: Any) -> bool:
    return not _WRITES & set(test.__code__.co_names)


@pytest.fixture(params=[MsgHand, PstHand], ids=["msg", "pst"])
def hand(request: pytest.FixtureRequest, tmp_path: Path) -> FilesHand:
    made: FilesHand = request.param(tmp_path / "calendars")
    return made


class TestReadingPart:
    """Every test of the contract that writes nothing."""

    locals().update(
        {
            name: test
            for name, test in vars(CalendarContract).items()
            if name.startswith("test_") and name != _BOOKABLE_ONLY and _reads(test)
        }
    )


def test_the_reading_part_is_most_of_what_a_calendar_that_is_read_must_do() -> None:
    names = {name for name in vars(TestReadingPart) if name.startswith("test_")}
    assert len(names) >= 19
    assert {
        "test_a_moved_appointment_is_seen_again_though_it_was_known",
        "test_one_broken_appointment_leaves_the_rest_in_sight",
        "test_nothing_is_gone_or_absent_while_the_store_is_away",
        "test_nothing_but_times_comes_out_of_the_users_own_appointments",
    } <= names


def test_it_lists_its_calendars_by_name_and_says_that_they_take_no_bookings(hand: FilesHand) -> None:
    listed = {info.id: info for info in hand.port.list_calendars()}

    assert set(listed) == {hand.main, hand.other}
    assert all(info.access is Access.BUSY_ONLY and info.name for info in listed.values())
    assert all("no booking can be written" in info.reason for info in listed.values())
    assert [info.id for info in listed.values() if info.default] == [hand.main]
    assert not hand.port.capabilities().writes


def test_no_booking_is_written_and_it_says_why(hand: FilesHand) -> None:
    handle = hand.adds(hand.main, NINE, TEN)
    for write in (
        lambda: hand.port.create(hand.main, DRAFT, stamp()),
        lambda: hand.port.update(hand.main, handle, "", DRAFT, stamp()),
        lambda: hand.port.delete(hand.main, handle, "", stamp()),
    ):
        with pytest.raises(CalendarError, match="no booking can be written") as error:
            write()
        assert not error.value.transient
    assert len(scan(hand.port, hand.main).items) == 1


def test_what_has_not_changed_is_only_named(hand: FilesHand) -> None:
    handles = {hand.adds(hand.main, NINE, TEN), hand.adds(hand.main, LATER, LATER + HOUR, weeks=3)}
    hand.lets_time_pass()
    seen = known(scan(hand.port, hand.main))

    again = scan(hand.port, hand.main, seen)

    assert (again.complete, again.unchanged, again.items) == (True, handles, ())


def test_a_scan_of_what_has_not_changed_opens_no_file_twice(hand: FilesHand, on_open: OnOpen) -> None:
    for number in range(3):
        hand.adds(hand.main, NINE + number * HOUR, TEN + number * HOUR)
    hand.lets_time_pass()
    seen = known(scan(hand.port, hand.main))
    opened: list[str] = []
    on_open.below, on_open.action = str(hand.path), opened.append

    again = scan(hand.port, hand.main, seen)

    assert opened == []
    assert again.unchanged == set(seen)


def test_what_the_caller_has_not_is_told_again(hand: FilesHand) -> None:
    handle = hand.adds(hand.main, NINE, TEN)
    hand.lets_time_pass()
    for _ in range(2):
        assert [item.handle for item in scan(hand.port, hand.main).items] == [handle]


def test_a_problem_is_told_in_every_scan(hand: FilesHand) -> None:
    hand.adds(hand.main, LATER, LATER + HOUR)
    broken = hand.adds(hand.main, NINE, TEN)
    hand.breaks(hand.main, broken)
    hand.lets_time_pass()
    seen = known(scan(hand.port, hand.main))

    again = scan(hand.port, hand.main, seen)

    assert [problem.handle for problem in again.problems] == [broken]
    assert again.unchanged == set(seen)


def test_a_series_that_is_broken_still_blocks_what_is_known_of_it(hand: FilesHand) -> None:
    handle = hand.adds(hand.main, NINE, TEN)
    hand.breaks(hand.main, handle)

    (problem,) = scan(hand.port, hand.main).problems

    assert (problem.handle, problem.code, problem.busy) == (handle, "recurrence_malformed", (BUSY,))
    assert "PidLidAppointmentRecur, byte" in problem.reason


def test_an_item_without_times_is_a_problem_of_its_own(hand: FilesHand) -> None:
    handle = hand.adds(hand.main, NINE, TEN)
    del hand.saved[handle]["PidLidAppointmentStartWhole"]
    hand.writes(handle)

    (problem,) = scan(hand.port, hand.main).problems

    assert (problem.code, problem.busy) == ("times_malformed", None)
    assert isinstance(hand.port.probe(hand.main, handle, WINDOW), Unknown)


@pytest.mark.parametrize("kind", ["IPM.Schedule.Meeting.Request", "IPM.Note", "IPM.Task", "IPM.AppointmentX"])
def test_what_is_no_appointment_is_not_seen(hand: FilesHand, kind: str) -> None:
    other = written.appointment(NINE, TEN) | {"PidTagMessageClass": kind}
    if isinstance(hand, PstHand):
        hand.saves(hand.main, other)
    else:
        (hand.path / hand.main / "mail.msg").write_bytes(written.msg(other))

    found = scan(hand.port, hand.main)

    assert (found.complete, found.items, found.problems) == (True, (), ())


@pytest.mark.parametrize("kind", ["IPM.Appointment", "ipm.appointment", "IPM.Appointment.Occurrence"])
def test_an_appointment_of_a_form_of_its_own_is_seen(hand: FilesHand, kind: str) -> None:
    hand.saves(hand.main, written.appointment(NINE, TEN) | {"PidTagMessageClass": kind})
    assert [item.busy for item in scan(hand.port, hand.main).items] == [(BUSY,)]


def test_all_day_in_utc_is_the_day_of_the_pc_and_its_zone_is_part_of_the_version(hand: FilesHand) -> None:
    midnight = NINE.replace(hour=0)
    hand.saves(hand.main, written.appointment(midnight, midnight + 24 * HOUR) | {"PidLidAppointmentSubType": True})
    hand.lets_time_pass()
    (there,) = scan(hand.port, hand.main).items

    here = OutlookFiles(hand.path, local=ZoneInfo("Asia/Tokyo"))
    (moved,) = scan(here, hand.main, {there.handle: there.version}).items

    assert [from_minutes(block.start) for block in moved.busy] == [midnight - 9 * HOUR]


def test_an_unknown_calendar_is_not_there(hand: FilesHand) -> None:
    elsewhere = hand.path.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lunch.msg").write_bytes(written.msg(written.appointment(NINE, TEN)))
    with pytest.raises(CalendarError):
        scan(hand.port, "../elsewhere")


def test_a_connector_names_it_by_its_path(hand: FilesHand) -> None:
    hand.adds(hand.main, NINE, TEN)
    calendar = open_calendar(read_spec(f"outlook-file:{hand.path}"))

    assert {info.id for info in calendar.list_calendars()} == {hand.main, hand.other}
    assert [item.busy for item in calendar.scan(ScanRequest(hand.main, WINDOW)).items] == [(BUSY,)]
