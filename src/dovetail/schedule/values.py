"""The values of iCalendar that say when: DATE, DATE-TIME, DURATION and UTC-OFFSET (RFC 5545 3.3.4-3.3.6, 3.3.14)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z)?)?", re.ASCII | re.IGNORECASE)
_DURATION = re.compile(
    r"([+-]?)P(?:(\d{1,5})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?",
    re.ASCII | re.IGNORECASE,
)
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)(\d\d)?", re.ASCII)


class BadValue(ValueError):
    """The text is not such a value."""


class Reading(NamedTuple):
    """What the text of a DATE or DATE-TIME says; `time` is None for a DATE."""

    date: date
    time: time | None
    utc: bool

    def at(self, zone: tzinfo) -> datetime:
        """The reading on a clock in `zone` (in UTC if the text says so); a date is its midnight."""
        return datetime.combine(self.date, self.time or time(), UTC if self.utc else zone)


class Length(NamedTuple):
    """How long something lasts: `wall` on the clock (days), then `exact` in elapsed time."""

    wall: timedelta
    exact: timedelta


def read_time(text: str) -> Reading:
    """A DATE or DATE-TIME. A leap second is the second before it."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise BadValue("not a date or time")
    year, month, day, hour, minute, second, utc = match.groups()
    try:
        on = date(int(year), int(month), int(day))
        clock = None if hour is None else time(int(hour), int(minute), min(int(second or 0), 59))
    except ValueError:
        raise BadValue("not a date or time that exists") from None
    return Reading(on, clock, utc is not None)


def read_duration(text: str) -> Length:
    """A DURATION; it may be negative."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()[1:]):
        raise BadValue("not a duration")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    sign = -1 if match[1] == "-" else 1
    return Length(
        sign * timedelta(weeks=weeks, days=days), sign * timedelta(hours=hours, minutes=minutes, seconds=seconds)
    )


def read_offset(text: str) -> timedelta:
    """A UTC-OFFSET, less than a day."""
    match = _OFFSET.fullmatch(text.strip())
    if match is None or int(match[2]) > 23 or int(match[3]) > 59:
        raise BadValue("not an offset from UTC")
    size = timedelta(hours=int(match[2]), minutes=int(match[3]), seconds=min(int(match[4] or 0), 59))
    return -size if match[1] == "-" else size
