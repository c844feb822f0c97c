"""The Authorization header of a connector: SCRAM-SHA-256 as RFC 7804 has it, or a bearer key (RFC 6750)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from urllib.request import parse_http_list, parse_keqv_list

from dovetail.protocol.credential import MAX_SCRAM_BYTES, MECHANISM

REALM = "dovetail"
CHALLENGE = f'{MECHANISM} realm="{REALM}"'
_MAX_HEADER = 4 * MAX_SCRAM_BYTES


class BadAuthorization(ValueError):
    """The header is missing, of another scheme, or not well-formed."""


@dataclass(frozen=True)
class ScramMessage:
    """A client's message; the second one carries the `sid` of the challenge."""

    data: str
    sid: str = ""


def read_scram(header: str) -> ScramMessage:
    """Raises BadAuthorization."""
    parameters = _parameters(_of_scheme(header, MECHANISM))
    if "data" not in parameters or parameters.get("realm", REALM) != REALM:
        raise BadAuthorization
    try:
        data = base64.b64decode(parameters["data"], validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadAuthorization from None
    return ScramMessage(data, parameters.get("sid", ""))


def read_bearer(header: str) -> str:
    """Raises BadAuthorization."""
    return _of_scheme(header, "Bearer")


def continued(sid: str, message: str) -> str:
    """The parameters of WWW-Authenticate and Authentication-Info that carry the server's `message`."""
    return f"sid={sid}, data={base64.b64encode(message.encode()).decode()}"


def _of_scheme(header: str, scheme: str) -> str:
    given, _, rest = header.partition(" ")
    if given.lower() != scheme.lower() or not rest.strip() or len(header) > _MAX_HEADER:
        raise BadAuthorization
    return rest.strip()


def _parameters(text: str) -> dict[str, str]:
    try:
        return parse_keqv_list(parse_http_list(text))
    except (ValueError, IndexError):
        raise BadAuthorization from None
