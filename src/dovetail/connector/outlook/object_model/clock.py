"""Outlook's dates, which lie: the one place where they become instants, and instants become them.

A date of the object model has no zone (VT_DATE). What comes out of Python's COM is tagged as UTC, whatever it means:
`Start`, `End` and `LastModificationTime` are the wall clock of the PC, members that end in `UTC` are UTC, and dates of
a recurrence pattern are the wall clock of the series. On the way in, a time is turned to UTC and its digits are
written, so only members that end in `UTC` are ever written. 4501-01-01 means no date.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

_NO_DATE_YEAR = 4500


class Clock:
    """`local`: the zone of the PC."""

    def __init__(self, local: tzinfo) -> None:
        self.local = local

    def from_local(self, value: object) -> datetime | None:
        """The instant of a member in local time. In an hour that comes twice, the later one."""
        digits = _digits(value)
        return None if digits is None else digits.replace(tzinfo=self.local, fold=1).astimezone(UTC)

    def from_utc(self, value: object) -> datetime | None:
        """The instant of a member in UTC."""
        return _digits(value)

    def to_utc(self, at: datetime) -> datetime:
        """What to write to a member in UTC."""
        return at.astimezone(UTC)


def day_of(value: object) -> date | None:
    """The day of a date on whatever wall clock it is told."""
    digits = _digits(value)
    return None if digits is None else digits.date()


def minute_of_day(value: object) -> int | None:
    """Minutes after midnight, on whatever wall clock it is told."""
    digits = _digits(value)
    return None if digits is None else digits.hour * 60 + digits.minute


def _digits(value: object) -> datetime | None:
    """To the nearest second: a VT_DATE counts days in floating point."""
    if not isinstance(value, datetime) or value.year >= _NO_DATE_YEAR:
        return None
    plain = datetime(
        value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond, tzinfo=UTC
    )
    return (plain + timedelta(milliseconds=500)).replace(microsecond=0)
