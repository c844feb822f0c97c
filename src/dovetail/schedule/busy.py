"""Busy time: when somebody is not free, how firmly, and nothing else.

Statuses carry the numbers of Outlook's OlBusyStatus. Free time is no block at all, and a number nobody
knows is busy: an error here must never open a slot.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from dovetail.schedule.intervals import Interval, merge, subtract


class BusyStatus(IntEnum):
    """What the appointment shows its owner as (OlBusyStatus, MS-OXOCAL 2.2.1.2)."""

    FREE = 0
    TENTATIVE = 1
    BUSY = 2
    OUT_OF_OFFICE = 3
    WORKING_ELSEWHERE = 4


STRONGEST_FIRST = (
    BusyStatus.OUT_OF_OFFICE,
    BusyStatus.BUSY,
    BusyStatus.WORKING_ELSEWHERE,
    BusyStatus.TENTATIVE,
)


class BusyBlock(NamedTuple):
    """`[start, end)` in minutes since the epoch, UTC, with how it is shown."""

    start: int
    end: int
    status: BusyStatus


def read_status(value: int) -> BusyStatus:
    """The status of that number; a number outside the list counts as busy."""
    try:
        return BusyStatus(value)
    except ValueError:
        return BusyStatus.BUSY


def merge_busy(blocks: Iterable[BusyBlock]) -> tuple[BusyBlock, ...]:
    """The canonical form: sorted, disjoint, without free time, the strongest status where blocks overlap."""
    by_status: dict[BusyStatus, list[Interval]] = {status: [] for status in STRONGEST_FIRST}
    for start, end, status in blocks:
        if status is not BusyStatus.FREE:
            by_status[status].append(Interval(start, end))
    merged: list[BusyBlock] = []
    covered: list[Interval] = []
    for status, intervals in by_status.items():
        seen = subtract(intervals, covered)
        merged += [BusyBlock(start, end, status) for start, end in seen]
        covered = merge(covered + seen)
    return tuple(sorted(merged))
