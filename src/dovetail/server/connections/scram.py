"""Signing in with SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side, without state between the two messages.

Over HTTPS what the second message needs to know of the first travels in `sid`: client-first, server nonce and expiry,
signed. A nonce is answered once (SpentNonce), so a recorded exchange is worth nothing. An XMPP stream keeps its one
:class:`Attempt` itself. An unknown Connector ID goes the same way as a known one, with a made-up verifier: same fields,
same lengths, same queries, same work. Connector IDs are told apart without regard to case, as JIDs are.

Left out: channel binding, which breaks behind the proxies that open TLS.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from scramp import ScramException, ScramMechanism
from scramp.core import ScramServer

from dovetail.protocol.credential import ITERATIONS, MAX_SCRAM_BYTES, MECHANISM, SALT_BYTES
from dovetail.server.connections.models import Connection, SpentNonce

LIFETIME = timedelta(seconds=60)
"""Between challenge and response: a proof costs the connector milliseconds, the network a few seconds at worst."""

_signer = signing.Signer(sep=".", salt="dovetail.scram")
_AuthInfo = tuple[bytes, bytes, bytes, int]
_LookUp = Callable[[str], _AuthInfo]


class MalformedScram(ValueError):
    """Not a message of SCRAM-SHA-256."""


class StaleExchange(Exception):
    """The `sid` is not ours, has expired, or was answered already."""


@dataclass(frozen=True)
class Challenge:
    sid: str
    server_first: str


@dataclass(frozen=True)
class Attempt:
    """An exchange whose second message is to be checked. `connector_id` is what was tried, known or not."""

    connector_id: str
    client_first: str
    nonce: str


def tried_id(client_first: str) -> str:
    """The Connector ID that a client-first names. Raises MalformedScram."""
    names: list[str] = []

    def note(name: str) -> _AuthInfo:
        names.append(name)
        return _made_up(name)

    _server(note, client_first)
    return names[0].upper()


def begin(client_first: str) -> tuple[Attempt, str]:
    """The exchange that a first message begins, and the server-first. Raises MalformedScram."""
    connector_id = tried_id(client_first)
    server = _server(_auth_info(connector_id, _valid(connector_id)), client_first)
    return Attempt(connector_id, client_first, str(server.s_nonce)), str(server.get_server_first())


def verifier(connector_id: str) -> tuple[bytes, bytes, bytes, int]:
    """Salt, stored key, server key and iterations: what somebody else checks this connector's proof with."""
    return _auth_info(connector_id, _valid(connector_id))(connector_id)


def challenge(client_first: str, now: datetime) -> Challenge:
    """Answer the first message. Raises MalformedScram."""
    attempt, server_first = begin(client_first)
    content = {"cf": client_first, "sn": attempt.nonce, "exp": (now + LIFETIME).timestamp()}
    return Challenge(_signer.sign_object(content), server_first)


def take_up(sid: str, now: datetime) -> Attempt:
    """Read `sid` and spend its nonce. Raises StaleExchange."""
    try:
        content = _signer.unsign_object(sid)
    except signing.BadSignature:
        raise StaleExchange from None
    if content["exp"] <= now.timestamp():
        raise StaleExchange
    try:
        with transaction.atomic():
            SpentNonce.objects.create(nonce=content["sn"], expires_at=now + LIFETIME)
    except IntegrityError:
        raise StaleExchange from None
    return Attempt(tried_id(content["cf"]), content["cf"], content["sn"])


def check(attempt: Attempt, connection: Connection | None, client_final: str) -> str | None:
    """The server-final if the proof is right, else None. `connection` is whose id was tried."""
    server = _server(_auth_info(attempt.connector_id, connection), attempt.client_first, attempt.nonce)
    server.get_server_first()
    try:
        server.set_client_final(client_final)
        return str(server.get_server_final())
    except ScramException:
        return None


def forget_spent(now: datetime) -> None:
    SpentNonce.objects.filter(expires_at__lt=now).delete()


def _valid(connector_id: str) -> Connection | None:
    return Connection.objects.filter(connector_id=connector_id).exclude(stored_key=b"").first()


def _server(auth: _LookUp, client_first: str, nonce: str | None = None) -> ScramServer:
    """scramp's server after client-first. It takes messages of any length, so they are capped here."""
    if len(client_first.encode()) > MAX_SCRAM_BYTES:
        raise MalformedScram("longer than any message of SCRAM")
    server = ScramMechanism(MECHANISM).make_server(auth, s_nonce=nonce)
    try:
        server.set_client_first(client_first)
    except ScramException as error:
        raise MalformedScram(str(error)) from None
    return server


def _auth_info(connector_id: str, connection: Connection | None) -> _LookUp:
    """The connection's verifier, or a made-up one; both are always prepared."""
    made_up = _made_up(connector_id)
    if connection is None:
        return lambda _: made_up
    verifier = bytes(connection.salt), bytes(connection.stored_key), bytes(connection.server_key), ITERATIONS
    return lambda _: verifier


def _made_up(connector_id: str) -> _AuthInfo:
    """Stable for an id, unpredictable without the server's secret; its keys match no password anybody has."""
    salt, stored_key, server_key = (
        hmac.digest(settings.SECRET_KEY.encode(), f"dovetail {label} {connector_id}".encode(), hashlib.sha256)
        for label in ("salt", "stored key", "server key")
    )
    return salt[:SALT_BYTES], stored_key, server_key, ITERATIONS
