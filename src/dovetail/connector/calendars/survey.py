"""What events one iCalendar file holds, times aside: a version for each UID, the bookings, and where to add one."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from datetime import tzinfo
from io import BufferedReader

from dovetail import __version__
from dovetail.connector.calendars.entries import Entry, EntryReader, uid_of
from dovetail.connector.calendars.splice import End, parts

_NAME = re.compile(rb"^X-WR-CALNAME[^:\r\n]*:([^\r\n]{1,200})", re.IGNORECASE | re.MULTILINE)
_HEAD = 4096  # bytes in which a calendar's own properties are looked for


@dataclass
class Survey:
    """`entries` are the bookings by UID, None where two events claim to be one. `insert_at` is where a new event goes.

    `whole`: the file ends as a calendar does. `oversized`: it has a component too large to be looked into.
    """

    stat: os.stat_result
    name: str
    newline: bytes
    versions: dict[str, bytes] = field(default_factory=dict)
    entries: dict[str, Entry | None] = field(default_factory=dict)
    insert_at: int | None = None
    whole: bool = False
    oversized: bool = False

    def version(self, uid: str) -> str:
        """Empty, and never to be compared, for an event in a component too large."""
        return self.versions.get(uid, b"").hex()


def survey(file: BufferedReader, local: tzinfo) -> Survey:
    """Reads the file once, in bounded memory apart from one small record for each UID."""
    file.seek(0)
    head = file.read(_HEAD)
    named = _NAME.search(head)
    found = Survey(
        stat=os.fstat(file.fileno()),
        name=named.group(1).decode("utf-8", "replace").strip() if named else "",
        newline=b"\r\n" if b"\r\n" in head else b"\n",
    )
    meaning = f"{local} {__version__}".encode()
    reader = EntryReader(local)
    for part in parts(file):
        if isinstance(part, End):
            found.insert_at, found.whole = part.start, True
            continue
        if not part.kind:
            found.insert_at, found.whole = None, False
        entry = reader.read(part)
        if part.kind != "VEVENT":
            continue
        if part.raw is None:
            found.oversized = True
            continue
        uid = uid_of(part.raw)
        zones = reader.zones if b"TZID=" in part.raw else b""
        text = b"\x00".join((found.versions.get(uid, b""), meaning, zones, part.raw))
        found.versions[uid] = hashlib.sha256(text).digest()[:12]
        if entry is not None:
            found.entries[uid] = None if uid in found.entries else entry
    found.versions.pop("", None)
    return found
