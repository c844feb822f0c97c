"""An Outlook data file, or a folder of messages, beside the demo's calendar: what it blocks. Read where it is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from dovetail.connector.calendar_spec import open_calendar
from dovetail.connector.calendars.port import ScanRequest
from dovetail.schedule.busy import BusyBlock, merge_busy
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval

SUFFIXES = (".pst", ".ost")


def is_data_file(path: Path) -> bool:
    """By its name, or by the messages in it."""
    if path.is_dir():
        suffixes = {file.suffix.lower() for file in (*path.glob("*"), *path.glob("*/*"))}
        return ".msg" in suffixes and ".ics" not in suffixes
    return path.is_file() and path.suffix.lower() in SUFFIXES


def spec(path: Path) -> str:
    """As ``dovetail connect`` takes it."""
    return f"outlook-file:{path}"


def calendars(path: Path) -> list[str]:
    """Their names. Raises CalendarError."""
    return [info.name for info in open_calendar(spec(path)).list_calendars()]


def busy(path: Path, first: datetime, last: datetime) -> tuple[BusyBlock, ...]:
    """What all its calendars block between `first` and `last`, merged. Raises CalendarError."""
    window = Interval(to_minutes(first), to_minutes(last))
    port = open_calendar(spec(path))
    scans = [port.scan(ScanRequest(info.id, window)) for info in port.list_calendars()]
    items = [item.busy for scan in scans for item in scan.items]
    problems = [problem.busy or () for scan in scans for problem in scan.problems]
    return merge_busy(block for blocks in (*items, *problems) for block in blocks)
