"""One row for each piece of work still to do, or given up on. Work that is done leaves no row."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Job(models.Model):
    """`args` are the handler's keyword arguments: ids, never content, because a dead job keeps them for 30 days.

    Pending: `lease` is null. Taken: `lease` names the taker until `lease_until`, then anybody may take it. A
    pending job with a `key` is the only one of its kind and key, so that it can be replaced and cancelled.
    """

    kind = models.CharField(max_length=64)
    key = models.CharField(max_length=200, null=True)
    args = models.JSONField(default=dict)
    run_after = models.DateTimeField()
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(default="")
    dead = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key"],
                condition=Q(dead=False, lease__isnull=True, key__isnull=False),
                name="jobs_one_pending_per_key",
            )
        ]
        indexes = [models.Index(fields=["dead", "run_after"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
