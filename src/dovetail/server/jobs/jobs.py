"""The outbox's own housekeeping."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from dovetail.server.jobs.models import Job
from dovetail.server.jobs.registry import job

KEEP_DEAD = timedelta(days=30)


@job("jobs.forget_dead", database_only=True, every=timedelta(days=1))
def forget_dead() -> None:
    """A dead job is kept long enough for an operator to see why, not for ever."""
    Job.objects.filter(dead=True, run_after__lt=timezone.now() - KEEP_DEAD).delete()
