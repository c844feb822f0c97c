"""A booking as an iCalendar event (RFC 5545, 3.6.1): written, read back, and changed line by line.

Dovetail owns the times, the subject, the location, how the event shows, its own X-DOVETAIL-* properties, and in the
description the lines between two marks. Every other line, alarms and other programs' properties included, is kept
byte for byte, and so is an owned line that already says what it should. There is no ATTENDEE, ORGANIZER or METHOD in
an event written here: no calendar program has a reason to mail anybody.

X-MICROSOFT-CDO-BUSYSTATUS is MS-OXCICAL 2.1.3.1.1.20.31; TRANSP and STATUS say the same, as far as they can.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from icalendar.parser import Contentline

from dovetail import __version__
from dovetail.connector.calendars.port import Draft, Stamp
from dovetail.protocol.messages import ShowAs

BODY_BEGINS = "----- Booking (Dovetail keeps the lines between these marks up to date) -----"
BODY_ENDS = "----- End of booking (what you write above or below is kept) -----"

BOOKING, CONNECTOR, EPOCH, REVISION, DIGEST, HANDLE = (
    "X-DOVETAIL-BOOKING",
    "X-DOVETAIL-CONNECTOR",
    "X-DOVETAIL-EPOCH",
    "X-DOVETAIL-REVISION",
    "X-DOVETAIL-DIGEST",
    "X-DOVETAIL-HANDLE",
)
_BUSY_STATUS = {
    ShowAs.FREE: "FREE",
    ShowAs.TENTATIVE: "TENTATIVE",
    ShowAs.BUSY: "BUSY",
    ShowAs.OUT_OF_OFFICE: "OOF",
    ShowAs.WORKING_ELSEWHERE: "WORKINGELSEWHERE",
}
_TIMES = frozenset({"DTSTART", "DTEND", "DURATION"})
_ALWAYS = frozenset({BOOKING, CONNECTOR, EPOCH, REVISION, DIGEST, HANDLE, "DTSTAMP", "LAST-MODIFIED"})
_SHOWN = frozenset({"TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS", "STATUS"})
_BODY = frozenset({"DESCRIPTION", "X-ALT-DESC"})  # the second is the first as HTML, and would contradict it
_NOT_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ufeff]")  # RFC 5545, 3.1: CONTROL; never in a TEXT
_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})
_FOLD = re.compile(rb"\r?\n[ \t]")
_NAME = re.compile(rb"[A-Za-z0-9-]+")


class Line(NamedTuple):
    """A content line as it stands, folds included. `name` is empty inside a nested component such as an alarm."""

    name: str
    raw: bytes

    def text(self) -> str:
        """Its value, unescaped. ValueError if it is no content line."""
        unfolded = _FOLD.sub(b"", self.raw).rstrip(b"\r\n").decode("utf-8", "replace")
        value: str = Contentline(unfolded).parts()[2]  # type: ignore[no-untyped-call]
        return value


def as_written(draft: Draft) -> Draft:
    """The draft as an iCalendar file can hold it: whole seconds of UTC, one kind of line end, no control characters."""
    return replace(
        draft,
        start=draft.start.astimezone(UTC).replace(microsecond=0),
        end=draft.end.astimezone(UTC).replace(microsecond=0),
        subject=_clean(draft.subject),
        body=_clean(draft.body),
        location=_clean(draft.location),
    )


def new_file(event: bytes) -> bytes:
    """A calendar file that holds this one event."""
    head = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Dovetail//Dovetail {__version__}//EN\r\n"
    return head.encode() + event + b"END:VCALENDAR\r\n"


def new_event(uid: str, draft: Draft, stamp: Stamp, now: datetime) -> bytes:
    """A VEVENT of a draft that :func:`as_written` gave. `stamp.handle` must already name the item."""
    lines = [
        _line("UID", uid),
        _line("CREATED", _utc(now)),
        *_marks(stamp, now),
        *_times(draft),
        *_shown(draft),
        _line("SUMMARY", draft.subject),
        _line("LOCATION", draft.location),
        _line("DESCRIPTION", with_body("", draft.body)),
    ]
    return b"BEGIN:VEVENT\r\n" + b"".join(lines) + b"END:VEVENT\r\n"


def updated_event(raw: bytes, current: Draft, draft: Draft, stamp: Stamp, now: datetime) -> bytes:
    """The VEVENT with the draft's fields and the stamp; what is the User's, and what already fits, stays.

    `current` is what :func:`read_texts` and the event's times say of `raw`.
    """
    dropped = set(_ALWAYS)
    added = _marks(stamp, now)
    if (current.start, current.end) != (draft.start, draft.end):
        dropped |= _TIMES
        added += _times(draft)
    if current.show_as is not draft.show_as:
        dropped |= _SHOWN
        added += _shown(draft)
    if current.subject != draft.subject:
        dropped.add("SUMMARY")
        added.append(_line("SUMMARY", draft.subject))
    if current.location != draft.location:
        dropped.add("LOCATION")
        added.append(_line("LOCATION", draft.location))
    lines = list(content_lines(raw))
    if current.body != draft.body:
        dropped |= _BODY
        added.append(_line("DESCRIPTION", with_body(_texts(lines).get("DESCRIPTION", ""), draft.body)))
    kept = [line.raw for line in lines if line.name not in dropped]
    newline = b"\r\n" if kept[0].endswith(b"\r\n") else b"\n"
    return b"".join([kept[0], *(line.replace(b"\r\n", newline) for line in added), *kept[1:]])


def content_lines(raw: bytes) -> Iterator[Line]:
    """The lines of one component, BEGIN and END included."""
    depth = 0
    gathered = b""
    for physical in [*raw.splitlines(keepends=True), b"\n"]:
        if physical[:1] in (b" ", b"\t"):
            gathered += physical
            continue
        if gathered:
            found = _NAME.match(gathered)
            name = found.group().decode().upper() if found else ""
            depth -= name == "END"
            yield Line(name if depth == 1 else "", gathered)
            depth += name == "BEGIN"
        gathered = physical


def read_texts(raw: bytes) -> tuple[str, str, str]:
    """Subject, body and location of an event that bears our stamp. ValueError if a line of it cannot be read."""
    texts = _texts(content_lines(raw))
    return texts.get("SUMMARY", ""), body_in(texts.get("DESCRIPTION", "")), texts.get("LOCATION", "")


def read_stamp(properties: Mapping[str, str]) -> Stamp | None:
    """The stamp in an event's X-DOVETAIL-* properties, or None: what is no whole stamp is not ours."""
    try:
        return Stamp(
            booking=UUID(properties[BOOKING]),
            connector_id=properties[CONNECTOR],
            epoch=int(properties[EPOCH]),
            revision=int(properties[REVISION]),
            digest=properties[DIGEST],
            handle=properties.get(HANDLE, ""),
        )
    except (KeyError, ValueError):
        return None


