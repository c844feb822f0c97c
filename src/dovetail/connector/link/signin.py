"""Signing in: SCRAM-SHA-256 over HTTPS in the form of RFC 7804, for a short-lived bearer key.

Mutual: the server must show that it holds the verifier of this credential (RFC 5802 section 3, ServerSignature) before
anything it says is believed. Neither the token nor its MD5 form crosses the wire. Channel binding is left out: it
breaks behind the proxies that open TLS, and those are the very reason for SCRAM here.
"""

from __future__ import annotations

import base64
import re
import time
from dataclasses import dataclass, field
from urllib.request import parse_http_list, parse_keqv_list

from pydantic import ValidationError
from scramp import ScramClient

from dovetail.connector.link.port import NotTheServer, Refused
from dovetail.connector.link.wire import Answer, Wire
from dovetail.protocol.credential import MAX_ITERATIONS, MAX_SCRAM_BYTES, MECHANISM
from dovetail.protocol.messages import PROTOCOL_VERSION, SessionResponse
from dovetail.protocol.problems import ProblemCode, problem

REALM = "dovetail"
SESSION_PATH = "/connector/v1/session"
RENEW_BEFORE = 30.0
"""Seconds before its end at which a key is not used any more."""

_SID = re.compile(r"[A-Za-z0-9._~+/=-]{1,1024}")


@dataclass(frozen=True)
class Credential:
    """A Connector ID and the MD5 form of its security token."""

    connector_id: str
    tokenized: str = field(repr=False)


@dataclass(frozen=True)
class Session:
    """What signing in earned. `key` lives in memory only, and is good until the monotonic clock shows `renew_at`."""

    key: str = field(repr=False)
    renew_at: float
    epoch: int


class _OutOfStep(Exception):
    """The other side does not follow the exchange."""


def sign_in(wire: Wire, credential: Credential) -> Session:
    """Say who we are, take the challenge, prove the credential, and check that the server proves it too.

    Raises WrongCredentials, Blocked, RetryLater, Unreachable or Refused; NotTheServer where the exchange goes wrong.
    """
    scram = ScramClient([MECHANISM], credential.connector_id, credential.tokenized)
    challenge = _say(wire, f'realm="{REALM}"', scram.get_client_first())
    offered = _parameters(challenge.headers.get("WWW-Authenticate", "").removeprefix(f"{MECHANISM} "))
    if challenge.status != 401 or "data" not in offered:
        wire.refuse(challenge)
    try:
        sid = _sid(offered)
        scram.set_server_first(_decode(offered["data"]))
        if int(scram.iterations) > MAX_ITERATIONS:
            raise _OutOfStep("more iterations than a server of ours asks for")
        proof = scram.get_client_final()
    except Exception as error:  # whatever a hostile challenge breaks, there is one conclusion
        raise NotTheServer(
            f"{wire.host} does not sign connectors in as a Dovetail server does: check the address."
        ) from error

    answer = _say(wire, f"sid={sid}", proof)
    if answer.status != 200:
        wire.refuse(answer)
    try:
        shown = _parameters(answer.headers["Authentication-Info"])
        if _sid(shown) != sid:
            raise _OutOfStep("the answer to another exchange")
        scram.set_server_final(_decode(shown["data"]))
    except Exception as error:
        raise NotTheServer(
            f"{wire.host} could not prove that it knows this connector: nothing was told to it. Check the address."
        ) from error
    return _session(answer)


def _say(wire: Wire, parameter: str, message: str) -> Answer:
    data = base64.b64encode(message.encode()).decode()
    return wire.send("POST", SESSION_PATH, {"Authorization": f"{MECHANISM} {parameter}, data={data}"})


def _session(answer: Answer) -> Session:
    try:
        earned = SessionResponse.model_validate_json(answer.body)
    except ValidationError:
        raise another_version() from None
    if PROTOCOL_VERSION not in earned.protocols:
        raise another_version(earned.protocols)
    return Session(earned.key, time.monotonic() + earned.expires_in - RENEW_BEFORE, earned.epoch)


def another_version(supported: tuple[int, ...] | None = None) -> Refused:
    """The server is ours, but this connector does not understand it."""
    text = (
        "The server speaks another version of Dovetail's protocol: update the connector, or ask the server's owner to."
    )
    return Refused(problem(ProblemCode.UNSUPPORTED_PROTOCOL, 200, "Another version", text, supported=supported))


def _parameters(header: str) -> dict[str, str]:
    """The parameters of an authentication header (RFC 9110 section 11.2); none if it is not one."""
    if len(header) > 4 * MAX_SCRAM_BYTES:
        return {}
    try:
        return parse_keqv_list(parse_http_list(header))
    except ValueError:
        return {}


def _sid(parameters: dict[str, str]) -> str:
    sid = parameters["sid"]
    if not _SID.fullmatch(sid):
        raise _OutOfStep("no session identifier of RFC 7804")
    return sid


def _decode(data: str) -> str:
    message = base64.b64decode(data, validate=True)
    if len(message) > MAX_SCRAM_BYTES:
        raise _OutOfStep("longer than any message of SCRAM")
    return message.decode()
