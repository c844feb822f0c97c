"""Signing in with SCRAM-SHA-256, limited by :mod:`~.limiter`: over HTTPS in the form of RFC 7804, for a bearer key, and
over XMPP for a stream. A try over one counts for the other.

Step 1 answers the challenge. Step 2, in one transaction: the connection is locked, a block is looked for, the proof is
checked, and what came of it is counted. So of tries at the same time none is missed, and a block refuses right
credentials too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from dovetail.protocol.problems import ProblemCode, ProblemDetails, problem
from dovetail.server.activity.models import record
from dovetail.server.connections import keys, limiter, pairing, scram
from dovetail.server.connections.limiter import Pair
from dovetail.server.connections.models import Block, Connection
from dovetail.server.connections.refusal import Refusal


@dataclass(frozen=True)
class SignedIn:
    """`key` is empty for a stream, which needs none."""

    connection: Connection = field(repr=False)
    server_final: str
    key: str = field(repr=False)

    @property
    def epoch(self) -> int:
        return self.connection.epoch


def begin(client_first: str, address: str, now: datetime) -> scram.Challenge:
    """Raises Refusal: 400 for what is not SCRAM, 429 while blocked."""
    try:
        _refuse_if_blocked(Pair.of(scram.tried_id(client_first), address), now)
        return scram.challenge(client_first, now)
    except scram.MalformedScram:
        raise Refusal(_malformed()) from None


def begin_stream(client_first: str, address: str, now: datetime) -> tuple[scram.Attempt, str]:
    """The exchange, for the stream to keep, and the server-first. Raises Refusal as `begin` does."""
    try:
        _refuse_if_blocked(Pair.of(scram.tried_id(client_first), address), now)
        return scram.begin(client_first)
    except scram.MalformedScram:
        raise Refusal(_malformed()) from None


def finish(sid: str, client_final: str, address: str, now: datetime) -> SignedIn:
    """Raises Refusal: 401 for wrong credentials or an exchange that is over, 429 when blocked, if only from now on."""
    try:
        attempt = scram.take_up(sid, now)
    except scram.StaleExchange:
        detail = "This sign-in took too long or was finished before. Start again."
        raise Refusal(problem(ProblemCode.KEY_EXPIRED, 401, "Sign-in over", detail)) from None
    return _prove(attempt, client_final, address, now, with_key=True)


def finish_stream(attempt: scram.Attempt, client_final: str, address: str, now: datetime) -> SignedIn:
    """`attempt` is answered once: the caller forgets it. Raises Refusal as `finish` does."""
    return _prove(attempt, client_final, address, now, with_key=False)


def _prove(attempt: scram.Attempt, client_final: str, address: str, now: datetime, *, with_key: bool) -> SignedIn:
    with transaction.atomic():
        outcome = _judge(attempt, client_final, Pair.of(attempt.connector_id, address), now, with_key=with_key)
    if isinstance(outcome, ProblemDetails):
        raise Refusal(outcome)
    return outcome


def _judge(
    attempt: scram.Attempt, client_final: str, pair: Pair, now: datetime, *, with_key: bool
) -> SignedIn | ProblemDetails:
    """An answer, never an exception: the transaction has to keep what was counted."""
    connection = (
        Connection.objects.select_for_update().filter(connector_id=attempt.connector_id).exclude(stored_key=b"").first()
    )
    until = limiter.blocked_until(pair, now)
    if until is not None:
        return _blocked(until, now)
    server_final = scram.check(attempt, connection, client_final)
    if connection is None or server_final is None:
        return _wrong(connection, pair, now)
    limiter.count_right(pair, now)
    pairing.first_sign_in(connection, now)
    return SignedIn(connection, server_final, keys.issue(connection, now) if with_key else "")


def _wrong(connection: Connection | None, pair: Pair, now: datetime) -> ProblemDetails:
    verdict = limiter.count_wrong(pair, now)
    if verdict.blocked is None:
        detail = "The Connector ID or the security token is wrong."
        left = verdict.attempts_left
        return problem(ProblemCode.WRONG_CREDENTIALS, 401, "Wrong credentials", detail, attempts_left=left)
    if connection is not None:
        _tell_owner(connection, verdict.blocked)
    return _blocked(verdict.blocked.until, now)


def _tell_owner(connection: Connection, block: Block) -> None:
    record(connection.user, "connection.blocked", "server", address=block.address, until=block.until.isoformat())


def _refuse_if_blocked(pair: Pair, now: datetime) -> None:
    until = limiter.blocked_until(pair, now)
    if until is not None:
        raise Refusal(_blocked(until, now))


def _blocked(until: datetime, now: datetime) -> ProblemDetails:
    seconds = max(1, math.ceil((until - now).total_seconds()))
    detail = (
        f"Too many wrong tries. Nobody is let in for another {-(-seconds // 60)} minutes, right credentials included."
    )
    return problem(ProblemCode.BLOCKED, 429, "Blocked", detail, retry_after=seconds)


def _malformed() -> ProblemDetails:
    return problem(
        ProblemCode.MALFORMED, 400, "Malformed", "This is no message of SCRAM-SHA-256 without channel binding."
    )
