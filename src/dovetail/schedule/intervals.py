"""Half-open ranges of minutes, and the four operations availability needs on them.

A minute is counted from 1970-01-01T00:00Z (see `instants`). Every function takes ranges in any order,
overlapping or empty, and returns them sorted, disjoint, not touching and not empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Interval(NamedTuple):
    """`[start, end)` in minutes since the epoch, UTC."""

    start: int
    end: int


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """The same minutes as `intervals`; those that overlap or touch are joined."""
    merged: list[Interval] = []
    last_start = last_end = None
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if last_start is None or last_end is None or start > last_end:
            if last_start is not None and last_end is not None:
                merged.append(Interval(last_start, last_end))
            last_start, last_end = start, end
        elif end > last_end:
            last_end = end
    if last_start is not None and last_end is not None:
        merged.append(Interval(last_start, last_end))
    return merged


def subtract(a: Iterable[Interval], b: Iterable[Interval]) -> list[Interval]:
    """The minutes in `a` that are not in `b`."""
    holes = merge(b)
    left: list[Interval] = []
    first = 0
    for start, end in merge(a):
        while first < len(holes) and holes[first].end <= start:
            first += 1
        at = first
        while at < len(holes) and holes[at].start < end:
            if holes[at].start > start:
                left.append(Interval(start, holes[at].start))
            start = holes[at].end
            at += 1
        if start < end:
            left.append(Interval(start, end))
    return left


def intersect(a: Iterable[Interval], b: Iterable[Interval]) -> list[Interval]:
    """The minutes that are in both."""
    ours, theirs = merge(a), merge(b)
    common: list[Interval] = []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        start, end = max(ours[i].start, theirs[j].start), min(ours[i].end, theirs[j].end)
        if start < end:
            common.append(Interval(start, end))
        if ours[i].end < theirs[j].end:
            i += 1
        else:
            j += 1
    return common


def clip(intervals: Iterable[Interval], within: Interval) -> list[Interval]:
    """The minutes of `intervals` that lie in `within`."""
    return intersect(intervals, [within])
