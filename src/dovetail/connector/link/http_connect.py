"""A TCP stream through an HTTP proxy by CONNECT (RFC 9110 section 9.3.6), with authentication in any number of legs.

The proxy is asked without a credential first. One deadline spans everything. The target's name is never looked up here:
the proxy does that. HTTP itself is h11's.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from dataclasses import dataclass

import h11

from dovetail.connector.link import direct, relay
from dovetail.connector.link.gate import TRIES, Gate, Trying
from dovetail.connector.link.proxy_auth import RefusedByDirectory, challenge_of, choose
from dovetail.connector.link.routes import Proxy, ProxyCredential
from dovetail.connector.link.transport import handshake
from dovetail.connector.link.verdicts import EgressError, Phase, Verdict

MAX_HEAD_BYTES = 65536
MAX_BODY_BYTES = 1 << 20
MAX_LEGS = 6


@dataclass(frozen=True)
class _Answer:
    status: int
    offered: tuple[str, ...]
    squid_error: str
    location: str


def connect(
    proxy: Proxy,
    host: str,
    port: int,
    credential: ProxyCredential | None,
    gate: Gate,
    deadline: float,
    context: ssl.SSLContext | None = None,
) -> socket.socket:
    """A connected, blocking socket to ``host:port``. Raises EgressError, and TimeoutError.

    `context` is for a proxy that is itself reached over TLS.
    """
    with contextlib.closing(_Asker(proxy, host, port, deadline, context)) as asker:
        answer = asker.ask()
        if answer.status == 407:
            answer = _authenticate(asker, answer, proxy, credential, gate)
        if not 200 <= answer.status < 300:
            raise _refusal(answer, proxy)
        return asker.take()


def _authenticate(
    asker: _Asker, first: _Answer, proxy: Proxy, credential: ProxyCredential | None, gate: Gate
) -> _Answer:
    if credential is None:
        answer = _handshake(asker, first, proxy, None)
        if answer.status == 407:
            raise EgressError(Verdict.PROXY_AUTH_REQUIRED, Phase.PROXY, "it refuses this account", proxy=proxy.name)
        return answer
    with gate.trying(proxy.name, credential) as trying:
        for _ in range(TRIES):
            trying.check()
            answer = _counted_handshake(asker, first, proxy, credential, trying)
            if answer.status != 407:
                trying.proved()
                return answer
            trying.refused()
            asker.start_afresh()
    raise EgressError(Verdict.PROXY_CREDENTIALS_REJECTED, Phase.PROXY, "", proxy=proxy.name)


def _counted_handshake(
    asker: _Asker, first: _Answer, proxy: Proxy, credential: ProxyCredential, trying: Trying
) -> _Answer:
    try:
        return _handshake(asker, first, proxy, credential)
    except RefusedByDirectory:
        trying.refused(for_good=True)
        raise


def _handshake(asker: _Asker, answer: _Answer, proxy: Proxy, credential: ProxyCredential | None) -> _Answer:
    """One run of the scheme; the proxy's last answer."""
    name, scheme = choose(answer.offered, proxy, credential, asker.target)
    for _ in range(MAX_LEGS):
        challenge = challenge_of(name, answer.offered)
        value = None if challenge is None else scheme.answer(challenge)
        if value is None:
            return answer
        answer = asker.ask(value)
        if answer.status != 407:
            return answer
    raise EgressError(Verdict.NOT_A_PROXY, Phase.PROXY, "its sign-in never ends", proxy=proxy.name)


