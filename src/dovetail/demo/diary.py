"""The demo's calendar folder as its owner sees it: which file belongs to a booking, and what the User does to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from icalendar import Calendar
from tzlocal import get_localzone

from dovetail.schedule.busy import BusyBlock, merge_busy
from dovetail.schedule.ics import read_busy
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval

BOOKING = b"X-DOVETAIL-BOOKING"


@dataclass(frozen=True)
class Entry:
    """A booking's appointment. `show_as` is Outlook's name for the busy status."""

    path: Path
    subject: str
    start: datetime
    end: datetime
    show_as: str


def entries(folder: Path) -> list[Entry]:
    """All appointments that Dovetail wrote into `folder`, by start."""
    found = []
    for path in folder.glob("*.ics"):
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            continue
        if BOOKING in text:
            found += [_entry(path, event) for event in Calendar.from_ical(text).walk("VEVENT")]
    return sorted(found, key=lambda entry: (entry.start, entry.subject))


def _entry(path: Path, event: Any) -> Entry:
    start, end = event["DTSTART"].dt.astimezone(UTC), event["DTEND"].dt.astimezone(UTC)
    return Entry(path, str(event["SUMMARY"]), start, end, str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")))


def at(folder: Path, start: datetime) -> list[Entry]:
    return [entry for entry in entries(folder) if entry.start == start]


def move(entry: Entry, by: timedelta) -> None:
    """What a User does who drags the appointment to another time."""
    calendar = Calendar.from_ical(entry.path.read_bytes())
    event: Any
    for event in calendar.walk("VEVENT"):
        for name in ("DTSTART", "DTEND"):
            event[name].dt += by
    entry.path.write_bytes(calendar.to_ical())


def busy(folder: Path, first: datetime, last: datetime) -> tuple[BusyBlock, ...]:
    """What the User's own appointments block between `first` and `last`, merged."""
    window = Interval(to_minutes(first), to_minutes(last))
    texts = [path.read_bytes() for path in sorted(folder.glob("*.ics"))]
    return merge_busy(
        block
        for text in texts
        if BOOKING not in text
        for event in read_busy(BytesIO(text), window, get_localzone())
        for block in event.blocks
    )
