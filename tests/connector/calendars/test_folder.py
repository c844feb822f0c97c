from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.calendars.contract import (
    DRAFT,
    LATER,
    NINE,
    TEN,
    WINDOW,
    WINDOW_END,
    WINDOW_START,
    CalendarContract,
    stamp,
)
from connector.calendars.hands import LOCAL, FolderHand, OnOpen, event_text, file_text, grow_old
from dovetail.connector.calendars import disk
from dovetail.connector.calendars.folder import FolderCalendar
from dovetail.connector.calendars.layout import ROOT
from dovetail.connector.calendars.onefile import FileCalendar
from dovetail.connector.calendars.opening import open_path
from dovetail.connector.calendars.port import (
    CalendarError,
    Gone,
    ItemChanged,
    Present,
    Scan,
    ScanRequest,
    Unknown,
)
from dovetail.protocol.messages import Access
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import to_minutes

LUNCH = file_text(event_text(NINE, TEN))
BUSY = BusyBlock(to_minutes(NINE), to_minutes(TEN), BusyStatus.BUSY)


@pytest.fixture
def hand(tmp_path: Path) -> FolderHand:
    return FolderHand(tmp_path / "calendars")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory that is one calendar with one appointment in it."""
    directory = tmp_path / "calendar"
    directory.mkdir()
    (directory / "lunch.ics").write_text(LUNCH, newline="")
    return directory


def calendar_of(folder: Path) -> FolderCalendar:
    return FolderCalendar(folder, local=LOCAL)


def scan(calendar: FolderCalendar, known: dict[str, str] | None = None, name: str = ROOT) -> Scan:
    return calendar.scan(ScanRequest(name, WINDOW, known or {}))


class TestContract(CalendarContract):
    pass


# --- which directories are calendars ----------------------------------------------------------------------------------


def listed(folder: Path) -> list[tuple[str, str]]:
    return [(info.id, info.name) for info in calendar_of(folder).list_calendars()]


def test_a_directory_of_files_is_one_calendar_called_as_the_directory(folder: Path) -> None:
    assert listed(folder) == [(ROOT, "calendar")]


def test_an_empty_directory_is_one_calendar(tmp_path: Path) -> None:
    assert listed(tmp_path) == [(ROOT, tmp_path.name)]


def test_sub_directories_are_further_calendars_with_the_names_their_owner_gave(folder: Path) -> None:
    for name in ("b", "a", "new", ".hidden", "~backup", "Documents"):
        (folder / name).mkdir()
    (folder / "a" / "x.ics").write_text(LUNCH)
    (folder / "b" / "displayname").write_text("Team – Süd\n", encoding="utf-8")
    (folder / "Documents" / "letter.odt").touch()

    assert listed(folder) == [(ROOT, "calendar"), ("a", "a"), ("b", "Team – Süd"), ("new", "new")]


def test_a_directory_of_calendars_only_is_no_calendar_itself(folder: Path) -> None:
    (folder / "lunch.ics").unlink()
    (folder / "work").mkdir()

    assert listed(folder) == [("work", "work")]


def test_a_loop_of_links_is_listed_once_and_does_no_harm(folder: Path) -> None:
    (folder / "work").mkdir()
    (folder / "work" / "x.ics").write_text(LUNCH)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "work" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "zz").symlink_to(folder / "work", target_is_directory=True)
    (folder / "self").symlink_to(folder / "self")

    assert listed(folder) == [(ROOT, "calendar"), ("work", "work")]
    with calendar_of(folder).watch(lambda: None):
        pass


def test_a_directory_without_permission_to_write_is_busy_only_and_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and ask(path, mode))  # also for root
    calendar = calendar_of(folder)

    (info,) = calendar.list_calendars()
    assert info.access is Access.BUSY_ONLY
    assert "permission" in info.reason
    with pytest.raises(CalendarError, match="permission"):
        calendar.create(ROOT, DRAFT, stamp())


@pytest.mark.parametrize("handle", ["../lunch.ics", "/etc/passwd", "work/../lunch.ics", "lunch.txt", ".lunch.ics"])
def test_no_handle_leads_out_of_the_calendar(folder: Path, handle: str) -> None:
    (folder / "work").mkdir()
    for name in (ROOT, "work"):
        with pytest.raises(CalendarError):
            calendar_of(folder).probe(name, handle, WINDOW)
    with pytest.raises(CalendarError):
        scan(calendar_of(folder), name="../calendar")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("lunch.ics", FileCalendar), (".", FolderCalendar), ("away.ics", FileCalendar), ("away", FolderCalendar)],
)
def test_a_path_opens_as_what_it_is(folder: Path, name: str, kind: type) -> None:
    assert type(open_path(folder / name)) is kind


# --- seeing -----------------------------------------------------------------------------------------------------------


def test_a_scan_without_changes_opens_no_file(hand: FolderHand, on_open: OnOpen) -> None:
    for number in range(30):
        hand.adds(hand.main, NINE + number * timedelta(minutes=5), TEN + number * timedelta(minutes=5))
    hand.lets_time_pass()
    known = {item.handle: item.version for item in scan(hand.calendar, name=hand.main).items}
    hand.calendar.find_by_booking(hand.main, uuid.uuid4(), WINDOW)
    opened: list[str] = []
    on_open.below, on_open.action = f"{hand.directory}/{hand.main}/", opened.append

    again = scan(hand.calendar, known, hand.main)
    hand.calendar.find_by_booking(hand.main, uuid.uuid4(), WINDOW)
    on_open.below = ""

    assert len(again.unchanged) == 30
    assert opened == []


def test_a_file_that_was_read_before_is_still_found_by_its_booking(hand: FolderHand) -> None:
    mark = stamp()
    hand.calendar.create(hand.main, DRAFT, mark)
    hand.lets_time_pass()

    for _ in range(2):
        assert len(hand.calendar.find_by_booking(hand.main, mark.booking, WINDOW)) == 1


def test_the_version_of_a_young_file_names_its_content(folder: Path) -> None:
    versions = disk.Versions(LOCAL)
    young = (folder / "lunch.ics").stat()
    grow_old(folder / "lunch.ics")
    old = (folder / "lunch.ics").stat()

    assert versions.full(old, lambda: "a") == versions.full(old, lambda: "b") == versions.settled(old)
    assert versions.full(young, lambda: "a") not in (versions.full(young, lambda: "b"), versions.settled(young))
    assert versions.holds(versions.full(young, lambda: "a"), young, lambda: "a")
    assert not versions.holds(versions.full(young, lambda: "a"), young, lambda: "b")


def test_a_damaged_file_that_speaks_of_a_booking_may_be_it_under_any_name(hand: FolderHand) -> None:
    mark = stamp()
    created = hand.calendar.create(hand.main, DRAFT, mark)
    hand.breaks(hand.main, created.handle)
    (hand.directory / created.handle).rename(hand.directory / hand.main / "renamed.ics")

    with pytest.raises(CalendarError, match="booking cannot be read"):
        hand.calendar.find_by_booking(hand.main, mark.booking, WINDOW)
    assert hand.calendar.find_by_booking(hand.main, uuid.uuid4(), WINDOW) == []


def test_a_damaged_file_is_read_once(folder: Path, on_open: OnOpen) -> None:
    (folder / "lunch.ics").write_text("not a calendar")
    grow_old(folder / "lunch.ics")
    calendar = calendar_of(folder)
    first = scan(calendar)
    opened: list[str] = []
    on_open.below, on_open.action = str(folder / "lunch"), opened.append

    assert scan(calendar).problems == first.problems
    assert opened == []


def test_a_file_that_vanishes_while_the_folder_is_read_is_simply_not_there(folder: Path, on_open: OnOpen) -> None:
    (folder / "other.ics").write_text(LUNCH)
    on_open.below, on_open.action = str(folder / "lunch.ics"), os.unlink

    seen = scan(calendar_of(folder))

    assert seen.complete
    assert [item.handle for item in seen.items] == ["other.ics"]
    assert seen.problems == ()


def test_a_file_that_cannot_be_opened_is_seen_but_unknown(folder: Path, on_open: OnOpen) -> None:
    def locked(path: str) -> None:
        raise PermissionError(13, "The process cannot access the file because it is being used", path)

    on_open.below, on_open.action = str(folder / "lunch.ics"), locked
    calendar = calendar_of(folder)
    seen, probe = scan(calendar), calendar.probe(ROOT, "lunch.ics", WINDOW)
    on_open.below = ""

    assert seen.complete
    assert [(problem.handle, problem.code, problem.busy) for problem in seen.problems] == [
        ("lunch.ics", "file_unreadable", None)
    ]
    assert isinstance(probe, Unknown)
    assert len(scan(calendar).items) == 1


def test_links_that_lead_nowhere_and_pipes_keep_nobody_waiting(folder: Path) -> None:
    (folder / "dangling.ics").symlink_to(folder / "nowhere")
    (folder / "self.ics").symlink_to(folder / "self.ics")
    os.mkfifo(folder / "pipe.ics")
    (folder / "directory.ics").mkdir()

    seen = scan(calendar_of(folder))

    assert [item.handle for item in seen.items] == ["lunch.ics"]
    assert sorted(problem.handle or "" for problem in seen.problems) == ["dangling.ics", "pipe.ics", "self.ics"]
    assert isinstance(calendar_of(folder).probe(ROOT, "dangling.ics", WINDOW), Unknown)


def test_drafts_and_locks_of_other_programs_are_passed_over(folder: Path) -> None:
    for name in (".lunch.ics.tmp", ".new.ics", "~$lunch.ics", "notes.txt", "lunch.ics~"):
        (folder / name).write_text("half an appointm")

    seen = scan(calendar_of(folder))

    assert [item.handle for item in seen.items] == ["lunch.ics"]
    assert seen.problems == ()


def test_capitals_in_the_suffix_do_not_matter(folder: Path) -> None:
    (folder / "lunch.ics").rename(folder / "LUNCH.ICS")

    assert [item.handle for item in scan(calendar_of(folder)).items] == ["LUNCH.ICS"]


def test_a_file_without_an_event_blocks_nothing_and_is_no_problem(folder: Path) -> None:
    (folder / "lunch.ics").write_text(file_text("BEGIN:VTODO\r\nUID:1\r\nDUE:20270310T090000Z\r\nEND:VTODO\r\n"))

    seen = scan(calendar_of(folder))

    assert [item.busy for item in seen.items] == [()]
    assert seen.problems == ()


def test_a_file_of_several_events_blocks_all_their_times_and_is_never_a_bookings(folder: Path) -> None:
    calendar = calendar_of(folder)
    created = calendar.create(ROOT, DRAFT, stamp())
    path = folder / created.handle
    path.write_bytes(
        path.read_bytes().replace(b"END:VCALENDAR", event_text(LATER, LATER + (TEN - NINE)).encode() + b"END:VCALENDAR")
    )
    before = path.read_bytes()

    item = next(item for item in scan(calendar).items if item.handle == created.handle)
    with pytest.raises(ItemChanged):
        calendar.update(
            ROOT, created.handle, item.version, DRAFT, stamp(created.stamp.booking if created.stamp else None)
        )

    assert [block.start for block in item.busy] == [to_minutes(NINE), to_minutes(LATER)]
    assert item.stamp is None
    assert path.read_bytes() == before


def test_when_the_pc_travels_floating_times_are_read_again(folder: Path) -> None:
    floating = LUNCH.replace("DTSTART:20270310T090000Z", "DTSTART:20270310T090000").replace(
        "DTEND:20270310T100000Z", "DTEND:20270310T100000"
    )
    (folder / "lunch.ics").write_text(floating)
    grow_old(folder / "lunch.ics")
    (at_home,) = scan(FolderCalendar(folder, local=ZoneInfo("Europe/Berlin"))).items
    known = {at_home.handle: at_home.version}

    assert scan(FolderCalendar(folder, local=ZoneInfo("Europe/Berlin")), known).items == ()
    (away,) = scan(FolderCalendar(folder, local=ZoneInfo("America/New_York")), known).items

    assert (at_home.busy[0].start, away.busy[0].start) == (BUSY.start - 60, BUSY.start + 5 * 60)


# --- bad input --------------------------------------------------------------------------------------------------------

HOSTILE = {
    "empty.ics": "",
    "binary.ics": "\x00\x01\x02" * 1000,
    "cut.ics": LUNCH[: len(LUNCH) // 2],
    "backwards.ics": file_text(event_text(TEN, NINE, subject="Oncologist")),
    "endless.ics": file_text(
        event_text(NINE, TEN, subject="Oncologist").replace(
            "END:VEVENT", "RRULE:FREQ=SECONDLY;COUNT=1000000\r\nEND:VEVENT"
        )
    ),
    "deep.ics": "BEGIN:VCALENDAR\r\n" + "BEGIN:VEVENT\r\nBEGIN:X\r\n" * 20_000,
    "zone.ics": LUNCH.replace("DTSTART:20270310T090000Z", "DTSTART;TZID=Middle-earth/Bree:20270310T090000").replace(
        "DTEND:20270310T100000Z", "DTEND;TZID=Middle-earth/Bree:20270310T100000"
    ),
    "never.ics": LUNCH.replace("DTSTART:20270310T090000Z", "DTSTART:20271399T990000Z"),
}


def test_hostile_files_are_reported_one_by_one_and_the_rest_syncs(folder: Path) -> None:
    for name, text in HOSTILE.items():
        (folder / name).write_text(text, newline="")

    seen = scan(calendar_of(folder))

    assert seen.complete
    assert BUSY in next(item.busy for item in seen.items if item.handle == "lunch.ics")
    reported = {problem.handle: problem for problem in seen.problems}
    assert set(reported) >= set(HOSTILE) - {"zone.ics", "backwards.ics"}
    assert {item.handle for item in seen.items} | set(reported) == {"lunch.ics", *HOSTILE}
    for problem in seen.problems:
        assert str(problem.handle) in problem.where
        assert problem.reason
        assert problem.code.replace("_", "").isalpha()
        assert "Oncologist" not in repr(problem)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["one long line", "one endless event", "many events"])
@pytest.mark.parametrize("as_folder", [True, False], ids=["folder", "one file"])
def test_a_file_of_100_mb_costs_less_than_300_mb(folder: Path, kind: str, as_folder: bool) -> None:
    big = folder / "big.ics"
    with open(big, "w", newline="") as file:
        file.write("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
        if kind == "one long line":
            file.write(event_text(NINE, TEN).replace("END:VEVENT\r\n", "DESCRIPTION:"))
            for _ in range(100):
                file.write("x" * 1024 * 1024)
            file.write("\r\nEND:VEVENT\r\n")
        elif kind == "one endless event":
            file.write(event_text(NINE, TEN).replace("END:VEVENT\r\n", ""))
            for _ in range(100):
                file.write(f"X-A:{'b' * 2000}\r\nBEGIN:VALARM\r\nEND:VALARM\r\n" * 500)
            file.write("END:VEVENT\r\n")
        else:
            padding = f"DESCRIPTION:{'x' * 5000}\r\n"
            for number in range(20_000):
                event = event_text(NINE, TEN, uid=f"u{number}")
                file.write(event.replace("END:VEVENT", f"{padding}END:VEVENT"))
        file.write("END:VCALENDAR\r\n")
    assert big.stat().st_size > 95e6
    grow_old(big)

    script = (
        "import sys; from pathlib import Path; from datetime import UTC;"
        "from dovetail.connector.calendars.opening import open_path;"
        "from dovetail.connector.calendars.port import ScanRequest; from dovetail.schedule.intervals import Interval;"
        "calendar = open_path(Path(sys.argv[1]), local=UTC); (info,) = calendar.list_calendars();"
        "scan = calendar.scan(ScanRequest(info.id, Interval(int(sys.argv[2]), int(sys.argv[3]))));"
        "print(int(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1]) // 1024,"
        "      sum(len(found.busy or ()) > 0 for found in (*scan.items, *scan.problems)))"
    )
    path = folder if as_folder else big
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), str(WINDOW.start), str(WINDOW.end)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    megabytes, busy = map(int, done.stdout.split())

    assert megabytes < 300
    assert busy == (2 if as_folder else 20_000 if kind == "many events" else 1)


# --- gone, or only away -----------------------------------------------------------------------------------------------


def test_an_empty_mount_point_is_not_an_emptied_calendar(folder: Path) -> None:
    (folder / "lunch.ics").unlink()

    assert isinstance(calendar_of(folder).probe(ROOT, "lunch.ics", WINDOW), Unknown)


def test_the_last_appointment_deleted_while_we_looked_is_gone(folder: Path) -> None:
    calendar = calendar_of(folder)
    scan(calendar)
    (folder / "lunch.ics").unlink()

    assert isinstance(calendar.probe(ROOT, "lunch.ics", WINDOW), Gone)


def test_another_disk_in_the_place_of_ours_is_not_trusted_while_it_is_empty(folder: Path) -> None:
    calendar = calendar_of(folder)
    scan(calendar)
    folder.rename(folder.with_name("unmounted"))
    folder.mkdir()

    assert isinstance(calendar.probe(ROOT, "lunch.ics", WINDOW), Unknown)


def test_a_deleted_sub_directory_is_away_not_empty(hand: FolderHand) -> None:
    handle = hand.adds(hand.main, NINE, TEN)
    (hand.directory / hand.main).rename(hand.directory / "renamed")

    with pytest.raises(CalendarError, match="not there"):
        scan(hand.calendar, name=hand.main)
    assert isinstance(hand.calendar.probe(hand.main, handle, WINDOW), Unknown)


# --- writing ----------------------------------------------------------------------------------------------------------


def test_a_bookings_file_is_called_after_it(folder: Path) -> None:
    booking = uuid.uuid4()

    assert calendar_of(folder).create(ROOT, DRAFT, stamp(booking)).handle == f"dovetail-{booking}.ics"
    assert sorted(path.name for path in folder.iterdir()) == sorted([f"dovetail-{booking}.ics", "lunch.ics"])


def test_a_file_of_the_users_own_keeps_the_name_that_ours_would_have(folder: Path) -> None:
    booking = uuid.uuid4()
    own = folder / f"dovetail-{booking}.ics"
    own.write_bytes(LUNCH.encode())

    created = calendar_of(folder).create(ROOT, DRAFT, stamp(booking))

    assert created.handle == f"dovetail-{booking}-2.ics"
    assert own.read_bytes() == LUNCH.encode()


def test_a_create_that_already_happened_is_answered_and_one_of_another_revision_is_refused(folder: Path) -> None:
    calendar, mark = calendar_of(folder), stamp()
    first = calendar.create(ROOT, DRAFT, mark)
    before = (folder / first.handle).stat()

    assert calendar.create(ROOT, DRAFT, mark) == first
    with pytest.raises(ItemChanged):
        calendar.create(ROOT, DRAFT, replace(mark, revision=2))
    assert (folder / first.handle).stat() == before


def test_an_item_of_an_earlier_pairing_stays_and_the_new_one_is_another_event(folder: Path) -> None:
    calendar, mark = calendar_of(folder), stamp()
    old = calendar.create(ROOT, DRAFT, mark)
    content = (folder / old.handle).read_bytes()

    new = calendar.create(ROOT, DRAFT, replace(mark, epoch=mark.epoch + 1))

    assert new.handle != old.handle
    assert (folder / old.handle).read_bytes() == content
    uids = {
        line for path in folder.glob("dovetail-*") for line in path.read_bytes().split(b"\r\n") if line[:4] == b"UID:"
    }
    assert len(uids) == 2


def test_an_update_leaves_every_byte_outside_the_event(folder: Path) -> None:
    calendar = calendar_of(folder)
    created = calendar.create(ROOT, DRAFT, stamp())
    path = folder / created.handle
    zone = b"BEGIN:VTIMEZONE\r\nTZID:Ours\r\nX-ODD:1;2\\,\r\nEND:VTIMEZONE\r\n"
    uid = next(line for line in path.read_bytes().split(b"\r\n") if line.startswith(b"UID:"))
    head, event = path.read_bytes().split(b"BEGIN:VEVENT")
    path.write_bytes(head + zone + b"BEGIN:VEVENT" + event.replace(b"END:VCALENDAR", b"X-LATE:yes\nEND:VCALENDAR"))
    item = next(item for item in scan(calendar).items if item.handle == created.handle)
    assert created.stamp is not None

    calendar.update(ROOT, created.handle, item.version, replace(DRAFT, subject="Other"), created.stamp)

    after = path.read_bytes()
    assert after.startswith(head + zone + b"BEGIN:VEVENT\r\n")
    assert after.endswith(b"END:VEVENT\r\nX-LATE:yes\nEND:VCALENDAR\r\n")
    assert uid in after
    assert b"SUMMARY:Other\r\n" in after


@pytest.mark.parametrize("opening", [2, 3])
def test_an_edit_between_our_look_and_our_write_is_not_lost(folder: Path, on_open: OnOpen, opening: int) -> None:
    calendar = calendar_of(folder)
    created = calendar.create(ROOT, DRAFT, stamp())
    path = folder / created.handle
    theirs = path.read_bytes().replace(b"SUMMARY:", b"SUMMARY:Mine now: ")
    opened: list[str] = []

    def user_acts(opened_path: str) -> None:
        opened.append(opened_path)
        if len(opened) == opening:
            path.write_bytes(theirs)

    on_open.below, on_open.action = str(path), user_acts
    assert created.stamp is not None
    with pytest.raises(ItemChanged):
        calendar.update(ROOT, created.handle, created.version, replace(DRAFT, subject="Ours"), created.stamp)
    on_open.below = ""

    assert path.read_bytes() == theirs


def test_a_series_that_the_user_made_of_a_booking_stays_one(folder: Path) -> None:
    calendar = calendar_of(folder)
    created = calendar.create(ROOT, DRAFT, stamp())
    path = folder / created.handle
    path.write_bytes(path.read_bytes().replace(b"END:VEVENT", b"RRULE:FREQ=WEEKLY;COUNT=2\r\nEND:VEVENT"))
    item = next(item for item in scan(calendar).items if item.handle == created.handle)
    assert created.stamp is not None

    calendar.update(ROOT, created.handle, item.version, replace(DRAFT, subject="Other"), created.stamp)
    after = next(item for item in scan(calendar).items if item.handle == created.handle)

    assert [block.start for block in after.busy] == [BUSY.start, BUSY.start + 7 * 24 * 60]


def test_one_occurrence_that_the_user_edited_is_not_the_booking(folder: Path) -> None:
    calendar = calendar_of(folder)
    created = calendar.create(ROOT, DRAFT, stamp())
    path = folder / created.handle
    head, event = path.read_bytes().split(b"BEGIN:VEVENT")
    event = b"BEGIN:VEVENT" + event.replace(b"END:VCALENDAR\r\n", b"")
    edited = event.replace(b"\r\nUID", b"\r\nRECURRENCE-ID:20270317T090000Z\r\nUID")
    edited = edited.replace(b"DTSTART:20270310T09", b"DTSTART:20270317T07").replace(
        b"DTEND:20270310", b"DTEND:20270317"
    )
    series = event.replace(b"END:VEVENT", b"RRULE:FREQ=WEEKLY;COUNT=2\r\nEND:VEVENT")
    path.write_bytes(head + edited + series + b"END:VCALENDAR\r\n")

    item = next(item for item in scan(calendar).items if item.handle == created.handle)
    assert created.stamp is not None
    calendar.update(ROOT, created.handle, item.version, replace(DRAFT, subject="Other"), created.stamp)

    assert item.current == DRAFT
    assert [block.start for block in item.busy] == [BUSY.start, BUSY.start + 7 * 24 * 60 - 120]
    assert edited in path.read_bytes()


def test_a_linked_file_is_written_through_the_link(folder: Path, tmp_path: Path) -> None:
    calendar = calendar_of(folder)
    created = calendar.create(ROOT, DRAFT, stamp())
    real = tmp_path / "real.ics"
    (folder / created.handle).rename(real)
    (folder / created.handle).symlink_to(real)
    item = next(item for item in scan(calendar).items if item.handle == created.handle)
    assert created.stamp is not None

    calendar.update(ROOT, created.handle, item.version, replace(DRAFT, subject="Other"), created.stamp)

    assert (folder / created.handle).is_symlink()
    assert b"SUMMARY:Other" in real.read_bytes()


def test_a_file_renamed_by_capitals_only_is_no_copy(folder: Path) -> None:
    calendar = calendar_of(folder)
    created = calendar.create(ROOT, DRAFT, stamp())
    other = folder / created.handle.upper()
    os.link(folder / created.handle, other)  # what a file system that does not tell capitals shows

    probe = calendar.probe(ROOT, other.name, WINDOW)

    assert isinstance(probe, Present)
    assert probe.item.is_original()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(folder: Path) -> None:
    def fails(file: Any) -> None:
        file.write(b"BEGIN:VCAL")
        raise OSError(28, "No space left on device")

    path = folder / "lunch.ics"
    with pytest.raises(CalendarError, match="No space left"):
        disk.write_atomically(path, fails, expected=path.stat())

    assert path.read_bytes() == LUNCH.encode()
    assert [path.name for path in folder.iterdir()] == ["lunch.ics"]


def test_a_file_that_another_program_writes_meanwhile_is_not_overwritten(folder: Path) -> None:
    path = folder / "lunch.ics"
    seen = path.stat()

    with pytest.raises(ItemChanged):
        disk.write_atomically(path, lambda file: path.write_text("theirs"), expected=seen)
    with pytest.raises(ItemChanged):
        disk.write_atomically(path, lambda file: file.write(b"ours"))

    assert path.read_text() == "theirs"
    assert [path.name for path in folder.iterdir()] == ["lunch.ics"]


def test_a_written_file_keeps_its_permissions(folder: Path) -> None:
    path = folder / "lunch.ics"
    path.chmod(0o640)

    disk.write_atomically(path, lambda file: file.write(b"new"), expected=path.stat())

    assert path.stat().st_mode & 0o777 == 0o640


# --- hints ------------------------------------------------------------------------------------------------------------


def test_our_own_drafts_give_no_hint_but_new_calendars_do(folder: Path) -> None:
    told = threading.Event()
    with calendar_of(folder).watch(told.set):
        (folder / ".dovetail-1.ics.tmp").write_text("half")
        assert not told.wait(1)
        (folder / "work").mkdir()
        assert told.wait(10)


@pytest.mark.slow
def test_a_folder_that_comes_back_is_a_hint_and_is_watched_again(folder: Path) -> None:
    told = threading.Event()
    away = folder.with_name("unplugged")
    folder.rename(away)
    with calendar_of(folder).watch(told.set):
        assert not told.is_set()
        away.rename(folder)
        assert told.wait(15)
        told.clear()
        (folder / "new.ics").write_text(LUNCH)
        assert told.wait(10)


def test_the_window_is_what_the_folder_is_asked_for(folder: Path) -> None:
    (folder / "lunch.ics").write_text(
        file_text(
            event_text(WINDOW_START - timedelta(days=7), WINDOW_START - timedelta(days=7) + (TEN - NINE), weeks=52)
        ),
        newline="",
    )

    (item,) = scan(calendar_of(folder)).items

    assert len(item.busy) == (WINDOW_END - WINDOW_START).days // 7 + 1
