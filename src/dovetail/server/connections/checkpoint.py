"""Making erased data vanish from SQLite's files, not just from its answers.

``secure_delete=ON`` (settings) overwrites deleted rows; the old pages stay in the write-ahead log until it is
truncated, which a reader can delay. So it is tried at once after the commit, and a job of the same transaction tries
until it succeeds, after a crash too. On PostgreSQL this is the operator's: VACUUM FULL and turnover of the log.
"""

from __future__ import annotations

import logging

from django.db import connection, transaction

from dovetail.server.jobs.outbox import enqueue
from dovetail.server.jobs.registry import job

log = logging.getLogger(__name__)

TRUNCATE = "connections.truncate_wal"
PATIENCE_MS = 250
"""How long a reader is waited for: somebody waits for the page that asked, and the job comes again."""


class StillRead(Exception):
    """A reader needs the old pages."""


def after_erasure() -> None:
    """Call in the transaction that erases."""
    if connection.vendor == "sqlite":
        enqueue(TRUNCATE, "wal")
        transaction.on_commit(_try)


@job(TRUNCATE, database_only=False)
def truncate_wal() -> None:
    """Outside a transaction. Raises StillRead."""
    usual = int(connection.settings_dict["OPTIONS"].get("timeout", 5) * 1000)
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
        try:
            busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout={usual}")
    if busy:
        raise StillRead


def _try() -> None:
    try:
        truncate_wal()
    except StillRead:
        log.info("A reader delays the truncation of the write-ahead log: a job does it")
