"""The rows behind which two bookings cannot have the same time, and the transaction they are written in.

A meeting claims its own cells, not its buffers. The key ``(host, cell)`` refuses a second claim whatever the code above
believed; cells are inserted in ascending order so that two writers on PostgreSQL cannot lock each other out.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, transaction

from dovetail.schedule.instants import to_minutes, to_minutes_ceil
from dovetail.schedule.slots import CELL_MINUTES
from dovetail.server.accounts.models import User
from dovetail.server.bookings.errors import NotBookable, SlotTaken
from dovetail.server.bookings.models import Booking, Claim, Hold

P = ParamSpec("P")
R = TypeVar("R")

_PAUSES = (0.05, 0.2, 0.5)


def writes(function: Callable[P, R]) -> Callable[P, R]:
    """Run the function in a transaction; when the database was busy or broke a deadlock, a few times.

    Inside a caller's transaction it is tried once: only the caller can begin again.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for pause in _PAUSES:
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except OperationalError:
                if transaction.get_connection().in_atomic_block:
                    raise
                time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads writers, guards nothing
        with transaction.atomic():
            return function(*args, **kwargs)

    return run


def lock_host(host_id: int) -> User:
    """The host's row, fresh. Holds back other writers of this host's time until the transaction ends.

    On SQLite the transaction itself is the lock (BEGIN IMMEDIATE). Several hosts: lock them in ascending order.
    """
    try:
        return User.objects.select_for_update().get(pk=host_id)
    except User.DoesNotExist:
        raise NotBookable("gone") from None


def cells(start: datetime, end: datetime) -> range:
    return range(to_minutes(start) // CELL_MINUTES, -(-to_minutes_ceil(end) // CELL_MINUTES))


def claim(
    host: User, start: datetime, end: datetime, *, booking: Booking | None = None, hold: Hold | None = None
) -> None:
    """Take the time for a booking or a hold. Raises SlotTaken."""
    rows = [Claim(host=host, cell=cell, booking=booking, hold=hold) for cell in cells(start, end)]
    try:
        with transaction.atomic():
            Claim.objects.bulk_create(rows)
    except IntegrityError:
        raise SlotTaken from None


def is_claimed(host: User, start: datetime, end: datetime, *, but_for: Booking | None = None, hold: str = "") -> bool:
    """Whether somebody else has any of that time."""
    wanted = cells(start, end)
    others = Claim.objects.filter(host=host, cell__gte=wanted.start, cell__lt=wanted.stop)
    if but_for is not None:
        others = others.exclude(booking=but_for)
    if hold:
        others = others.exclude(hold=hold)
    return others.exists()