def body_in(description: str) -> str:
    """The lines between our marks; the whole text when the User took the marks away."""
    lines = description.split("\n")
    found = _marked(lines)
    return "\n".join(lines[found[0] + 1 : found[1]]) if found else description


def with_body(description: str, body: str) -> str:
    """The description with our lines replaced, or put above it when the marks are not there."""
    block = [BODY_BEGINS, body, BODY_ENDS]
    lines = description.split("\n") if description else []
    found = _marked(lines)
    return "\n".join([*lines[: found[0]], *block, *lines[found[1] + 1 :]] if found else [*block, *lines])


def _marked(lines: list[str]) -> tuple[int, int] | None:
    """The first beginning and the last end: a mark inside a Customer's own text changes nothing."""
    begins = [number for number, line in enumerate(lines) if line.strip() == BODY_BEGINS]
    ends = [number for number, line in enumerate(lines) if line.strip() == BODY_ENDS]
    return (begins[0], ends[-1]) if begins and ends and begins[0] < ends[-1] else None


def _texts(lines: Iterator[Line] | list[Line]) -> dict[str, str]:
    return {line.name: line.text() for line in lines if line.name in ("SUMMARY", "DESCRIPTION", "LOCATION")}


def _marks(stamp: Stamp, now: datetime) -> list[bytes]:
    return [
        _line("DTSTAMP", _utc(now)),
        _line("LAST-MODIFIED", _utc(now)),
        _line(BOOKING, str(stamp.booking)),
        _line(CONNECTOR, stamp.connector_id),
        _line(EPOCH, str(stamp.epoch)),
        _line(REVISION, str(stamp.revision)),
        _line(DIGEST, stamp.digest),
        _line(HANDLE, stamp.handle),
    ]


def _times(draft: Draft) -> list[bytes]:
    return [_line("DTSTART", _utc(draft.start)), _line("DTEND", _utc(draft.end))]


def _shown(draft: Draft) -> list[bytes]:
    return [
        _line("TRANSP", "TRANSPARENT" if draft.show_as is ShowAs.FREE else "OPAQUE"),
        _line("X-MICROSOFT-CDO-BUSYSTATUS", _BUSY_STATUS[draft.show_as]),
        _line("STATUS", "TENTATIVE" if draft.show_as is ShowAs.TENTATIVE else "CONFIRMED"),
    ]


def _line(name: str, text: str) -> bytes:
    """Escaped (3.3.11) and folded. The library's own escaping would take a backslash before an N for a line end."""
    escaped = text.translate(_ESCAPES)
    folded: bytes = Contentline(f"{name}:{escaped}").to_ical()  # type: ignore[no-untyped-call]
    return folded + b"\r\n"


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _clean(text: str) -> str:
    return _NOT_TEXT.sub("", "\n".join(text.splitlines())).rstrip("\n")
