"""Helpers of the tests here: a calendar's text from its lines, and what was read, as a person would note it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO

from dovetail.schedule.busy import BusyBlock
from dovetail.schedule.ics import EventBusy, Problem, read_busy
from dovetail.schedule.instants import from_minutes, to_minutes
from dovetail.schedule.intervals import Interval
from dovetail.schedule.zones import zone

LOCAL = "Europe/Berlin"


def window(first: str, last: str) -> Interval:
    """From the start of one UTC day to the start of another, written 2026-06-01."""
    return Interval(*(to_minutes(datetime.fromisoformat(day).replace(tzinfo=UTC)) for day in (first, last)))


JUNE = window("2026-06-01", "2026-07-01")


def event(*lines: str, uid: str = "one") -> str:
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"])


def calendar(*parts: str) -> bytes:
    return "\r\n".join(["BEGIN:VCALENDAR", *"\n".join(parts).split("\n"), "END:VCALENDAR", ""]).encode()


def read(data: bytes, within: Interval = JUNE, local: str = LOCAL) -> list[EventBusy | Problem]:
    return list(read_busy(BytesIO(data), within, zone(local)))


def noted(blocks: Iterable[BusyBlock]) -> list[str]:
    """`05 10:00-11:00` in UTC, with the day of the end where it is another."""
    written = []
    for start, end, _ in sorted(blocks):
        begins, ends = from_minutes(start), from_minutes(end)
        same_day = begins.date() == ends.date()
        written.append(f"{begins:%d %H:%M}-{ends:{'' if same_day else '%d '}%H:%M}")
    return written


def busy(*parts: str, within: Interval = JUNE, local: str = LOCAL) -> list[str]:
    """What a calendar of these parts blocks; it has no problems."""
    results = read(calendar(*parts), within, local)
    assert [result for result in results if isinstance(result, Problem)] == []
    return noted(block for result in results for block in result.blocks)


def problem(*parts: str, within: Interval = JUNE) -> Problem:
    """The one problem of a calendar of these parts."""
    [found] = [result for result in read(calendar(*parts), within) if isinstance(result, Problem)]
    return found
