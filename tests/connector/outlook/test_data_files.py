"""Outlook's files as calendars that are read: the reading part of the contract, and what is theirs alone."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.calendars.contract import (
    DRAFT,
    HOUR,
    LATER,
    NINE,
    SECRET,
    TEN,
    WINDOW,
    CalendarContract,
    stamp,
)
from connector.calendars.hands import OnOpen, grow_old
from connector.outlook import samples, written, written_pst
from connector.outlook.hands import FilesHand, MsgHand, PstHand
from connector.outlook.test_occurrences import window
from dovetail.connector.calendar_spec import open_calendar, read_spec
from dovetail.connector.calendars.port import CalendarError, Gone, Present, Scan, ScanRequest, Unknown
from dovetail.connector.outlook.data_files import OutlookFiles
from dovetail.connector.outlook.msg_folder import ROOT
from dovetail.connector.outlook.pst_store import PstStore
from dovetail.protocol.messages import Access
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import from_minutes, to_minutes
from dovetail.schedule.intervals import Interval

BUSY = BusyBlock(to_minutes(NINE), to_minutes(TEN), BusyStatus.BUSY)
PACIFIC = "pst/pacific-weekly-series.pst"


def scan(port: OutlookFiles, calendar: str, known: dict[str, str] | None = None) -> Scan:
    return port.scan(ScanRequest(calendar, WINDOW, known or {}))


def known(seen: Scan) -> dict[str, str]:
    return {item.handle: item.version for item in seen.items}


# --- the contract -----------------------------------------------------------------------------------------------------

_WRITES = {"create", "update"}
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


# --- .msg -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "Saved appointments"
    path.mkdir()
    return path


def test_a_folder_of_messages_is_one_calendar(folder: Path) -> None:
    (folder / "lunch.msg").write_bytes(written.msg(written.appointment(NINE, TEN)))
    port = OutlookFiles(folder, local=UTC)

    (info,) = port.list_calendars()

    assert (info.name, info.default) == ("Saved appointments", True)
    assert [item.busy for item in scan(port, info.id).items] == [(BUSY,)]


def test_an_empty_folder_is_one_calendar(folder: Path) -> None:
    assert [info.id for info in OutlookFiles(folder).list_calendars()] == [ROOT]


def test_a_file_named_after_its_subject_gives_it_away_to_its_owner_alone(folder: Path) -> None:
    (folder / f"{SECRET}.msg").write_bytes(written.msg(written.appointment(NINE, TEN, subject=SECRET)))
    (folder / f"{SECRET} 2.msg").write_bytes(b"damaged")
    found = scan(OutlookFiles(folder, local=UTC), ROOT)
    (problem,) = found.problems

    assert SECRET not in repr(found.items) + str(problem.handle) + problem.code + problem.reason
    assert problem.where == f"{SECRET} 2.msg"


@pytest.mark.parametrize(
    "content", [b"", b"junk", bytes.fromhex("D0CF11E0A1B11AE1"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000)]
)
def test_a_file_that_is_no_message_is_told_and_the_rest_is_read(folder: Path, content: bytes) -> None:
    (folder / "damaged.msg").write_bytes(content)
    (folder / "lunch.msg").write_bytes(written.msg(written.appointment(NINE, TEN)))

    found = scan(OutlookFiles(folder, local=UTC), ROOT)

    assert [problem.code for problem in found.problems] == ["item_unreadable"]
    assert [item.busy for item in found.items] == [(BUSY,)]
    assert found.complete


def test_a_damaged_message_harms_nobody(folder: Path) -> None:
    whole = written.msg(written.appointment(NINE, TEN, weeks=4))
    port = OutlookFiles(folder, local=UTC)

    @settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=8), st.integers(0, 4))
    def check(damage: list[tuple[int, int]], cut: int) -> None:
        data = bytearray(whole[: len(whole) - 512 * cut])
        for at, byte in damage:
            data[at % len(data)] = byte
        (folder / "damaged.msg").write_bytes(data)
        found = scan(port, ROOT)
        assert len(found.items) + len(found.problems) <= 1

    check()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_that_leads_nowhere_is_a_problem(folder: Path) -> None:
    (folder / "lunch.msg").symlink_to(folder / "gone.msg")
    assert [problem.code for problem in scan(OutlookFiles(folder), ROOT).problems] == ["item_unreadable"]


# --- .pst -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> PstHand:
    return PstHand(tmp_path / "Archive.pst")


def test_deleted_calendars_searches_and_other_folders_are_not_listed(store: PstHand) -> None:
    store.folders["deleted"] = written_pst.calendar(0x8162, "Old", written_pst.DELETED)
    store.folders["search"] = written_pst.calendar(0x81C3, "All calendars")
    store.folders["inbox"] = written_pst.PstFolder(0x8182, "Inbox", written_pst.TOP, "IPF.Note")
    store.folders["below"] = written_pst.calendar(0x81A2, "Holidays", 0x8122)
    store.writes("")

    assert sorted(info.name for info in store.port.list_calendars()) == ["Calendar", "Holidays", "Team"]


def test_a_folder_without_a_class_is_a_calendar_when_appointments_are_in_it(store: PstHand) -> None:
    store.folders["bare"] = written_pst.PstFolder(0x8162, "Bare", written_pst.TOP)
    store.folders["notes"] = written_pst.PstFolder(0x8182, "Notes", written_pst.TOP)
    store.folders["bare"].messages[0x300004] = written.appointment(NINE, TEN)
    store.folders["notes"].messages[0x300024] = {"PidTagMessageClass": "IPM.StickyNote"}
    store.writes("")

    assert sorted(info.name for info in store.port.list_calendars()) == ["Bare", "Calendar", "Team"]


def test_a_calendar_of_an_old_file_without_unicode_is_one_too(store: PstHand) -> None:
    store.adds(store.main, NINE, TEN)
    store.folders[store.main].is_unicode = False
    store.writes("")

    assert store.main in {info.id for info in store.port.list_calendars()}
    assert [item.busy for item in scan(store.port, store.main).items] == [(BUSY,)]


def test_a_data_file_that_is_written_while_it_is_read_was_not_seen_whole(store: PstHand, on_open: OnOpen) -> None:
    store.adds(store.main, NINE, TEN)
    on_open.below, on_open.action = str(store.path), lambda path: grow_old(Path(path))

    assert not scan(store.port, store.main).complete


def test_a_folder_that_says_it_holds_something_and_shows_nothing_was_not_seen(store: PstHand) -> None:
    store.adds(store.main, NINE, TEN)
    lost = frozenset(store.folders[store.main].messages)
    store.path.write_bytes(written_pst.pst(list(store.folders.values()), lost=lost))

    found = scan(store.port, store.main)
    assert (found.complete, found.items) == (False, ())


def test_behind_an_item_that_cannot_be_opened_nothing_is_gone(store: PstHand) -> None:
    there, away = store.adds(store.main, NINE, TEN), store.adds(store.main, LATER, LATER + HOUR)
    phantoms = frozenset((int(away, 16),))
    store.path.write_bytes(written_pst.pst(list(store.folders.values()), phantoms=phantoms))

    found = scan(store.port, store.main)

    assert not found.complete
    assert [item.handle for item in found.items] == [there]
    assert [(problem.handle, problem.where) for problem in found.problems] == [(None, "Calendar, item 2")]
    assert isinstance(store.port.probe(store.main, away, WINDOW), Unknown)
    assert isinstance(store.port.probe(store.main, there, WINDOW), Present)


def test_a_data_file_that_was_just_written_is_read_again_whatever_it_looks_like(store: PstHand) -> None:
    assert PstStore(store.path).state(UTC) is None
    store.lets_time_pass()
    assert PstStore(store.path).state(UTC) is not None


@pytest.mark.parametrize("content", [b"", b"junk", b"!BDN" + bytes(1000)])
def test_a_file_that_is_no_data_file_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "Archive.pst"
    path.write_bytes(content)
    with pytest.raises(CalendarError, match=r"“Archive\.pst”") as error:
        OutlookFiles(path).list_calendars()
    assert error.value.reason


def test_a_data_file_that_is_away_says_so(tmp_path: Path) -> None:
    with pytest.raises(CalendarError, match="it is not there"):
        OutlookFiles(tmp_path / "Archive.pst").list_calendars()


def test_a_damaged_data_file_harms_nobody(store: PstHand) -> None:
    for number in range(3):
        store.adds(store.main, NINE + number * HOUR, TEN + number * HOUR, subject=SECRET, weeks=1 + number)
    whole = store.path.read_bytes()
    calendar = store.main

    @settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.integers(0x4600, len(whole) - 1), st.integers(0, 255)), min_size=1, max_size=12))
    def check(damage: list[tuple[int, int]]) -> None:
        data = bytearray(whole)
        for at, byte in damage:
            data[at] = byte
        store.path.write_bytes(data)
        told = _attempt(store.port, calendar)
        assert SECRET not in told

    check()


def _attempt(port: OutlookFiles, calendar: str) -> str:
    """What a scan and a look give or say."""
    try:
        found = scan(port, calendar)
        looks = [port.probe(calendar, item.handle, WINDOW) for item in found.items]
        assert all(isinstance(look, Present) for look in looks)
        return repr(found) + repr(looks)
    except CalendarError as error:
        return error.reason


# --- samples ----------------------------------------------------------------------------------------------------------


def test_the_sample_data_file_is_one_calendar_whose_times_are_known() -> None:
    port = OutlookFiles(samples.sample(PACIFIC), local=UTC)
    (info,) = port.list_calendars()
    autumn = window(date(2016, 8, 1), date(2016, 9, 1))

    found = port.scan(ScanRequest(info.id, autumn))

    assert (info.name, info.access, info.default) == ("Calendar", Access.BUSY_ONLY, True)
    (item,) = found.items
    assert (found.complete, found.problems) == (True, ())
    assert [f"{from_minutes(block.start):%m-%dT%H:%M}" for block in item.busy] == [
        "08-02T15:00",
        "08-16T15:00",
        "08-23T16:00",
        "08-30T17:00",
    ]
    probe = port.probe(info.id, item.handle, autumn)
    assert isinstance(probe, Present)
    assert probe.item == item
    assert isinstance(port.probe(info.id, "dead04", autumn), Gone)


def test_every_calendar_of_every_sample_data_file_is_read_without_a_problem() -> None:
    for name in samples.names("pst/*.[op]st"):
        port = OutlookFiles(samples.sample(name), local=UTC)
        for info in port.list_calendars():
            found = port.scan(ScanRequest(info.id, Interval(0, to_minutes(datetime(2100, 1, 1, tzinfo=UTC)))))
            assert (found.complete, found.problems) == (True, ()), name


def test_a_folder_of_the_sample_messages_is_read_without_a_problem(folder: Path) -> None:
    names = samples.names("msg/*.msg")
    for name in names:
        shutil.copy(samples.sample(name), folder)
    port = OutlookFiles(folder, local=UTC)

    found = port.scan(ScanRequest(ROOT, window(date(2021, 1, 1), date(2024, 1, 1))))

    appointments = [name for name in names if samples.msg(name)["PidTagMessageClass"] == "IPM.Appointment"]
    assert (found.complete, found.problems, len(found.items)) == (True, (), len(appointments))
    assert any(item.busy for item in found.items)
    assert not any("riday" in repr(item) for item in found.items)
    assert os.listdir(folder)
