"""What the clock does for connections."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from dovetail.server.connections import keys, limiter, missing, scram
from dovetail.server.jobs.registry import job


@job("connections.look_for_missing", database_only=True, every=timedelta(minutes=1))
def look_for_missing() -> None:
    missing.look_for_missing(timezone.now())


@job("connections.forget_old", database_only=True, every=timedelta(minutes=30))
def forget_old() -> None:
    """Keys, nonces, tries and blocks whose time is over."""
    now = timezone.now()
    keys.forget_expired(now)
    scram.forget_spent(now)
    limiter.forget_old(now)
