"""What the clock does to bookings."""

from __future__ import annotations

from datetime import timedelta

from dovetail.server.bookings import place
from dovetail.server.jobs.registry import job


@job("bookings.finish", database_only=True, every=timedelta(minutes=1))
def finish() -> None:
    place.finish()
