"""One client's stream from its header to its end, whatever carries it (RFC 6120, in the order it is negotiated).

1. STARTTLS, where the transport is not TLS already: nothing else is offered before it.
2. SASL with SCRAM-SHA-256 and nothing weaker; a new stream after it.
3. A resource is bound, or a session resumed (XEP-0198). From here on :mod:`~.stanzas` answers.

Steps do not overlap: what a client sends while it has to wait for us ends the stream. Every client has SIGN_IN_SECONDS
for the three; then it must have a session or go.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from typing import TYPE_CHECKING, Protocol
from xml.sax.saxutils import escape

from dovetail.protocol.credential import MAX_SCRAM_BYTES, MECHANISM
from dovetail.protocol.hints import RESOURCE
from dovetail.server.connections.scram import Attempt
from dovetail.server.realtime import stanzas
from dovetail.server.realtime.elements import (
    BIND,
    CLIENT,
    MANAGEMENT,
    SASL,
    SESSION,
    STREAMS,
    TLS,
    Element,
    StreamError,
    attributes,
    iq_result,
)
from dovetail.server.realtime.session import Identity, Session
from dovetail.server.realtime.signin import SaslFailure

if TYPE_CHECKING:
    from dovetail.server.realtime.hub import Hub

SIGN_IN_SECONDS = 20.0
MAX_FAILURES = 3
MAX_RESOURCE = 64
ANONYMOUS_LIMIT = 10_000
"""Bytes of an element before signing in: the least that RFC 6120 section 13.12 allows."""
LIMIT = 16 * 1024

_FEATURES_TLS = f"<starttls xmlns='{TLS}'><required/></starttls>"
_FEATURES_SASL = f"<mechanisms xmlns='{SASL}'><mechanism>{MECHANISM}</mechanism></mechanisms>"
_FEATURES_BIND = f"<bind xmlns='{BIND}'/><sm xmlns='{MANAGEMENT}'/><session xmlns='{SESSION}'><optional/></session>"


class Wire(Protocol):
    """What carries a stream: TCP or a WebSocket."""

    @property
    def address(self) -> str: ...

    @property
    def is_secure(self) -> bool: ...

    @property
    def is_slow(self) -> bool: ...

    def write(self, xml: str) -> None: ...

    def write_header(self, head: str) -> None:
        """Begin our half of a stream; `head` are its attributes."""

    def begin_tls(self) -> None:
        """After ``<proceed/>``; a new stream follows."""

    def expect_stream(self, limit: int) -> None:
        """Read a new stream from here on, with elements of up to `limit` bytes."""

    def end(self, last: str = "") -> None:
        """Write `last` and the end of the stream, and close."""

    def abort(self) -> None: ...


class Conversation:
    def __init__(self, hub: Hub, wire: Wire) -> None:
        self.hub = hub
        self.wire = wire
        self.identity: Identity | None = None
        self.session: Session | None = None
        self.claimed = ""  # the Connector ID this client says it is
        self.is_over = False
        self.last_heard = hub.clock()
        self._is_open = False  # the client's header has come
        self._has_header = False  # ours has gone
        self._is_waiting = False
        self._attempt: Attempt | None = None
        self._in_sasl = False
        self._failures = 0
        self._task: asyncio.Task[None] | None = None
        self._deadline = asyncio.get_running_loop().call_later(hub.sign_in_seconds, self._too_late)

    @property
    def address(self) -> str:
        return self.wire.address

    @property
    def is_slow(self) -> bool:
        return self.wire.is_slow

    # --- what the transport calls ---------------------------------------------------------------------------------

    def opened(self, root: Element) -> None:
        """The client's stream header. Raises StreamError."""
        if self._is_open or self._is_waiting:
            raise StreamError("policy-violation", "A stream header comes once.")
        self._is_open = True
        self._write_header()
        if not (version := root.attributes.get("version", "")).startswith("1."):
            raise StreamError("unsupported-version", f"{version[:8]} is not 1.0.")
        if root.attributes.get("to", "").lower() != self.hub.domain:
            raise StreamError("host-unknown")
        self.write(f"<stream:features xmlns:stream='{STREAMS}'>{self._features()}</stream:features>")

    def received(self, element: Element) -> None:
        """A child of the stream. Raises StreamError."""
        if self._is_waiting:
            raise StreamError("policy-violation", "Wait for the answer first.")
        if not self._is_open:
            raise StreamError("not-well-formed", "A stream begins with its header.")
        if self.session is not None:
            stanzas.answer(self, self.session, element)
        elif not self.wire.is_secure:
            self._negotiate_tls(element)
        elif self.identity is None:
            self._negotiate_sasl(element)
        else:
            self._negotiate_session(self.identity, element)

    def closed_by_client(self) -> None:
        """The client ended its stream in good form: there is nothing to resume."""
        self.over(resumable=False)
        self.wire.end()

    def writable(self) -> None:
        """The client takes what it is sent again."""
        if self.session is not None:
            self.session.flush()

    def secured(self) -> None:
        self._new_stream(ANONYMOUS_LIMIT)

    def over(self, *, resumable: bool = True) -> None:
        """The transport is gone, or about to go."""
        if not self.is_over:
            self.is_over = True
            self._deadline.cancel()
            if self._task is not None:
                self._task.cancel()
            self.hub.left(self, resumable=resumable)

    # --- what others call -------------------------------------------------------------------------------------------

    def write(self, xml: str) -> None:
        self.wire.write(xml)

    def fail(self, error: StreamError, *, resumable: bool = False) -> None:
        """End the stream with an error."""
        if not self.is_over:
            self.hub.count(error.condition)
            if not self._has_header:
                self._write_header()
            self.over(resumable=resumable)
            self.wire.end(error.xml())

    def give_way(self) -> None:
        self.over()
        self.wire.abort()

    # --- steps ------------------------------------------------------------------------------------------------------

    def _features(self) -> str:
        if not self.wire.is_secure:
            return _FEATURES_TLS
        return _FEATURES_SASL if self.identity is None else _FEATURES_BIND

    def _write_header(self) -> None:
        self._has_header = True
        self.wire.write_header(attributes(from_=self.hub.domain, id=secrets.token_urlsafe(12), version="1.0"))

    def _new_stream(self, limit: int) -> None:
        self._is_open = self._has_header = self._is_waiting = False
        self.wire.expect_stream(limit)

    def _too_late(self) -> None:
        self.fail(StreamError("connection-timeout", "Signing in took too long."))

    def _negotiate_tls(self, element: Element) -> None:
        if element.is_a(SASL, "auth"):
            self._sasl_failed("encryption-required")
        elif element.is_a(TLS, "starttls"):
            self._is_waiting = True
            self.write(f"<proceed xmlns='{TLS}'/>")
            self.wire.begin_tls()
        else:
            raise _not_yet(element)

    def _negotiate_sasl(self, element: Element) -> None:
        if element.is_a(SASL, "auth"):
            self._in_sasl, self._attempt = True, None
            if element.attributes.get("mechanism") != MECHANISM:
                self._sasl_failed("invalid-mechanism")
            elif not element.text:
                self.write(f"<challenge xmlns='{SASL}'/>")
            else:
                self._sasl_message(element.text)
        elif element.is_a(SASL, "response") and self._in_sasl:
            self._sasl_message(element.text)
        elif element.is_a(SASL, "abort"):
            self._sasl_failed("aborted")
        else:
            raise _not_yet(element)

    def _sasl_message(self, text: str) -> None:
        try:
            message = base64.b64decode(text if text != "=" else "", validate=True).decode()
        except (binascii.Error, ValueError):
            self._sasl_failed("incorrect-encoding")
            return
        if len(message) > MAX_SCRAM_BYTES:
            self._sasl_failed("malformed-request")
            return
        self._is_waiting = True
        self._task = asyncio.create_task(self._sasl_step(message))

    async def _sasl_step(self, message: str) -> None:
        """Runs with the database away; what became of this client meanwhile is looked at after each wait."""
        authority = self.hub.authority
        try:
            if self._attempt is None:
                challenge = await authority.challenge(message, self.address)
                self._attempt = challenge.attempt
                self.hub.claims(self, challenge.attempt.connector_id)
                answer = f"<challenge xmlns='{SASL}'>{_base64(challenge.server_first)}</challenge>"
            else:
                attempt, self._attempt = self._attempt, None
                proof = await authority.prove(attempt, message, self.address)
                self.identity = proof.identity
                self.hub.count("signed-in")
                answer = f"<success xmlns='{SASL}'>{_base64(proof.server_final)}</success>"
        except SaslFailure as failure:
            self._is_waiting = False
            try:
                self._sasl_failed(failure.condition, failure.text)
            except StreamError as error:
                self.fail(error)
            return
        self._is_waiting = False
        self.write(answer)
        if self.identity is not None:
            self._new_stream(LIMIT)

    def _sasl_failed(self, condition: str, text: str = "") -> None:
        """Raises StreamError when it was one failure too many (RFC 6120 section 6.4.5)."""
        self._in_sasl, self._attempt = False, None
        self._failures += 1
        self.hub.count(f"sasl-{condition}")
        spoken = f"<text xml:lang='en'>{escape(text)}</text>" if text else ""
        self.write(f"<failure xmlns='{SASL}'><{condition}/>{spoken}</failure>")
        if self._failures >= MAX_FAILURES:
            raise StreamError("policy-violation", "Too many failures to sign in.")

    def _negotiate_session(self, identity: Identity, element: Element) -> None:
        if element.is_a(MANAGEMENT, "resume"):
            session = self.hub.resumable(identity, element.attributes.get("previd", ""))
            if session is None:
                self.write(stanzas.management_failure("item-not-found"))
            else:
                self.hub.resume(self, session, element)
                self._signed_in(session)
            return
        if element.is_a(MANAGEMENT, "enable"):
            self.write(stanzas.management_failure("unexpected-request"))
            return
        request = element.find(BIND, "bind")
        if not element.is_a(CLIENT, "iq") or element.attributes.get("type") != "set" or request is None:
            raise _not_yet(element)
        wanted = request.find(BIND, "resource")
        session = self.hub.bind(self, identity, _resource(wanted.text if wanted is not None else ""))
        self._signed_in(session)
        self.write(iq_result(element, "", "", f"<bind xmlns='{BIND}'><jid>{session.jid}</jid></bind>"))

    def _signed_in(self, session: Session) -> None:
        self.session = session
        self._deadline.cancel()


def _not_yet(element: Element) -> StreamError:
    """For what does not belong at this point of the negotiation."""
    is_stanza = element.is_a(CLIENT, "iq", "message", "presence")
    return StreamError("not-authorized" if is_stanza else "unsupported-stanza-type")


def _resource(wanted: str) -> str:
    """The client's, where it is short and plain; another is not worth preparing by RFC 8265."""
    is_plain = wanted.isascii() and wanted.isprintable() and not set(wanted) & set("<>&'\"")
    return wanted if is_plain and 0 < len(wanted) <= MAX_RESOURCE else RESOURCE


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
