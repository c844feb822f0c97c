"""Aware datetimes to whole minutes since 1970-01-01T00:00Z, and back.

Seconds are dropped downwards, or upwards where an end must not be cut short.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


def to_minutes(instant: datetime) -> int:
    """Minutes since the epoch, rounded down. A naive datetime is a ValueError."""
    return (_aware(instant) - EPOCH) // _MINUTE


def to_minutes_ceil(instant: datetime) -> int:
    """Minutes since the epoch, rounded up. A naive datetime is a ValueError."""
    return -((EPOCH - _aware(instant)) // _MINUTE)


def from_minutes(minutes: int) -> datetime:
    """The instant as an aware datetime in UTC. Outside the years 1 to 9999: OverflowError."""
    return EPOCH + minutes * _MINUTE


def _aware(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError("a datetime without a time zone is not an instant")
    return instant
