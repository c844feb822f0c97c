"""Ask for work inside the transaction that causes it: when that is rolled back, nothing was asked for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from dovetail.server.jobs.models import Job
from dovetail.server.jobs.registry import handler_of

# Set when there may be something to do: a hint for the worker of this process. Others find the row when they look.
wake = threading.Event()


def enqueue(
    kind: str,
    key: str | None = None,
    args: Mapping[str, Any] | None = None,
    run_after: datetime | None = None,
) -> None:
    """Do `kind` with `args` (JSON) after the transaction, not before `run_after` (UTC, default now).

    A pending job of the same kind and key is replaced; one being done right now is not touched.
    Raises LookupError for a kind without a handler.
    """
    handler_of(kind)
    values = {"args": dict(args or {}), "run_after": run_after or timezone.now()}
    if key is None:
        Job.objects.create(kind=kind, **values)
    else:
        fresh = values | {"attempts": 0, "error": ""}
        Job.objects.update_or_create(kind=kind, key=key, dead=False, lease=None, defaults=fresh)
    transaction.on_commit(wake.set)


def cancel(kind: str, key: str) -> bool:
    """Forget the pending job; whether there was one. A job being done right now cannot be cancelled."""
    deleted, _ = Job.objects.filter(kind=kind, key=key, dead=False, lease=None).delete()
    return deleted > 0
