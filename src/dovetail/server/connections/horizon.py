"""How far ahead the connector is to look: as far as the User can be booked, and a day more for the zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from django.db.models import Max

from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval
from dovetail.server.pages.models import EventType

SHORTEST = 14


def window_days(user_id: int) -> int:
    """The longest horizon of the User's active event types, plus a day; at least SHORTEST."""
    active = EventType.objects.filter(page__user=user_id, is_active=True)
    longest: int | None = active.aggregate(longest=Max("horizon_days"))["longest"]
    return max(SHORTEST, (longest or 0) + 1)


def days_interval(first: date, last: date) -> Interval:
    """The minutes of the UTC days `first` to `last`, both included."""
    return Interval(_midnight(first), _midnight(last + timedelta(days=1)))


def _midnight(day: date) -> int:
    return to_minutes(datetime(day.year, day.month, day.day, tzinfo=UTC))
