"""The openings of one week as a Customer sees them: days with how many times they have, and the times of one day."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dovetail.schedule.instants import from_minutes, to_minutes
from dovetail.schedule.zones import zone
from dovetail.server.pages.when import offset_name

DAYS = 7


@dataclass(frozen=True)
class Time:
    """A start to choose: `value` for the form, `label` as the Customer's clock shows it."""

    value: str
    label: str


@dataclass(frozen=True)
class Day:
    date: date
    times: tuple[Time, ...]
    is_chosen: bool = False


@dataclass(frozen=True)
class Week:
    """`chosen` is the day whose times are shown. `earlier`, `later`: the Mondays to turn to; `next_open`: the first day
    with a time after a week without any."""

    days: tuple[Day, ...]
    chosen: Day | None
    earlier: date | None
    later: date | None
    next_open: date | None

    @property
    def first(self) -> date:
        return self.days[0].date

    @property
    def last(self) -> date:
        return self.days[-1].date


def week(starts: Sequence[int], zone_name: str, now: datetime, *, first: date | None, day: date | None) -> Week:
    """`starts` are minutes, ascending. `first` is any day of the week asked for, `day` the day whose times are wanted;
    without them it is the first one with an opening."""
    tz = zone(zone_name)
    today = now.astimezone(tz).date()
    opening = from_minutes(starts[0]).astimezone(tz).date() if starts else today
    closing = from_minutes(starts[-1]).astimezone(tz).date() if starts else today
    monday = _monday(min(max(first or day or opening, opening), closing))

    midnights = [
        datetime.combine(monday + timedelta(days=offset), datetime.min.time(), tz) for offset in range(DAYS + 1)
    ]
    edges = [bisect_left(starts, to_minutes(midnight)) for midnight in midnights]
    dates = [midnight.date() for midnight in midnights]
    open_dates = [dates[i] for i in range(DAYS) if edges[i] < edges[i + 1]]
    chosen = day if day in open_dates else next(iter(open_dates), None)
    days = tuple(
        Day(dates[i], _times(starts[edges[i] : edges[i + 1]], zone_name), dates[i] == chosen) for i in range(DAYS)
    )
    after = starts[edges[DAYS]] if edges[DAYS] < len(starts) else None
    return Week(
        days=days,
        chosen=next((one for one in days if one.is_chosen), None),
        earlier=monday - timedelta(days=DAYS) if edges[0] > 0 else None,
        later=monday + timedelta(days=DAYS) if after is not None else None,
        next_open=from_minutes(after).astimezone(tz).date() if after is not None and not open_dates else None,
    )


def next_times(starts: Sequence[int], around: datetime, count: int) -> list[datetime]:
    """The `count` starts that are nearest to `around`, in order of time."""
    middle = to_minutes(around)
    nearest = sorted(starts, key=lambda start: abs(start - middle))[:count]
    return [from_minutes(start) for start in sorted(nearest)]


def start_value(start: datetime) -> str:
    """How a start is written in forms and addresses."""
    return f"{start:%Y-%m-%dT%H:%MZ}"


def _times(starts: Sequence[int], zone_name: str) -> tuple[Time, ...]:
    tz = zone(zone_name)
    local = [from_minutes(start).astimezone(tz) for start in starts]
    labels = Counter(f"{moment:%H:%M}" for moment in local)
    return tuple(
        Time(
            start_value(from_minutes(start)),
            # The hour that the clock shows twice needs to say which one it is.
            f"{moment:%H:%M}" + (f" {offset_name(moment, zone_name)}" if labels[f"{moment:%H:%M}"] > 1 else ""),
        )
        for start, moment in zip(starts, local, strict=True)
    )


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