class _Asker:
    """One tunnel asked for, on as few connections as the proxy allows."""

    def __init__(self, proxy: Proxy, host: str, port: int, deadline: float, context: ssl.SSLContext | None) -> None:
        self._proxy = proxy
        self._deadline = deadline
        self._context = context
        self._socket: socket.socket | None = None
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self.target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def ask(self, authorization: str | None = None) -> _Answer:
        stream = self._connected()
        headers = [("Host", self.target), ("Proxy-Connection", "keep-alive")]
        if authorization is not None:
            headers.append(("Proxy-Authorization", authorization))
        try:
            request = self._http.send(h11.Request(method="CONNECT", target=self.target, headers=headers))
            stream.sendall(request + (self._http.send(h11.EndOfMessage()) or b""))
            return self._read(stream)
        except EgressError:
            raise
        except h11.RemoteProtocolError as error:
            raise self._not_a_proxy("what it says is no HTTP") from error
        except TimeoutError as error:
            raise EgressError(Verdict.STALLED, Phase.PROXY, "it says nothing", proxy=self._proxy.name) from error
        except OSError as error:
            raise EgressError(Verdict.PROXY_DOWN, Phase.PROXY, "it hung up", proxy=self._proxy.name) from error

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = dial(self._proxy, self._deadline)
            if self._context is not None:
                self._socket = _secured(self._socket, self._context, self._proxy, self._deadline)
            self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._socket.settimeout(direct.left(self._deadline))
        return self._socket

    def _read(self, stream: socket.socket) -> _Answer:
        event = self._event(stream)
        while isinstance(event, h11.InformationalResponse):
            event = self._event(stream)
        if not isinstance(event, h11.Response):
            raise self._not_a_proxy("it closes without an answer")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers]
        if 200 <= event.status_code < 300:
            if self._http.trailing_data[0]:
                raise self._not_a_proxy("something speaks before it is spoken to")
        else:
            self._drain(stream, headers)
        return _Answer(
            event.status_code,
            tuple(value for name, value in headers if name == "proxy-authenticate"),
            next((value for name, value in headers if name == "x-squid-error"), ""),
            next((value for name, value in headers if name == "location"), ""),
        )

    def _drain(self, stream: socket.socket, headers: list[tuple[str, str]]) -> None:
        """Read the body away and keep the connection, which NTLM needs; without a length there is no end: close it."""
        names = {name for name, _ in headers}
        closes = any(name in ("connection", "proxy-connection") and "close" in value.lower() for name, value in headers)
        if closes or not names & {"content-length", "transfer-encoding"}:
            self.start_afresh()
            return
        read = 0
        while not isinstance(event := self._event(stream), h11.EndOfMessage):
            read += len(event.data) if isinstance(event, h11.Data) else MAX_BODY_BYTES
            if read > MAX_BODY_BYTES:
                raise self._not_a_proxy("its answer does not end")
        try:
            self._http.start_next_cycle()
        except h11.LocalProtocolError:
            self.start_afresh()

    def _event(self, stream: socket.socket) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            stream.settimeout(direct.left(self._deadline))
            data = stream.recv(16384)
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise self._not_a_proxy("it closes without an answer")
            self._http.receive_data(data)
            if self._http.their_state is h11.SEND_RESPONSE and not _begins_like_http(self._http.trailing_data[0]):
                raise self._not_a_proxy("what it says is no HTTP")
        return event

    def _not_a_proxy(self, detail: str) -> EgressError:
        return EgressError(Verdict.NOT_A_PROXY, Phase.PROXY, detail, proxy=self._proxy.name)

    def start_afresh(self) -> None:
        """The next question goes over a new connection."""
        self.close()
        self._socket = None

    def take(self) -> socket.socket:
        """The tunnel; from now on it is the caller's."""
        assert self._socket is not None
        tunnel, self._socket = self._socket, None
        return relay.plain(tunnel) if isinstance(tunnel, ssl.SSLSocket) else tunnel

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


def _begins_like_http(received: bytes) -> bool:
    """A mail server's greeting has no blank line that h11 would wait for in vain."""
    return received[:5] == b"HTTP/"[: len(received)]


def dial(proxy: Proxy, deadline: float) -> socket.socket:
    """A stream to the proxy itself. Raises EgressError (proxy_down)."""
    try:
        return direct.connect(proxy.host, proxy.port, deadline)
    except OSError as error:
        raise EgressError(Verdict.PROXY_DOWN, Phase.PROXY, _why_down(error), proxy=proxy.name) from error


def _secured(stream: socket.socket, context: ssl.SSLContext, proxy: Proxy, deadline: float) -> ssl.SSLSocket:
    """TLS to the proxy itself; what runs through it has its own inside."""
    try:
        return handshake(stream, context, proxy.host, direct.left(deadline))
    except ssl.SSLCertVerificationError as error:
        raise EgressError(Verdict.PROXY_UNTRUSTED, Phase.PROXY, error.verify_message, proxy=proxy.name) from error
    except ssl.SSLError as error:
        raise EgressError(Verdict.NOT_A_PROXY, Phase.PROXY, "it does not speak TLS", proxy=proxy.name) from error
    except EgressError as error:
        raise EgressError(error.verdict, Phase.PROXY, error.detail, proxy=proxy.name) from error
    except OSError as error:
        raise EgressError(Verdict.PROXY_DOWN, Phase.PROXY, "it hung up", proxy=proxy.name) from error


def _why_down(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "its name cannot be found"
    if isinstance(error, ConnectionRefusedError):
        return "it refuses connections"
    return "it does not answer" if isinstance(error, TimeoutError) else "it cannot be reached"


def _refusal(answer: _Answer, proxy: Proxy) -> EgressError:
    squid = answer.squid_error.partition(" ")[0]
    if answer.status in (500, 502, 503, 504) and squid != "ERR_ACCESS_DENIED":
        verdict, detail = Verdict.PROXY_CANNOT_REACH, _upstream(squid)
    elif 300 <= answer.status < 400 or answer.status == 511:
        verdict, detail = Verdict.PROXY_POLICY_DENIED, f"it answers with a page of its own (HTTP {answer.status})"
    else:
        verdict, detail = Verdict.PROXY_POLICY_DENIED, f"HTTP {answer.status}"
    return EgressError(verdict, Phase.PROXY, detail, proxy=proxy.name)


def _upstream(squid: str) -> str:
    words = {"ERR_DNS_FAIL": "it cannot find the name", "ERR_CONNECT_FAIL": "it finds no way there"}
    return words.get(squid, "it cannot reach the server")
