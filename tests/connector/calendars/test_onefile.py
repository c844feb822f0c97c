from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from connector.calendars.contract import DRAFT, LATER, NINE, TEN, WINDOW, CalendarContract, stamp
from connector.calendars.hands import LOCAL, FileHand, OnOpen, event_text, file_text
from dovetail.connector.calendars.onefile import FileCalendar
from dovetail.connector.calendars.port import CalendarError, Gone, ItemChanged, Scan, ScanRequest, Unknown
from dovetail.schedule import ics
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import to_minutes

BUSY = BusyBlock(to_minutes(NINE), to_minutes(TEN), BusyStatus.BUSY)
LUNCH = event_text(NINE, TEN, uid="lunch")
ZONE = (
    "BEGIN:VTIMEZONE\r\nTZID:Ours\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
    "TZOFFSETFROM:+0300\r\nTZOFFSETTO:+0300\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
)


@pytest.fixture
def hand(tmp_path: Path) -> FileHand:
    return FileHand(tmp_path / "calendar.ics")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calendar.ics"


class TestContract(CalendarContract):
    pass


def calendar_of(path: Path, text: str) -> FileCalendar:
    path.write_bytes(text.encode())
    return FileCalendar(path, local=LOCAL)


def scan(calendar: FileCalendar, known: dict[str, str] | None = None) -> Scan:
    return calendar.scan(ScanRequest("calendar.ics", WINDOW, known or {}))


def test_a_file_is_called_as_its_calendar_says_or_as_it_is_named(path: Path) -> None:
    named = file_text(LUNCH).replace("VERSION:2.0\r\n", "VERSION:2.0\r\nX-WR-CALNAME:Büro\r\n")

    assert [info.name for info in calendar_of(path, named).list_calendars()] == ["Büro"]
    assert [info.name for info in calendar_of(path, file_text(LUNCH)).list_calendars()] == ["calendar"]


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_every_byte_outside_the_bookings_event_stays(path: Path, newline: str) -> None:
    odd = "BEGIN:VEVENT\r\nUID:odd\r\nX BROKEN\r\nDTSTART:never\r\nEND:VEVENT\r\n"
    before = file_text(ZONE, LUNCH, odd).replace("\r\n", newline) + "trailing nonsense"
    calendar = calendar_of(path, before)

    created = calendar.create("calendar.ics", DRAFT, stamp())
    text = path.read_bytes().decode()
    assert created.stamp is not None
    calendar.update("calendar.ics", created.handle, created.version, replace(DRAFT, subject="Other"), created.stamp)
    again = path.read_bytes().decode()

    for after in (text, again):
        start = (
            after.index(f"BEGIN:VEVENT{newline}UID:{created.handle}") if after is text else after.rindex("BEGIN:VEVENT")
        )
        end = after.index("END:VCALENDAR")
        assert after[:start] + after[end:] == before
        assert after[start:end].count("\r") == (after[start:end].count("\n") if newline == "\r\n" else 0)


@pytest.mark.parametrize("calendars", [1, 2])
def test_a_file_that_is_half_written_hides_nothing_and_takes_no_booking(path: Path, calendars: int) -> None:
    calendar = calendar_of(path, file_text(LUNCH, event_text(LATER, LATER + (TEN - NINE), uid="later")))
    assert scan(calendar).complete
    path.write_bytes(file_text(LUNCH).encode() * calendars)
    path.write_bytes(path.read_bytes()[:-20])

    seen = scan(calendar)

    assert not seen.complete
    assert isinstance(calendar.probe("calendar.ics", "later", WINDOW), Unknown)
    for call in (
        lambda: calendar.find_by_booking("calendar.ics", uuid.uuid4(), WINDOW),
        lambda: calendar.create("calendar.ics", DRAFT, stamp()),
    ):
        with pytest.raises(CalendarError, match="damaged"):
            call()


@pytest.mark.parametrize("text", ["", "\x00\x01", "BEGIN:VCALENDAR\r\n"])
def test_what_is_no_calendar_is_not_an_empty_one(path: Path, text: str) -> None:
    calendar = calendar_of(path, text)

    assert not scan(calendar).complete
    assert isinstance(calendar.probe("calendar.ics", "lunch", WINDOW), Unknown)


def test_an_empty_calendar_holds_nothing_for_sure(path: Path) -> None:
    calendar = calendar_of(path, file_text())

    assert scan(calendar).complete
    assert isinstance(calendar.probe("calendar.ics", "lunch", WINDOW), Gone)


def test_an_edit_between_our_look_and_our_write_is_not_lost(path: Path, on_open: OnOpen) -> None:
    calendar = calendar_of(path, file_text(LUNCH))
    theirs = file_text(LUNCH, event_text(LATER, LATER + (TEN - NINE)))
    opened: list[str] = []

    def user_acts(opened_path: str) -> None:
        opened.append(opened_path)
        if len(opened) == 2:
            path.write_bytes(theirs.encode())

    on_open.below, on_open.action = str(path), user_acts
    with pytest.raises(ItemChanged):
        calendar.create("calendar.ics", DRAFT, stamp())
    on_open.below = ""

    assert path.read_bytes() == theirs.encode()


