"""The User's hand on calendars that are files: it writes what calendar programs write."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icalendar

from dovetail.connector.calendars import disk
from dovetail.connector.calendars.folder import FolderCalendar
from dovetail.connector.calendars.onefile import FileCalendar
from dovetail.connector.calendars.port import CalendarPort
from dovetail.schedule.busy import BusyStatus

SHOWN = {
    BusyStatus.FREE: "FREE",
    BusyStatus.TENTATIVE: "TENTATIVE",
    BusyStatus.BUSY: "BUSY",
    BusyStatus.OUT_OF_OFFICE: "OOF",
    BusyStatus.WORKING_ELSEWHERE: "WORKINGELSEWHERE",
}
MAIL = ("ATTENDEE", "ORGANIZER", "METHOD", "REQUEST-STATUS")
LOCAL = ZoneInfo("Europe/Berlin")


def event_text(
    start: datetime,
    end: datetime,
    status: BusyStatus = BusyStatus.BUSY,
    *,
    subject: str = "Lunch",
    weeks: int = 1,
    uid: str = "",
) -> str:
    """A VEVENT of another calendar program, in the zone of `start`."""
    lines = [
        "BEGIN:VEVENT",
        f"UID:{uid or uuid.uuid4()}",
        "DTSTAMP:20270101T000000Z",
        _time("DTSTART", start),
        _time("DTEND", end),
        f"SUMMARY:{subject}",
        "ATTENDEE:mailto:guest@example.org",
        f"X-MICROSOFT-CDO-BUSYSTATUS:{SHOWN[status]}",
        f"TRANSP:{'TRANSPARENT' if status is BusyStatus.FREE else 'OPAQUE'}",
        *([f"RRULE:FREQ=WEEKLY;COUNT={weeks}"] if weeks > 1 else []),
        "END:VEVENT",
    ]
    return "\r\n".join(lines) + "\r\n"


def file_text(*events: str) -> str:
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Other program//EN\r\n"
    return head + "".join(events) + "END:VCALENDAR\r\n"


def _time(name: str, at: datetime) -> str:
    if at.tzinfo is UTC:
        return f"{name}:{at:%Y%m%dT%H%M%SZ}"
    return f"{name};TZID={at.tzinfo}:{at:%Y%m%dT%H%M%S}"


def rewritten(event: str, **values: str) -> str:
    """A VEVENT with some of its lines replaced or added, as another program saves it."""
    unfolded = event.replace("\r\n ", "")
    for name, line in values.items():
        name = name.replace("_", "-")
        unfolded = re.sub(rf"(?m)^{name}[;:].*\r\n", "", unfolded)
        unfolded = unfolded.replace("BEGIN:VEVENT\r\n", f"BEGIN:VEVENT\r\n{line}\r\n", 1)
    return unfolded


class EventHand:
    """What the User does to an event's text, wherever it is kept."""

    port: CalendarPort
    main: str

    def text(self, handle: str) -> str:
        """The VEVENT."""
        raise NotImplementedError

    def save(self, handle: str, event: str) -> None:
        raise NotImplementedError

    def moves(self, calendar: str, handle: str, start: datetime, end: datetime) -> None:
        self.rewrites(handle, DTSTART=_time("DTSTART", start), DTEND=_time("DTEND", end))

    def frees(self, calendar: str, handle: str) -> None:
        self.rewrites(handle, TRANSP="TRANSP:TRANSPARENT")  # all that most programs do

    def decorates(self, calendar: str, handle: str) -> None:
        text = self.text(handle).replace("\r\n ", "")
        text = re.sub(r"(?m)^DESCRIPTION:(.*)\r$", "DESCRIPTION:Park in the yard\\\\n\\1\\\\nBring coffee\r", text)
        alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Soon\r\nTRIGGER:-PT10M\r\nEND:VALARM\r\n"
        self.save(handle, text.replace("END:VEVENT", f"CATEGORIES:Sales\r\nX-COLOR;A=b:red\r\n{alarm}END:VEVENT"))

    def decorations(self, calendar: str, handle: str) -> Mapping[str, str]:
        event = self.event(handle)
        notes = str(event.get("DESCRIPTION", "")).split("\n")
        return {
            "category": str(event["CATEGORIES"].to_ical()),
            "color": str(event["X-COLOR"].to_ical()) + str(dict(event["X-COLOR"].params)),
            "reminder": event.walk("VALARM")[0].to_ical().decode(),
            "notes": f"{notes[0]} … {notes[-1]}",
        }

    def breaks(self, calendar: str, handle: str) -> None:
        self.rewrites(handle, DTSTART="DTSTART:the day after tomorrow", RRULE="RRULE:FREQ=NEVER")

    def mail_properties(self, calendar: str, handle: str) -> list[str]:
        event = self.event(handle)
        return [name for name in MAIL if name in event or re.search(rf"(?m)^{name}[;:]", self.text(handle))]

    def rewrites(self, handle: str, **values: str) -> None:
        self.save(handle, rewritten(self.text(handle), **values))

    def event(self, handle: str) -> icalendar.Event:
        event = icalendar.Event.from_ical(self.text(handle))
        assert isinstance(event, icalendar.Event)
        return event


