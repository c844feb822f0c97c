"""Bookings, the claims that make an overlap impossible, and holds.

Only :mod:`dovetail.server.bookings.place` writes here.
"""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import models

from dovetail.server.pages.models import EventType


class Status(models.TextChoices):
    REQUESTED = "requested"
    SCHEDULED = "scheduled"
    RESCHEDULED = "rescheduled"
    COMPLETED = "completed"
    NO_SHOW = "no_show"
    CANCELED = "canceled"


class Change(StrEnum):
    """What can happen to a booking; the Activity stream calls it ``booking.<change>``."""

    REQUESTED = "requested"
    SCHEDULED = "scheduled"
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"  # a request nobody answered before its time
    RESCHEDULED = "rescheduled"
    MOVED = "moved"  # by the User, in the calendar
    CANCELED = "canceled"
    COMPLETED = "completed"
    NO_SHOW = "no_show"


class Actor(models.TextChoices):
    CUSTOMER = "customer"
    USER = "user"
    SERVER = "server"


STANDING = (Status.SCHEDULED, Status.RESCHEDULED)
"""The statuses of a meeting that is to take place, or is taking place."""

HELD_OR_PAST = (*STANDING, Status.COMPLETED, Status.NO_SHOW)
"""The statuses of a meeting whose time nobody else can have, and which counts towards the caps."""


class Booking(models.Model):
    """`revision` rises with each change a calendar should show, `seq` is the User's `change_seq` at that change.
    `epoch` is the connection's when the booking was made, None without one; `detached` after that connection ended.
    `link_token` is the secret in the Customer's reschedule and cancel links."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="bookings")
    event_type = models.ForeignKey(EventType, models.SET_NULL, null=True, related_name="bookings")
    status = models.CharField(max_length=12, choices=Status.choices)
    actor = models.CharField(max_length=10, choices=Actor.choices, default=Actor.CUSTOMER)
    start = models.DateTimeField()
    end = models.DateTimeField()
    subject = models.CharField(max_length=200)
    location = models.CharField(max_length=200, blank=True)
    customer_name = models.CharField(max_length=120)
    customer_email = models.EmailField()
    customer_zone = models.CharField(max_length=60)
    customer_note = models.TextField(max_length=2000, blank=True)
    link_token = models.CharField(max_length=43, unique=True)
    idempotency_key = models.CharField(max_length=64, null=True)
    cancel_reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    revision = models.PositiveBigIntegerField(default=1)
    seq = models.PositiveBigIntegerField(default=0)
    epoch = models.PositiveIntegerField(null=True)
    detached = models.BooleanField(default=False)

    class Meta:
        ordering = ["start"]
        indexes = [
            models.Index(fields=["host", "seq"]),
            models.Index(fields=["host", "start"]),
            models.Index(fields=["status", "end"]),
        ]
        constraints = [models.UniqueConstraint(fields=["host", "idempotency_key"], name="one_booking_per_key")]

    @property
    def stands(self) -> bool:
        return self.status in STANDING

    @property
    def was_scheduled(self) -> bool:
        """Whether it ever was more than a request, so that calendars may show it."""
        return self.seq > 0


class Hold(models.Model):
    """A slot kept for the Customer who is filling in the form. A courtesy: the claim decides."""

    token = models.CharField(max_length=43, primary_key=True)
    host = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="holds")
    start = models.DateTimeField()
    end = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)


class Claim(models.Model):
    """One 5-minute cell of a host's time (minutes since the epoch, divided by 5), by a booking or by a hold.

    The primary key makes an overlap impossible. Never saved one by one: Django would turn an insert of an existing
    key into an update, and the other booking's claim would be gone.
    """

    pk = models.CompositePrimaryKey("host", "cell")
    host = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_index=False)
    cell = models.BigIntegerField()
    booking = models.ForeignKey(Booking, models.CASCADE, null=True, related_name="claims")
    hold = models.ForeignKey(Hold, models.CASCADE, null=True, related_name="claims")

    def save(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("claims are inserted with bulk_create")
