"""Does the jobs, one after the other, in one thread of the server process (or of several: leases keep them apart).

A job is taken by a lease. When the taker dies, another takes it after the lease; when the taker outlives its
lease, its result is refused. A failed job waits 10 s, 40 s, … up to 6 h; after the tenth failure (about 22 h)
it is dead: it stays in the table with its error and is not tried again.
"""

from __future__ import annotations

import logging
import threading
import uuid
from datetime import timedelta

from django.db import IntegrityError, close_old_connections, connections, transaction
from django.db.models import Q
from django.utils import timezone

from dovetail.server.jobs.models import Job
from dovetail.server.jobs.outbox import enqueue, wake
from dovetail.server.jobs.registry import HANDLERS, Handler, handler_of

log = logging.getLogger(__name__)

POLL_SECONDS = 5.0
LEASE = timedelta(minutes=5)
MAX_ATTEMPTS = 10
FIRST_DELAY = timedelta(seconds=10)
LONGEST_DELAY = timedelta(hours=6)
ERROR_CHARACTERS = 500
PERIODIC = "periodic"  # the key of jobs that come by the clock


class LeaseLost(Exception):
    """Somebody else has taken the job meanwhile; what was done for it must not count."""


class Worker:
    """`run` blocks until `stop` is called from another thread and the job at hand is done."""

    def __init__(self, poll: float = POLL_SECONDS) -> None:
        self.poll = poll
        self.stopping = threading.Event()

    def run(self) -> None:
        planned = False
        try:
            while not self.stopping.is_set():
                wake.clear()
                try:
                    if not planned:
                        plan_periodic()
                        planned = True
                    self.run_due()
                except Exception as error:  # the database is away or not migrated: look again later
                    log.error("The jobs have to wait: %s", type(error).__name__)
                wake.wait(self.poll)
        finally:
            connections.close_all()

    def stop(self) -> None:
        self.stopping.set()
        wake.set()

    def run_due(self) -> None:
        while not self.stopping.is_set() and run_next():
            pass


def run_next() -> bool:
    """Do the job that has waited longest; False when none is due."""
    close_old_connections()
    job = claim()
    if job is None:
        return False
    try:
        if job.attempts > MAX_ATTEMPTS:
            raise RuntimeError("the process ended during every attempt")
        perform(job, handler_of(job.kind))
    except LeaseLost:
        log.warning("Job %s took longer than its lease; somebody else does it", job)
    except Exception as error:
        log.warning("Job %s failed, attempt %d: %s", job, job.attempts, type(error).__name__)
        put_back(job, f"{type(error).__name__}: {error}")
    return True


def claim() -> Job | None:
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    due = Job.objects.filter(free, dead=False, run_after__lte=now).order_by("run_after", "id")
    if not due.exists():  # a look costs nobody the write lock, which atomic() takes on SQLite
        return None
    with transaction.atomic():
        job = due.select_for_update(skip_locked=True).first()
        if job is not None:
            job.lease = uuid.uuid4()
            job.lease_until = now + LEASE
            job.attempts += 1
            job.save(update_fields=["lease", "lease_until", "attempts"])
    return job


def perform(job: Job, handler: Handler) -> None:
    if handler.every is not None:
        enqueue(job.kind, PERIODIC, run_after=timezone.now() + handler.every)
    if handler.database_only:
        with transaction.atomic():
            remove(job)
            handler.run(**job.args)
    else:
        handler.run(**job.args)
        remove(job)


def remove(job: Job) -> None:
    deleted, _ = Job.objects.filter(pk=job.pk, lease=job.lease).delete()
    if not deleted:
        raise LeaseLost


def put_back(job: Job, error: str) -> None:
    """Make the failed job pending again, or dead. A newer pending job with its key takes its place."""
    ours = Job.objects.filter(pk=job.pk, lease=job.lease)
    delay = min(FIRST_DELAY * 4 ** (job.attempts - 1), LONGEST_DELAY)
    try:
        with transaction.atomic():
            ours.update(
                lease=None,
                lease_until=None,
                run_after=timezone.now() + delay,
                error=error[:ERROR_CHARACTERS],
                dead=job.attempts >= MAX_ATTEMPTS,
            )
    except IntegrityError:
        ours.delete()


def plan_periodic() -> None:
    """See to it that each periodic job is pending, and none later than its rhythm says."""
    now = timezone.now()
    for kind, handler in HANDLERS.items():
        if handler.every is not None:
            pending = {"kind": kind, "key": PERIODIC, "dead": False, "lease": None}
            Job.objects.get_or_create(**pending, defaults={"run_after": now})
            latest = now + handler.every
            Job.objects.filter(**pending, run_after__gt=latest).update(run_after=latest)
