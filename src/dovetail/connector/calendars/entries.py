"""The bookings in an iCalendar file, found by their stamps, and what the file says of them.

Everything else in the file is busy time and is read by `dovetail.schedule.ics`; here only events that bear a stamp are
looked into. Their times are resolved by the icalendar library, in the zones that the file itself defines; a floating
time, a whole day, and a zone that nobody knows are meant in the zone of the PC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from typing import BinaryIO

import icalendar

from dovetail.connector.calendars import vevent
from dovetail.connector.calendars.port import Draft, Item, Stamp
from dovetail.connector.calendars.splice import Part, parts
from dovetail.protocol.messages import ShowAs
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval

_UID = re.compile(rb"^UID[;:][^\r\n]*(?:\r?\n[ \t][^\r\n]*)*", re.IGNORECASE | re.MULTILINE)
_MOST_ZONES = 1024 * 1024  # bytes of VTIMEZONE kept for the events that follow
_SHOWN = {
    "FREE": ShowAs.FREE,
    "TENTATIVE": ShowAs.TENTATIVE,
    "BUSY": ShowAs.BUSY,
    "OOF": ShowAs.OUT_OF_OFFICE,
    "WORKINGELSEWHERE": ShowAs.WORKING_ELSEWHERE,
}


@dataclass(frozen=True)
class Entry:
    """An event with our stamp, not one occurrence of it. `current` is None if its times or texts cannot be read."""

    uid: str
    start: int  # its first byte in the file
    end: int
    raw: bytes
    stamp: Stamp
    current: Draft | None

    def item(self, calendar: str, handle: str, version: str, blocks: Sequence[BusyBlock], window: Interval) -> Item:
        """As the port wants it; `blocks` are those of the reader of busy time."""
        return Item(calendar, handle, version, self._busy(blocks, window), self.stamp, self.current)

    def _busy(self, blocks: Sequence[BusyBlock], window: Interval) -> tuple[BusyBlock, ...]:
        if self.current is None:
            return tuple(blocks)
        shown = BusyStatus(int(self.current.show_as))
        if shown is BusyStatus.FREE:
            return ()
        if blocks:
            return tuple(BusyBlock(start, end, shown) for start, end, _ in blocks)
        own = BusyBlock(to_minutes(self.current.start), to_minutes_ceil(self.current.end), shown)
        meets = own.start < own.end and own.start < window.end and own.end > window.start
        return (own,) if meets else ()


class EntryReader:
    """Takes the parts of one file in their order and tells which of them are bookings."""

    def __init__(self, local: tzinfo) -> None:
        self._local = local
        self.zones = b""  # the VTIMEZONEs met so far

    def read(self, part: Part) -> Entry | None:
        if part.raw is None:
            return None
        if part.kind == "VTIMEZONE" and len(self.zones) + len(part.raw) <= _MOST_ZONES:
            self.zones += part.raw
        if part.kind == "VEVENT" and b"DOVETAIL" in part.raw.upper():
            return _entry(part.start, part.raw, self.zones, self._local)
        return None


def entries(file: BinaryIO, local: tzinfo) -> Iterator[Entry]:
    """All bookings in the file."""
    reader = EntryReader(local)
    for part in parts(file):
        entry = reader.read(part) if isinstance(part, Part) else None
        if entry is not None:
            yield entry


def uid_of(raw: bytes) -> str:
    """The UID of an event; empty if it has none."""
    found = _UID.search(raw)
    return _value(vevent.Line("UID", found.group())) if found else ""


def _entry(start_byte: int, raw: bytes, zones: bytes, local: tzinfo) -> Entry | None:
    lines = {line.name: line for line in vevent.content_lines(raw)}
    stamp = vevent.read_stamp({name: _value(line) for name, line in lines.items() if name.startswith("X-DOVETAIL-")})
    if stamp is None or "RECURRENCE-ID" in lines:
        return None
    try:
        subject, body, location = vevent.read_texts(raw)
        start, end = _times(lines, zones, local)
        current = Draft(start, end, subject, body, location, _show_as(lines))
    except (ValueError, OverflowError):
        current = None
    uid = _value(lines["UID"]) if "UID" in lines else ""
    return Entry(uid, start_byte, start_byte + len(raw), raw, stamp, current)


def _times(lines: dict[str, vevent.Line], zones: bytes, local: tzinfo) -> tuple[datetime, datetime]:
    """In UTC. ValueError if there are none that make sense."""
    when = b"".join(lines[name].raw for name in ("DTSTART", "DTEND", "DURATION") if name in lines)
    try:
        event = _parsed(when, zones if b"TZID" in when else b"")
    except ValueError:
        event = _parsed(when, b"")  # the file's own zones make no sense: the names may
    if not isinstance(event, icalendar.Event) or not isinstance(event.start, date):
        raise ValueError("no start")
    return _instant(event.start, local), _instant(event.end, local)


def _parsed(when: bytes, zones: bytes) -> icalendar.Component:
    text = b"BEGIN:VCALENDAR\r\n" + zones + b"BEGIN:VEVENT\r\n" + when + b"END:VEVENT\r\nEND:VCALENDAR\r\n"
    return icalendar.Calendar.from_ical(text).walk("VEVENT")[0]


def _instant(value: date, local: tzinfo) -> datetime:
    at = value if isinstance(value, datetime) else datetime.combine(value, time())
    return (at if at.tzinfo else at.replace(tzinfo=local)).astimezone(UTC)


def _show_as(lines: dict[str, vevent.Line]) -> ShowAs:
    """We wrote X-MICROSOFT-CDO-BUSYSTATUS and TRANSP alike: if they differ, a program that knows the second only was
    the last to write, and TRANSP holds."""
    if "STATUS" in lines and _value(lines["STATUS"]).upper() == "CANCELLED":
        return ShowAs.FREE
    free = "TRANSP" in lines and _value(lines["TRANSP"]).upper() == "TRANSPARENT"
    told = _value(lines["X-MICROSOFT-CDO-BUSYSTATUS"]).upper() if "X-MICROSOFT-CDO-BUSYSTATUS" in lines else ""
    if told not in _SHOWN:
        told = "TENTATIVE" if "STATUS" in lines and _value(lines["STATUS"]).upper() == "TENTATIVE" else "BUSY"
    if free:
        return ShowAs.FREE
    return ShowAs.BUSY if told == "FREE" else _SHOWN[told]


def _value(line: vevent.Line) -> str:
    try:
        return line.text().strip()
    except ValueError:
        return ""
