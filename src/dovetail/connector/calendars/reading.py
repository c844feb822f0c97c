"""One calendar file read once: when it is busy, which bookings it bears, what is wrong with it. Memory is bounded."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import tzinfo
from io import BufferedReader
from pathlib import Path
from uuid import UUID

from dovetail.connector.calendars import disk
from dovetail.connector.calendars.entries import Entry, entries
from dovetail.schedule.busy import BusyBlock, merge_busy
from dovetail.schedule.ics import EventBusy, Problem, read_busy
from dovetail.schedule.intervals import Interval

_FOLD = re.compile(rb"\r?\n[ \t]")
_MOST_BLOCKS = 20_000  # gathered before they are merged


@dataclass(frozen=True)
class Contents:
    """`entry` is the file's one booking; None when it holds none, or anything besides.

    `bookings` are all whose stamp the file bears, whether or not they are the file's own.
    """

    version: str
    blocks: tuple[BusyBlock, ...]
    entry: Entry | None
    bookings: frozenset[UUID]
    problem: Problem | None


def read_contents(path: Path, window: Interval, local: tzinfo) -> Contents:
    """Raises OSError."""
    with disk.open_file(path) as file:
        stat = os.fstat(file.fileno())
        blocks: list[BusyBlock] = []
        first_uid: str | None = None
        several = stamped = False
        problem: Problem | None = None
        for event in read_busy(file, window, local):
            blocks += event.blocks
            stamped |= bool(event.stamp)
            if isinstance(event, Problem):
                problem = problem or event
            if isinstance(event, EventBusy) or event.uid:
                several |= first_uid not in (None, event.uid)
                first_uid = event.uid
            if len(blocks) > _MOST_BLOCKS:
                blocks = list(merge_busy(blocks))
        borne = list(entries(file, local)) if stamped or problem else []
        return Contents(
            version=disk.Versions(local).full(stat, lambda: file_digest(file)),
            blocks=tuple(merge_busy(blocks) if several else blocks),
            entry=borne[0] if len(borne) == 1 and not several else None,
            bookings=frozenset(entry.stamp.booking for entry in borne),
            problem=problem,
        )


def file_digest(file: BufferedReader) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def mentions(path: Path, booking: UUID) -> bool:
    """Whether a file that cannot be understood has this booking's id in it, folded or not. Raises OSError."""
    wanted = str(booking).encode()
    tail = b""
    with disk.open_file(path) as file:
        while chunk := file.read(1 << 20):
            text = tail + chunk.lower()
            if wanted in text or wanted in _FOLD.sub(b"", text):
                return True
            tail = text[-3 * len(wanted) :]
    return False
