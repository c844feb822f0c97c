"""The Activity stream: what happened to bookings and connections, in order, never changed afterwards."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class Entry(models.Model):
    """`kind` is a dotted name such as ``booking.scheduled`` or ``connection.disconnected``; `actor` is ``customer``,
    ``user``, ``connector`` or ``server``. `details` never holds calendar data that an erasure would have to remove."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="activity")
    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=60)
    actor = models.CharField(max_length=20)
    booking = models.ForeignKey(
        "bookings.Booking", models.CASCADE, null=True, blank=True, related_name="activity", db_constraint=True
    )
    details = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["user", "-at"])]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("the Activity stream is append-only")
        super().save(*args, **kwargs)


def record(user: Any, kind: str, actor: str, booking: Any = None, **details: Any) -> Entry:
    return Entry.objects.create(user=user, kind=kind, actor=actor, booking=booking, details=details)
