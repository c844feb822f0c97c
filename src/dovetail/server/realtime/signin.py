"""Whether a client is who it says it is, asked of the database without holding up the event loop.

The verifiers, the limiter and the made-up salts are those of HTTPS (:mod:`dovetail.server.connections.signin`). One
thread does it: SQLite has one writer, and a thread of its own cannot use up those of the web.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from django.db import close_old_connections, connections
from django.utils import timezone

from dovetail.protocol.messages import SyncMode
from dovetail.protocol.problems import ProblemCode
from dovetail.server.connections import signin
from dovetail.server.connections.models import Connection
from dovetail.server.connections.refusal import Refusal
from dovetail.server.connections.scram import Attempt
from dovetail.server.realtime.session import Identity

log = logging.getLogger(__name__)

T = TypeVar("T")

_CONDITIONS = {ProblemCode.WRONG_CREDENTIALS: "not-authorized", ProblemCode.MALFORMED: "malformed-request"}
"""SASL's words (RFC 6120 section 6.5). A block is none of a wrong credential: it passes."""


class SaslFailure(Exception):
    def __init__(self, condition: str, text: str = "") -> None:
        super().__init__(condition)
        self.condition = condition
        self.text = text


@dataclass(frozen=True)
class Challenge:
    attempt: Attempt
    server_first: str


@dataclass(frozen=True)
class Proof:
    identity: Identity
    server_final: str


class Authority(Protocol):
    async def challenge(self, client_first: str, address: str) -> Challenge:
        """Raises SaslFailure."""

    async def prove(self, attempt: Attempt, client_final: str, address: str) -> Proof:
        """Raises SaslFailure."""

    async def revoked(self, identities: Collection[Identity]) -> list[Identity]:
        """Those whose credential is not good any more."""

    def close(self) -> None:
        """Nothing more will be asked. May block."""


class Database:
    """The Authority that this server's tables are."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="realtime")

    async def challenge(self, client_first: str, address: str) -> Challenge:
        begun = await self._sign_in(lambda: signin.begin_stream(client_first, address, timezone.now()))
        return Challenge(*begun)

    async def prove(self, attempt: Attempt, client_final: str, address: str) -> Proof:
        proved = await self._sign_in(lambda: signin.finish_stream(attempt, client_final, address, timezone.now()))
        return Proof(_identity(proved.connection), proved.server_final)

    async def revoked(self, identities: Collection[Identity]) -> list[Identity]:
        return await self._run(lambda: revoked(identities))

    async def listening(self) -> list[str]:
        """The Connector IDs of those in real time."""
        return await self._run(_listening)

    def close(self) -> None:
        self._thread.submit(connections.close_all)
        self._thread.shutdown()

    async def _sign_in(self, call: Callable[[], T]) -> T:
        try:
            return await self._run(call)
        except Refusal as refusal:
            condition = _CONDITIONS.get(refusal.details.code, "temporary-auth-failure")
            raise SaslFailure(condition, refusal.details.detail) from None
        except Exception as error:  # the database is away: that is no word about the credential
            log.error("A connector could not sign in: %s", type(error).__name__)
            raise SaslFailure("temporary-auth-failure") from None

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, _with_connection, call)


def _with_connection(call: Callable[[], T]) -> T:
    close_old_connections()
    return call()


def _identity(connection: Connection) -> Identity:
    return Identity(connection.connector_id, _digest(connection.stored_key))


def _digest(stored_key: bytes) -> bytes:
    return hashlib.sha256(bytes(stored_key)).digest()


def _listening() -> list[str]:
    in_real_time = Connection.objects.exclude(stored_key=b"").filter(mode=SyncMode.REAL_TIME)
    return list(in_real_time.values_list("connector_id", flat=True))


def revoked(identities: Collection[Identity]) -> list[Identity]:
    """Those whose credential is not good any more."""
    rows = Connection.objects.exclude(stored_key=b"").values_list("connector_id", "stored_key")
    good = {Identity(connector_id, _digest(stored_key)) for connector_id, stored_key in rows}
    return [identity for identity in identities if identity not in good]
