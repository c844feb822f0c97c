"""The credential of a connection: Connector ID, security token, and the token's MD5 form as a SCRAM-SHA-256 password.

The token has 160 random bits and is shown once. At once it is tokenized to ``MD5(token)`` as hex; only that form is
kept by the connector, and only its SCRAM verifier (RFC 5802, RFC 7677) by the server. MD5 names a random secret here;
security rests on the secret's entropy and on SCRAM, not on MD5.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass

from scramp import ScramMechanism

MECHANISM = "SCRAM-SHA-256"
ITERATIONS = 4096
"""RFC 7677's minimum: the password is a 128-bit random value, so stretching adds nothing an attacker would notice."""
MAX_ITERATIONS = 100_000
"""A connector refuses more: a hostile server must not burn its owner's CPU."""
SALT_BYTES = 16
"""One length everywhere, or an unknown Connector ID could be told from a known one."""
MAX_SCRAM_BYTES = 1024

_TOKEN_BYTES = 20
_ID_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_ID_PATTERN = re.compile(rf"[{_ID_ALPHABET}]{{10}}")


class BadToken(ValueError):
    """What was typed cannot be a security token."""


class BadConnectorId(ValueError):
    """What was typed cannot be a Connector ID."""


def _typed(text: str) -> str:
    """Undo what copying by hand does to a code: blanks, dashes, lower case."""
    return re.sub(r"[\s-]", "", text).upper()


def new_connector_id() -> str:
    """Ten characters without look-alikes."""
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(10))


def read_connector_id(text: str) -> str:
    connector_id = _typed(text)
    if not _ID_PATTERN.fullmatch(connector_id):
        raise BadConnectorId("A Connector ID has 10 letters and digits, as shown on the Calendar connection page.")
    return connector_id


def new_token() -> str:
    """160 random bits in base32, grouped by four for reading."""
    text = base64.b32encode(secrets.token_bytes(_TOKEN_BYTES)).decode()
    return "-".join(text[i : i + 4] for i in range(0, len(text), 4))


def tokenize(token: str) -> str:
    """The 32 hex digits of ``MD5(token)``, however the token was typed. Raises BadToken if it cannot be one."""
    text = _typed(token)
    if not re.fullmatch(r"[A-Z2-7]{32}", text):
        raise BadToken("A security token has 32 letters and digits in groups of four. Copy it whole.")
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Verifier:
    """What a server needs to check a SCRAM proof, and from which the password cannot be had (RFC 5802 section 3)."""

    salt: bytes
    stored_key: bytes
    server_key: bytes
    iterations: int = ITERATIONS

    @classmethod
    def of(cls, tokenized: str) -> Verifier:
        salt, stored_key, server_key, iterations = ScramMechanism(MECHANISM).make_auth_info(
            tokenized, iteration_count=ITERATIONS, salt=secrets.token_bytes(SALT_BYTES)
        )
        return cls(salt, stored_key, server_key, iterations)
