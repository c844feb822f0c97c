"""Which mails follow from a change to a booking, and its reminder. Asked for in the change's own transaction.

A mail tells what happened: the times it names are those of the change, kept in the job beside the ids, even when the
booking has changed again by the time it is sent. The reminder tells what is to come, so it looks again (`jobs.py`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from dovetail.schedule.instants import to_minutes
from dovetail.server.accounts.models import User
from dovetail.server.bookings.models import STANDING, Actor, Booking, Change, Status
from dovetail.server.jobs.outbox import cancel, enqueue

MAIL = "notifications.mail"
REMINDER = "notifications.reminder"
FAREWELL = "notifications.farewell"

REMIND_BEFORE = timedelta(hours=24)

_MAILS = {
    Change.REQUESTED: ("customer_requested", "user_requested"),
    Change.SCHEDULED: ("customer_booked", "user_booked"),
    Change.APPROVED: ("customer_booked",),
    Change.DECLINED: ("customer_declined",),
    Change.EXPIRED: ("customer_declined",),
    Change.RESCHEDULED: ("customer_rescheduled", "user_rescheduled"),
    Change.CANCELED: ("customer_canceled", "user_canceled"),
}
"""Moving an item in the calendar sends none: the User is taken to have agreed it with the Customer."""


def plan(booking: Booking, change: Change, before: datetime | None = None) -> None:
    """`before` is the start that was given up."""
    for mail in _MAILS.get(change, ()):
        if mail == "user_canceled" and booking.actor == Actor.USER:
            continue
        args = {
            "booking": str(booking.pk),
            "mail": mail,
            "revision": booking.revision,
            "start": to_minutes(booking.start),
            "end": to_minutes(booking.end),
            "before": before and to_minutes(before),
        }
        enqueue(MAIL, f"{booking.pk}:{booking.revision}:{mail}", args)
    _plan_reminder(booking)


def plan_farewell(user: User) -> int:
    """Tell the Customers of an account that is about to be deleted that their meetings are off; how many there are.

    Their bookings go with the account, so here the job carries what the mail says. It is gone once sent.
    """
    now = timezone.now()
    rows = user.bookings.filter(status__in=(*STANDING, Status.REQUESTED), start__gt=now)
    for booking in rows:
        args = {
            "booking": str(booking.pk),
            "host": str(user),
            "revision": booking.revision + 1,
            "start": to_minutes(booking.start),
            "end": to_minutes(booking.end),
            "subject": booking.subject,
            "name": booking.customer_name,
            "email": booking.customer_email,
            "zone": booking.customer_zone,
            "was_scheduled": booking.was_scheduled,
        }
        cancel(REMINDER, str(booking.pk))
        enqueue(FAREWELL, str(booking.pk), args)
    return len(rows)


def _plan_reminder(booking: Booking) -> None:
    due = booking.start - REMIND_BEFORE
    if booking.stands and due > timezone.now():
        enqueue(REMINDER, str(booking.pk), {"booking": str(booking.pk), "start": to_minutes(booking.start)}, due)
    else:
        cancel(REMINDER, str(booking.pk))