def grow_old(path: Path) -> None:
    """A file written long enough ago that its version is settled."""
    past = time.time() - 10 * disk.VERSION_SECONDS
    os.utime(path, (past, past))


class FolderHand(EventHand):
    """On a directory with two calendars in it."""

    main, other = "main", "team"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._away = directory.with_name("unplugged")
        for name in (self.main, self.other):
            (directory / name).mkdir(parents=True)
        self.port = self.calendar = FolderCalendar(directory, local=LOCAL)

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
        handle = f"{calendar}/{uuid.uuid4()}.ics"
        self.write(handle, file_text(event_text(start, end, status, subject=subject, weeks=weeks)))
        return handle

    def copies(self, calendar: str, handle: str, to: str | None = None) -> str:
        copy = f"{to}/{Path(handle).name}" if to and to != calendar else f"{calendar}/copy.ics"
        shutil.copyfile(self.directory / handle, self.directory / copy)
        return copy

    def deletes(self, calendar: str, handle: str) -> None:
        (self.directory / handle).unlink()

    def takes_store_away(self) -> None:
        self.directory.rename(self._away)

    def puts_store_back(self) -> None:
        self._away.rename(self.directory)

    def lets_time_pass(self) -> None:
        for path in self.directory.rglob("*.ics"):
            grow_old(path)

    def fingerprint(self, calendar: str, handle: str) -> object:
        path = self.directory / handle
        return path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino

    def text(self, handle: str) -> str:
        content = (self.directory / handle).read_bytes().decode()
        return content[content.index("BEGIN:VEVENT") : content.index("END:VCALENDAR")]

    def save(self, handle: str, event: str) -> None:
        self.write(handle, file_text(event))

    def write(self, handle: str, text: str) -> None:
        (self.directory / handle).write_bytes(text.encode())


class FileHand(EventHand):
    """On one file of many events."""

    other = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self._away = path.with_name("unplugged")
        self.main = path.name
        self.path.write_bytes(file_text().encode())
        self.port = self.calendar = FileCalendar(path, local=LOCAL)

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
        uid = str(uuid.uuid4())
        self._append(event_text(start, end, status, subject=subject, weeks=weeks, uid=uid))
        return uid

    def copies(self, calendar: str, handle: str, to: str | None = None) -> str:
        uid = str(uuid.uuid4())
        self._append(rewritten(self.text(handle), UID=f"UID:{uid}"))
        return uid

    def deletes(self, calendar: str, handle: str) -> None:
        self.save(handle, "")

    def takes_store_away(self) -> None:
        self.path.rename(self._away)

    def puts_store_back(self) -> None:
        self._away.rename(self.path)

    def lets_time_pass(self) -> None:
        grow_old(self.path)

    def fingerprint(self, calendar: str, handle: str) -> object:
        return self.text(handle)

    def text(self, handle: str) -> str:
        (event,) = [event for event in self._events() if f"UID:{handle}\r\n" in event]
        return event

    def save(self, handle: str, event: str) -> None:
        self._write(self._content().replace(self.text(handle), event))

    def _append(self, event: str) -> None:
        self._write(self._content().replace("END:VCALENDAR", f"{event}END:VCALENDAR"))

    def _events(self) -> list[str]:
        return re.findall(r"BEGIN:VEVENT\r\n.*?END:VEVENT\r\n", self._content(), re.DOTALL)

    def _content(self) -> str:
        return self.path.read_bytes().decode()

    def _write(self, text: str) -> None:
        self.path.write_bytes(text.encode())


class OnOpen:
    """Runs an action whenever a file below a directory is about to be opened."""

    def __init__(self) -> None:
        self.below = ""
        self.action: Callable[[str], None] = lambda path: None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and self.below and str(arguments[0]).startswith(self.below):
            below, self.below = self.below, ""
            try:
                self.action(str(arguments[0]))
            finally:
                self.below = below
