"""Two sources in one pairing: a folder and another folder, a memory, an Outlook file that is away."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from connector.calendars.contract import DRAFT, HOUR, LATER, NINE, TEN, WINDOW, CalendarContract, stamp
from connector.calendars.hands import LOCAL, FileHand, FolderHand
from connector.calendars.test_memory import MemoryHand
from dovetail.connector.calendar_spec import numbered
from dovetail.connector.calendars.folder import FolderCalendar
from dovetail.connector.calendars.joined import JoinedCalendars
from dovetail.connector.calendars.layout import ROOT
from dovetail.connector.calendars.memory import MemoryCalendar
from dovetail.connector.calendars.port import CalendarError, CalendarPort, ItemChanged, Present, ScanRequest
from dovetail.connector.outlook.data_files import OutlookFiles
from dovetail.protocol.messages import Access
from dovetail.schedule.busy import BusyStatus


class Half(FolderHand):
    """A directory with one calendar in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._away = directory.with_name(f"{directory.name}-unplugged")
        directory.mkdir(parents=True)
        self.port = self.calendar = FolderCalendar(directory, local=LOCAL)


class JoinedHand:
    """On one folder each for the two calendars; `second` says whether the suite acts in the second of them."""

    def __init__(self, directory: Path, *, second: bool) -> None:
        self.halves = {ROOT: Half(directory / "one"), f"//2/{ROOT}": Half(directory / "two")}
        self.main, self.other = reversed(self.halves) if second else self.halves
        self.port = JoinedCalendars({number: half.port for number, half in enumerate(self.halves.values(), 1)})

    def adds(
        self,
        calendar: str,
        start: datetime,
        end: datetime,
        status: BusyStatus = BusyStatus.BUSY,
        *,
        subject: str = "Lunch",
        weeks: int = 1,
    ) -> str:
        handle = self.halves[calendar].adds(ROOT, start, end, status, subject=subject, weeks=weeks)
        return Path(handle).name

    def moves(self, calendar: str, handle: str, start: datetime, end: datetime) -> None:
        self.halves[calendar].moves(ROOT, handle, start, end)

    def frees(self, calendar: str, handle: str) -> None:
        self.halves[calendar].frees(ROOT, handle)

    def decorates(self, calendar: str, handle: str) -> None:
        self.halves[calendar].decorates(ROOT, handle)

    def decorations(self, calendar: str, handle: str) -> Mapping[str, str]:
        return self.halves[calendar].decorations(ROOT, handle)

    def copies(self, calendar: str, handle: str, to: str | None = None) -> str:
        """To the other folder under the very same name."""
        if to is None or to == calendar:
            return Path(self.halves[calendar].copies(ROOT, handle)).name
        self.halves[to].write(handle, (self.halves[calendar].directory / handle).read_bytes().decode())
        return handle

    def deletes(self, calendar: str, handle: str) -> None:
        self.halves[calendar].deletes(ROOT, handle)

    def breaks(self, calendar: str, handle: str) -> None:
        self.halves[calendar].breaks(ROOT, handle)

    def takes_store_away(self) -> None:
        for half in self.halves.values():
            half.takes_store_away()

    def puts_store_back(self) -> None:
        for half in self.halves.values():
            half.puts_store_back()

    def lets_time_pass(self) -> None:
        for half in self.halves.values():
            half.lets_time_pass()

    def mail_properties(self, calendar: str, handle: str) -> list[str]:
        return self.halves[calendar].mail_properties(ROOT, handle)

    def fingerprint(self, calendar: str, handle: str) -> object:
        return self.halves[calendar].fingerprint(ROOT, handle)


@pytest.fixture(params=[False, True], ids=["in the first source", "in the second source"])
def hand(request: pytest.FixtureRequest, tmp_path: Path) -> JoinedHand:
    return JoinedHand(tmp_path, second=request.param)


class TestContract(CalendarContract):
    pass


def ids(port: CalendarPort) -> list[str]:
    return [info.id for info in port.list_calendars()]


def test_a_second_source_changes_no_name_of_the_first(tmp_path: Path) -> None:
    folder, file = FolderHand(tmp_path / "calendars"), FileHand(tmp_path / "one.ics")
    alone = ids(folder.port)

    joined = ids(JoinedCalendars({1: folder.port, 2: file.port}))

    assert joined == [*alone, f"//2/{file.main}"]
    assert ids(JoinedCalendars({2: file.port})) == joined[2:], "nor does the first that goes"


def test_bookings_go_by_default_to_the_first_calendar_that_takes_them(tmp_path: Path) -> None:
    (tmp_path / "mails").mkdir()
    first, second = FolderHand(tmp_path / "first"), FolderHand(tmp_path / "second")

    joined = JoinedCalendars({1: OutlookFiles(tmp_path / "mails"), 2: first.port, 3: second.port})

    assert [info.id for info in joined.list_calendars() if info.default] == ["//2/main"]
    assert [info.id for info in JoinedCalendars({1: OutlookFiles(tmp_path / "mails")}).list_calendars()] == ["."]


