"""What follows from a change to a booking, in the transaction of the change: its number for the connector, the Activity
stream, mails and the reminder; and after the commit the signal :data:`booking_changed`."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import Signal

from dovetail.server.accounts.models import User
from dovetail.server.activity.models import record
from dovetail.server.bookings.models import Booking, Change
from dovetail.server.notifications.plan import plan

booking_changed = Signal()
"""Sent after the commit with `booking` and `change`; a hint only, whoever misses it finds the state in the tables."""

page_opened = Signal()
"""Sent with `page` when a Customer looks at what can be booked there: the time to see to fresh busy time."""


def number(booking: Booking, host: User) -> None:
    """Give the change the next place in what the connector is told. `host` is locked.

    A detached booking is never handed out: its item belongs to a connection that has ended.
    """
    if booking.detached:
        return
    host.change_seq += 1
    host.save(update_fields=["change_seq"])
    booking.seq = host.change_seq


def tell(booking: Booking, change: Change, *, before: datetime | None = None, **details: Any) -> None:
    """`before` is the start that was given up, where one was; `details` go to the Activity stream."""
    if before is not None:
        details |= {"before": before.isoformat(), "after": booking.start.isoformat()}
    record(booking.host, f"booking.{change}", booking.actor, booking, **details)
    plan(booking, change, before)
    transaction.on_commit(partial(booking_changed.send_robust, sender=Booking, booking=booking, change=change))
