"""The server's own guard against a calendar that shows less than it holds, whatever the connector believes.

More than max(5, 20 %) at once is not believed: busy blocks of one calendar that vanish from a report, or bookings that
their User changed in the calendar. Blocks are compared where the old window and the new one overlap, so that a day
which leaves the window is no removal; a block that any new block touches has only changed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from dovetail.schedule.busy import BusyBlock
from dovetail.schedule.intervals import Interval, merge

FEW = 5
SHARE = 0.2


def too_many(count: int, total: int) -> bool:
    return count > max(FEW, SHARE * total)


def removes_too_much(before: Iterable[BusyBlock], after: Iterable[BusyBlock], within: Interval) -> bool:
    """Whether too many of the blocks `before` have nothing of `after` in their place, looking `within` only."""
    busy = merge(Interval(block.start, block.end) for block in after)
    ends = [interval.end for interval in busy]
    total = gone = 0
    for block in before:
        start, end = max(block.start, within.start), min(block.end, within.end)
        if start >= end:
            continue
        total += 1
        first = bisect_right(ends, start)
        gone += first == len(busy) or busy[first].start >= end
    return too_many(gone, total)
