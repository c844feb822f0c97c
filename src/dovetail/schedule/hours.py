"""When somebody takes bookings: weekly hours in a time zone, and dates on which other hours apply.

Hours are wall clock: an instant is open when the clock on the host's wall reads a time within a range. So a
range that a daylight-saving gap swallows is not there that day, and an hour that the clock shows twice is
open twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from dovetail.schedule.instants import from_minutes
from dovetail.schedule.intervals import Interval, clip, merge
from dovetail.schedule.zones import zone

DAY = 24 * 60
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MINUTE = timedelta(minutes=1)


class TimeRange(NamedTuple):
    """`[start, end)` in minutes of a local day; `end` above 1440 reaches into the next day."""

    start: int
    end: int


@dataclass(frozen=True)
class Hours:
    """Weekly hours (0 = Monday), and the dates that have their own; `()` closes a date.

    An override replaces every range that *starts* on its date: what began the evening before still runs to
    its end. Raises ValueError for a range that is empty or lies outside `0 <= start < end <= 2880`, `start
    < 1440`; UnknownZone for a zone that is none.
    """

    zone: str
    weekly: Mapping[int, tuple[TimeRange, ...]]
    overrides: Mapping[date, tuple[TimeRange, ...]]

    def __post_init__(self) -> None:
        zone(self.zone)
        object.__setattr__(self, "weekly", {day: _checked(ranges) for day, ranges in self.weekly.items()})
        object.__setattr__(self, "overrides", {day: _checked(ranges) for day, ranges in self.overrides.items()})
        if not all(0 <= day <= 6 for day in self.weekly):
            raise ValueError("a weekday is 0 (Monday) to 6")

    def __hash__(self) -> int:
        return hash((self.zone, tuple(sorted(self.weekly.items())), tuple(sorted(self.overrides.items()))))

    def windows(self, within: Interval) -> list[Interval]:
        """The open minutes inside `within`, merged, UTC."""
        return clip(self.local_windows(within), within)

    def local_windows(self, within: Interval) -> list[Interval]:
        """The open minutes as one window per range and date, whole even where they reach out of `within`.

        Ranges of one date that overlap or touch are one window; the windows of two dates stay two.
        """
        if within.start >= within.end:
            return []
        tz = zone(self.zone)
        # A range may have begun the day before, and a clock put back at midnight shows the day before once more.
        first = from_minutes(within.start).astimezone(tz).date() - timedelta(days=2)
        last = from_minutes(within.end).astimezone(tz).date() + timedelta(days=1)
        return [
            window
            for window in _local_windows(self, first, last)
            if window.start < within.end and window.end > within.start
        ]

    def on(self, day: date) -> tuple[TimeRange, ...]:
        """The ranges that start on this local date."""
        return self.overrides.get(day, self.weekly.get(day.weekday(), ()))


def local_day(tz: tzinfo, day: date) -> list[Interval]:
    """The minutes when the clock shows this date: mostly one interval, none where a zone skips the date."""
    return _instants(tz, day, TimeRange(0, DAY))


@lru_cache(maxsize=512)
def _local_windows(hours: Hours, first: date, last: date) -> tuple[Interval, ...]:
    tz = zone(hours.zone)
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    return tuple(window for day in days for span in hours.on(day) for window in _instants(tz, day, span))


def _checked(ranges: tuple[TimeRange, ...]) -> tuple[TimeRange, ...]:
    for start, end in ranges:
        if not (0 <= start < DAY and start < end <= 2 * DAY):
            raise ValueError(f"{start}-{end} is not a range of minutes of a day")
    return tuple(TimeRange(start, end) for start, end in merge(Interval(start, end) for start, end in ranges))


def _instants(tz: tzinfo, day: date, span: TimeRange) -> list[Interval]:
    """The minutes at which the clock reads a time in `span` of `day`."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a reading of the clock, not an instant
    start, end = midnight + span.start * _MINUTE, midnight + span.end * _MINUTE
    starts, ends = _readings(tz, start), _readings(tz, end)
    if starts[0] == starts[1] and ends[0] == ends[1]:
        return [Interval(starts[0], ends[0])]
    # An edge is a time the clock shows twice or never: rare, so look minute by minute.
    minutes = range(min(starts), max(ends))
    return merge(Interval(m, m + 1) for m in minutes if start <= _reading_at(tz, m) < end)


def _readings(tz: tzinfo, wall: datetime) -> tuple[int, int]:
    """The minute at which the clock reads `wall`, by the offset before a change and by the one after it."""
    local = (wall.toordinal() - _EPOCH_ORDINAL) * DAY + wall.hour * 60 + wall.minute
    before, after = (wall.replace(tzinfo=tz, fold=fold).utcoffset() for fold in (0, 1))
    if before is None or after is None:
        raise ValueError("not a time zone")
    return local - before // _MINUTE, local - after // _MINUTE


def _reading_at(tz: tzinfo, minute: int) -> datetime:
    return from_minutes(minute).astimezone(tz).replace(tzinfo=None)
