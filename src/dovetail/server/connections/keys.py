"""Bearer keys (RFC 6750): what a sign-in earns and a sync shows. 256 random bits, good for 15 minutes, revocable.

Only the SHA-256 of a key is kept; a random key needs no salt.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from dovetail.protocol.problems import ProblemCode, problem
from dovetail.server.connections.models import BearerKey, Connection
from dovetail.server.connections.refusal import Refusal, disconnected

LIFETIME = timedelta(minutes=15)


def issue(connection: Connection, now: datetime) -> str:
    """A new key; it is not kept and cannot be shown again."""
    key = secrets.token_urlsafe(32)
    BearerKey.objects.create(connection=connection, digest=_digest(key), expires_at=now + LIFETIME)
    return key


def bearer(key: str, now: datetime) -> Connection:
    """Whose key this is. Raises Refusal: 401 key-expired for an old or unknown key, 410 for a revoked one."""
    found = BearerKey.objects.select_related("connection__user").filter(digest=_digest(key), expires_at__gt=now).first()
    if found is None:
        raise Refusal(problem(ProblemCode.KEY_EXPIRED, 401, "Key expired", "Sign in again."))
    if found.connection is None or not found.connection.is_live:
        raise disconnected()
    return found.connection


def revoke(connection: Connection) -> int:
    """No key of this connection is good any more; how many there were."""
    return BearerKey.objects.filter(connection=connection).update(connection=None)


def forget_expired(now: datetime) -> None:
    BearerKey.objects.filter(expires_at__lte=now).delete()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
