"""Data files, .pst and .ost."""

from __future__ import annotations

import zlib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.calendars.contract import (
    HOUR,
    LATER,
    NINE,
    SECRET,
    TEN,
    WINDOW,
)
from connector.calendars.hands import OnOpen, grow_old
from connector.outlook import samples, written, written_pst
from connector.outlook.appointments import window
from connector.outlook.hands import BUSY, PstHand, scan
from dovetail.connector.calendars.port import CalendarError, Gone, Present, ScanRequest, Unknown
from dovetail.connector.outlook.data_files import OutlookFiles
from dovetail.connector.outlook.pst_store import PstStore
from dovetail.protocol.messages import Access
from dovetail.schedule.instants import from_minutes, to_minutes
from dovetail.schedule.intervals import Interval

PACIFIC = "pst/pacific-weekly-series.pst"


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


def test_an_ost_is_read_like_a_pst(tmp_path: Path) -> None:
    """Outlook's own data under the mark of the other kind of file, whose header is checked: MS-PST 2.2.2.6, 5.3."""
    content = bytearray(samples.sample(PACIFIC).read_bytes())
    content[8:10] = b"SO"
    for place, end in ((4, 479), (524, 524)):
        content[place : place + 4] = _check(content[8:end]).to_bytes(4, "little")
    (tmp_path / "mailbox.ost").write_bytes(content)
    year = ScanRequest("8122", window(date(2016, 1, 1), date(2017, 1, 1)))

    found = OutlookFiles(tmp_path / "mailbox.ost", local=UTC).scan(year)

    original = OutlookFiles(samples.sample(PACIFIC), local=UTC).scan(year)
    assert found.complete
    assert [item.busy for item in found.items] == [item.busy for item in original.items]
    assert found.items[0].busy


def _check(content: bytes | bytearray) -> int:
    return zlib.crc32(content, 0xFFFFFFFF) ^ 0xFFFFFFFF
