"""A zone of this PC, told as Outlook tells it: the name that Windows has for it, and the rule of one year."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from tzlocal.windows_tz import tz_win

from dovetail.connector.outlook.time_zones import Biases, SystemTime, ZoneDefinition, ZoneRule

_MINUTE = timedelta(minutes=1)
_LAST = 5


@lru_cache(maxsize=64)
def describe_zone(zone: tzinfo, year: int) -> ZoneDefinition | None:
    """None for a zone that Windows has no name for."""
    name = tz_win.get(str(zone))
    return None if name is None else ZoneDefinition(name, (ZoneRule(_biases(zone, year), year),))


def _biases(zone: tzinfo, year: int) -> Biases:
    """A year with other than two changes is told by the offset it begins with."""
    changes = list(_changes(zone, year))
    first = _offset(zone, datetime(year, 1, 1, tzinfo=UTC))
    if len(changes) != 2:
        return Biases(-first)
    standard = min(_offset(zone, at) for at in changes)
    to_standard, to_daylight = sorted(changes, key=lambda at: _offset(zone, at))
    return Biases(
        bias=-standard,
        daylight_bias=standard - _offset(zone, to_daylight),
        standard_date=_rule(zone, to_standard),
        daylight_date=_rule(zone, to_daylight),
    )


def _changes(zone: tzinfo, year: int) -> Iterator[datetime]:
    """The first minutes with another offset."""
    days = 366 if calendar.isleap(year) else 365
    for number in range(days):
        begin = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=number)
        end = begin + timedelta(days=1)
        if _offset(zone, begin) == _offset(zone, end):
            continue
        while end - begin > _MINUTE:
            middle = begin + (end - begin) // _MINUTE // 2 * _MINUTE
            begin, end = (middle, end) if _offset(zone, middle) == _offset(zone, begin) else (begin, middle)
        yield end


def _rule(zone: tzinfo, change: datetime) -> SystemTime:
    """When, each year, on the clock as it stood before."""
    wall = change + timedelta(minutes=_offset(zone, change - _MINUTE))
    is_last = wall.day + 7 > calendar.monthrange(wall.year, wall.month)[1]
    nth = _LAST if is_last else (wall.day + 6) // 7
    return SystemTime(0, wall.month, wall.isoweekday() % 7, nth, wall.hour, wall.minute)


def _offset(zone: tzinfo, at: datetime) -> int:
    offset = at.astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset / _MINUTE)