def test_a_uid_that_comes_up_twice_in_an_endless_file_counts_twice(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ics, "MOST_EVENTS", 1)
    later = event_text(LATER, LATER + (TEN - NINE), uid="lunch")

    seen = scan(calendar_of(path, file_text(event_text(NINE, TEN), LUNCH, later)))

    assert not seen.complete
    (item,) = [item for item in seen.items if item.handle == "lunch"]
    assert [block.start for block in item.busy] == [BUSY.start, to_minutes(LATER)]


def test_one_change_in_the_file_is_one_item_in_the_scan(path: Path) -> None:
    events = [event_text(NINE, TEN, uid=f"u{number}") for number in range(20)]
    calendar = calendar_of(path, file_text(*events))
    known = {item.handle: item.version for item in scan(calendar).items}
    events[7] = event_text(LATER, LATER + (TEN - NINE), uid="u7")
    path.write_bytes(file_text(*events).encode())

    seen = scan(calendar, known)

    assert [item.handle for item in seen.items] == ["u7"]
    assert len(seen.unchanged) == 19


def test_another_process_knows_the_versions_that_the_last_one_saw(path: Path) -> None:
    known = {item.handle: item.version for item in scan(calendar_of(path, file_text(LUNCH))).items}

    assert scan(FileCalendar(path, local=LOCAL), known).unchanged == {"lunch"}


def test_a_zone_that_the_file_redefines_moves_the_events_in_it(path: Path) -> None:
    event = LUNCH.replace("DTSTART:20270310T090000Z", "DTSTART;TZID=Ours:20270310T120000").replace(
        "DTEND:20270310T100000Z", "DTEND;TZID=Ours:20270310T130000"
    )
    calendar = calendar_of(path, file_text(ZONE, event))
    (first,) = scan(calendar).items
    path.write_bytes(file_text(ZONE.replace("+0300", "+0400"), event).encode())

    (second,) = scan(calendar, {first.handle: first.version}).items

    assert (first.busy, second.busy[0].start) == ((BUSY,), BUSY.start - 60)


def test_an_event_without_a_uid_counts_and_is_reported(path: Path) -> None:
    calendar = calendar_of(path, file_text(LUNCH.replace("UID:lunch\r\n", "")))

    seen = scan(calendar)

    assert seen.complete
    assert [(problem.handle, problem.code, problem.busy) for problem in seen.problems] == [(None, "no_uid", (BUSY,))]


def test_an_event_that_appears_twice_with_our_stamp_is_nobodys_booking(path: Path) -> None:
    calendar = calendar_of(path, file_text())
    created = calendar.create("calendar.ics", DRAFT, stamp())
    text = path.read_bytes().decode()
    event = text[text.index("BEGIN:VEVENT") : text.index("END:VCALENDAR")]
    path.write_bytes(file_text(event, event).encode())
    before = path.read_bytes()

    (item,) = scan(calendar).items
    assert item.stamp is None
    assert created.stamp is not None
    with pytest.raises(ItemChanged):
        calendar.update("calendar.ics", created.handle, item.version, DRAFT, created.stamp)
    assert path.read_bytes() == before


def test_a_create_that_already_happened_is_answered_and_one_of_another_revision_is_refused(path: Path) -> None:
    calendar, mark = calendar_of(path, file_text()), stamp()
    first = calendar.create("calendar.ics", DRAFT, mark)
    before = path.read_bytes()

    assert calendar.create("calendar.ics", DRAFT, mark) == first
    with pytest.raises(ItemChanged):
        calendar.create("calendar.ics", DRAFT, replace(mark, revision=2))
    assert path.read_bytes() == before
    assert calendar.create("calendar.ics", DRAFT, replace(mark, epoch=9)).handle != first.handle


def test_a_huge_attachment_is_carried_along_and_its_event_is_not_taken_for_gone(path: Path) -> None:
    huge = LUNCH.replace("END:VEVENT", f"ATTACH:{'x' * 11 * 1024 * 1024}\r\nEND:VEVENT")
    calendar = calendar_of(path, file_text(huge))

    (first,) = scan(calendar).items
    (again,) = scan(FileCalendar(path, local=LOCAL), {first.handle: first.version}).items
    calendar.create("calendar.ics", DRAFT, stamp())

    assert first.busy == again.busy == (BUSY,)
    assert not isinstance(calendar.probe("calendar.ics", "lunch", WINDOW), Gone)
    assert isinstance(calendar.probe("calendar.ics", "never", WINDOW), Gone)
    assert huge.encode() in path.read_bytes()
