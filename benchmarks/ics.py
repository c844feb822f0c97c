"""``ics``: 10,000 events in one file, 500 of them recurring, to a busy map of 60 days; beside icalendar +
recurring-ical-events. Both give the same busy minutes, or the run stops."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO

import icalendar
import recurring_ical_events

from benchmarks.events import as_one_file, this_monday
from benchmarks.result import Result
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.busymap import BusyMap
from dovetail.schedule.ics import read_busy
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval

EVENTS = 10_000
DAYS = 60


def run() -> Iterator[Result]:
    first = this_monday()
    text = as_one_file(EVENTS, first)
    window = Interval(to_minutes(first), to_minutes(first + timedelta(days=DAYS)))
    began = time.perf_counter()
    blocks = ours(text, window)
    middle = time.perf_counter()
    peer_blocks = theirs(text, first)
    end = time.perf_counter()
    if BusyMap.reduce({"c": blocks}, window) != BusyMap.reduce({"c": peer_blocks}, window):
        raise SystemExit("ics: the two do not agree on what is busy")
    peer = "icalendar + recurring-ical-events"
    yield Result("ics", f"{EVENTS:,} events to a busy map", middle - began, "s", peer, end - middle)


def ours(text: str, window: Interval) -> list[BusyBlock]:
    stream = BytesIO(text.encode())
    return [block for event in read_busy(stream, window, UTC) for block in event.blocks]


def theirs(text: str, first: datetime) -> list[BusyBlock]:
    calendar = icalendar.Calendar.from_ical(text)
    blocks = []
    for event in recurring_ical_events.of(calendar).between(first, first + timedelta(days=DAYS)):
        if event.get("TRANSP") != "TRANSPARENT":
            start, end = (event[name].dt.astimezone(UTC) for name in ("DTSTART", "DTEND"))
            blocks.append(BusyBlock(to_minutes(start), to_minutes(end), BusyStatus.BUSY))
    return blocks