def test_a_source_that_is_away_takes_no_calendar_of_another_with_it(tmp_path: Path) -> None:
    there, away = FolderHand(tmp_path / "there"), FileHand(tmp_path / "away.ics")
    joined = JoinedCalendars({1: away.port, 2: there.port})
    handle = there.adds("main", NINE, TEN)
    before = joined.list_calendars()

    away.takes_store_away()
    listed = joined.list_calendars()

    assert [info.id for info in listed] == [info.id for info in before]
    assert [info.access for info in listed] == [Access.UNREADABLE, Access.BOOKABLE, Access.BOOKABLE]
    assert listed[0].reason
    assert [info.id for info in listed if info.default] == ["//2/main"]
    with pytest.raises(CalendarError):
        joined.scan(ScanRequest(away.main, WINDOW))
    assert [item.handle for item in joined.scan(ScanRequest("//2/main", WINDOW)).items] == [handle]
    away.puts_store_back()
    assert joined.list_calendars() == before


def test_nothing_is_listed_as_there_when_nothing_ever_was(tmp_path: Path) -> None:
    joined = JoinedCalendars({1: FolderCalendar(tmp_path / "a"), 2: FolderCalendar(tmp_path / "b")})

    with pytest.raises(CalendarError):
        joined.list_calendars()


def test_the_same_file_in_two_folders_is_a_booking_in_one(tmp_path: Path) -> None:
    """A folder in which the booking was written, copied as a whole before it was named as a second source."""
    one, two = Half(tmp_path / "one"), Half(tmp_path / "two")
    booking = uuid.uuid4()
    written = one.port.create(ROOT, DRAFT, stamp(booking))
    two.write(written.handle, (one.directory / written.handle).read_bytes().decode())
    joined = JoinedCalendars({1: one.port, 2: two.port})

    (original,) = joined.find_by_booking(ROOT, booking, WINDOW)
    (copy,) = joined.find_by_booking("//2/.", booking, WINDOW)

    assert (original.is_original(), copy.is_original()) == (True, False)
    assert original.stamp is not None
    with pytest.raises(ItemChanged):
        joined.update("//2/.", copy.handle, copy.version, DRAFT, original.stamp)
    assert joined.create("//2/.", DRAFT, stamp(booking)).is_original(), "it may still be written there"


def test_a_booking_written_beside_others_is_no_booking_of_another_pairing(tmp_path: Path) -> None:
    joined = JoinedCalendars({1: Half(tmp_path / "one").port, 2: Half(tmp_path / "two").port})
    mark = stamp()

    created = joined.create("//2/.", DRAFT, mark)
    probe = joined.probe("//2/.", created.handle, WINDOW)

    assert isinstance(probe, Present)
    for item in (created, probe.item):
        assert item.calendar == "//2/."
        assert item.stamp is not None
        assert (item.stamp.connector_id, item.stamp.epoch) == (mark.connector_id, mark.epoch)


def test_hints_come_from_every_source_that_gives_them(tmp_path: Path) -> None:
    one, two = Half(tmp_path / "one"), Half(tmp_path / "two")
    joined = JoinedCalendars({1: one.port, 2: two.port})
    for half in (one, two):
        told = threading.Event()
        with joined.watch(told.set):
            half.adds(ROOT, LATER, LATER + HOUR)
            assert told.wait(10)


def test_what_sources_can_do_is_what_one_of_them_can(tmp_path: Path) -> None:
    memory = MemoryHand(60).port
    reading = OutlookFiles(tmp_path)

    both = JoinedCalendars({1: reading, 2: memory}).capabilities()

    assert both.writes
    assert both.watches
    assert both.version_seconds == 60
    assert not JoinedCalendars({1: reading}).capabilities().writes


def test_a_calendar_of_a_source_that_nobody_named_is_not_there() -> None:
    with pytest.raises(CalendarError):
        JoinedCalendars({1: MemoryCalendar("main")}).scan(ScanRequest("//7/main", WINDOW))


@pytest.mark.parametrize(
    ("named", "before", "after"),
    [
        (["a"], {}, {1: "a"}),
        (["a", "b", "a"], {}, {1: "a", 2: "b"}),
        (["a", "b"], {1: "a"}, {1: "a", 2: "b"}),
        (["b", "a"], {1: "a", 2: "b"}, {1: "a", 2: "b"}),
        (["b"], {1: "a", 2: "b"}, {2: "b"}),
        (["b", "c", "d"], {1: "a", 2: "b"}, {1: "c", 2: "b", 3: "d"}),
        (["moved"], {1: "a"}, {1: "moved"}),
    ],
)
def test_a_source_keeps_its_number(named: list[str], before: dict[int, str], after: dict[int, str]) -> None:
    assert numbered(named, before) == after
