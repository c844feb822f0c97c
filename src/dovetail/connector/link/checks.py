"""Single checks of the way to the server, each by one route: what answers on a port, how fast, and what fails.

Each ends by itself within a few seconds and says nothing that a server would act on. Nothing secret is sent or shown.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

import httpx
from cryptography import x509
from pydantic import BaseModel, ConfigDict

from dovetail.connector.link import direct
from dovetail.connector.link.port import LinkError
from dovetail.connector.link.sighting import issuer_of, name_of
from dovetail.connector.link.tls import pin_of
from dovetail.connector.link.transport import EgressTransport, handshake
from dovetail.connector.link.verdicts import EgressError, Phase, Verdict, classify, find_egress_error
from dovetail.connector.link.wire import Wire

OK = "ok"
NOT_DOVETAIL = "not_dovetail"
NOT_XMPP = "not_xmpp"
ELSEWHERE = "elsewhere"
PROBE_SECONDS = 5.0
PROBE_PATH = "/connector/v1/"
_MAX_HEAD = 16384
_STREAM = (
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
    " to={to} version='1.0'>"
)

Opener = Callable[[str, int, float], socket.socket]


class Check(BaseModel):
    """`verdict` is ``ok`` or one word for what failed; `detail` the rest, without secrets. `tls_issuer` where met.

    `leads_to` is another host that plain HTTP leads to; `clock_skew` how many seconds this PC is ahead of the answer.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    port: int
    way: str
    verdict: str = OK
    phase: str = ""
    detail: str = ""
    ms: int = 0
    tls_issuer: str = ""
    leads_to: str = ""
    clock_skew: float | None = None

    @property
    def ok(self) -> bool:
        return self.verdict == OK


class TlsFound(BaseModel):
    """The server's certificate as it arrived; `chain` from the server's own up, subjects only; `pin` of its key."""

    model_config = ConfigDict(frozen=True)

    version: str
    issuer: str
    chain: tuple[str, ...]
    expires: datetime
    pin: str


class HttpsFound(BaseModel):
    """What the check of HTTPS learnt on top."""

    model_config = ConfigDict(frozen=True)

    check: Check
    reason: str = ""
    tls: TlsFound | None = None
    via: bool = False
    round_trip_ms: int | None = None


class _Watch:
    """Remembers what one connection met."""

    def __init__(self, open_stream: Opener) -> None:
        self._open = open_stream
        self.open_ms = 0
        self.tls: TlsFound | None = None
        self.via = False

    def open(self, host: str, port: int, seconds: float) -> socket.socket:
        began = time.monotonic()
        try:
            return self._open(host, port, seconds)
        finally:
            self.open_ms = _ms(began)

    def saw_tls(self, host: str, port: int, connected: ssl.SSLSocket) -> None:
        self.tls = _tls_found(connected)

    def saw_answer(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.via = any(name.lower() == b"via" for name, _ in headers)


def check_name(host: str, port: int) -> Check:
    began = time.monotonic()
    try:
        found = direct.resolve(host, port, began + PROBE_SECONDS)
    except OSError as error:
        detail = "no answer from the name server" if "no answer" in str(error) else "the name is unknown"
        return Check(
            name="DNS",
            port=port,
            way="directly",
            verdict=Verdict.DNS_FAIL,
            phase=Phase.DNS,
            detail=detail,
            ms=_ms(began),
        )
    addresses = ", ".join(dict.fromkeys(str(address[0]) for _, address in found))
    return Check(name="DNS", port=port, way="directly", detail=addresses, ms=_ms(began))


def check_https(origin: str, way: str, open_stream: Opener, context: ssl.SSLContext) -> HttpsFound:
    """TLS, and whether a Dovetail server answers."""
    parts = urlsplit(origin)
    host, port = parts.hostname or "", parts.port or 443
    watch = _Watch(open_stream)
    client = httpx.Client(
        transport=EgressTransport(watch.open, context, httpx.Limits(max_connections=1), watch),
        trust_env=False,
        timeout=PROBE_SECONDS,
    )
    began = time.monotonic()
    with client:
        try:
            Wire(client, origin).send("GET", PROBE_PATH, {})
            asked = time.monotonic()
            answer = Wire(client, origin).send("GET", PROBE_PATH, {})
        except LinkError as error:
            check = _failed("HTTPS", port, way, error.__cause__ or error, began)
            if isinstance(error.__cause__, type(None)):
                check = check.model_copy(update={"verdict": NOT_DOVETAIL, "phase": Phase.ANSWER})
            issuer = watch.tls.issuer if watch.tls else _issuer_shown(check, host, port, open_stream)
            check = check.model_copy(update={"tls_issuer": issuer})
            return HttpsFound(check=check, reason=error.reason, tls=watch.tls, via=watch.via)
    return HttpsFound(
        check=Check(
            name="HTTPS",
            port=port,
            way=way,
            ms=_ms(began),
            tls_issuer=watch.tls.issuer if watch.tls else "",
            clock_skew=_skew(answer.headers.get("Date", "")),
        ),
        tls=watch.tls,
        via=watch.via,
        round_trip_ms=_ms(asked),
    )


def check_redirect(host: str, port: int, way: str, open_stream: Opener) -> Check:
    """Whether plain HTTP leads to HTTPS on the same host; a guest network's sign-in page leads elsewhere."""
    began = time.monotonic()
    try:
        with contextlib.closing(open_stream(host, port, PROBE_SECONDS)) as stream:
            stream.settimeout(PROBE_SECONDS)
            stream.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            head = _until(stream, b"\r\n\r\n", _MAX_HEAD).decode("latin-1")
    except OSError as error:
        return _failed("HTTP redirect", port, way, error, began)
    lines = head.split("\r\n")
    target = urlsplit(_header(lines, "location"))
    skew = _skew(_header(lines, "date"))
    if lines[0][9:12] in ("301", "302", "307", "308") and (target.scheme, target.hostname) == ("https", host):
        return Check(name="HTTP redirect", port=port, way=way, ms=_ms(began), clock_skew=skew)
    leads_to = (target.hostname or "") if target.hostname != host else ""
    detail = f"leads to {target.hostname}" if target.hostname else f"answers {lines[0][:40]!r}"
    return Check(
        name="HTTP redirect",
        port=port,
        way=way,
        verdict=ELSEWHERE,
        detail=detail,
        ms=_ms(began),
        leads_to=leads_to,
        clock_skew=skew,
    )


def _header(lines: list[str], name: str) -> str:
    """The value of the first header of that name, empty if there is none."""
    return next((line.partition(":")[2].strip() for line in lines if line.lower().startswith(f"{name}:")), "")


def check_xmpp(
    host: str,
    port: int,
    way: str,
    open_stream: Opener,
    context: ssl.SSLContext,
    *,
    starttls: bool,
    domain: str = "",
) -> Check:
    """Up to an XMPP server's features inside TLS (RFC 6120 section 5, XEP-0368); nobody signs in.

    `domain` is the XMPP domain where it is not `host`.
    """
    opening = _STREAM.format(to=quoteattr(domain or host))
    name = "XMPP STARTTLS" if starttls else "XMPP direct TLS"
    began = time.monotonic()
    issuer = ""
    try:
        with contextlib.ExitStack() as stack:
            stream = open_stream(host, port, PROBE_SECONDS)
            stack.callback(stream.close)
            stream.settimeout(PROBE_SECONDS)
            if starttls:
                _say(stream, opening, b"<starttls")
                _say(stream, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", b"<proceed")
            if not starttls:
                context.set_alpn_protocols(["xmpp-client"])
            secured = handshake(stream, context, host, PROBE_SECONDS)
            stack.callback(secured.close)
            issuer = issuer_of(secured)
            _say(secured, opening, b"features>")
    except OSError as error:
        return _failed(name, port, way, error, began).model_copy(update={"tls_issuer": issuer})
    return Check(name=name, port=port, way=way, ms=_ms(began), tls_issuer=issuer)


class _NotXmpp(OSError):
    """Something answers, and it is no XMPP server."""


def _say(stream: socket.socket, text: str, awaited: bytes) -> None:
    """Raises EgressError (stalled) where nothing comes back, as behind boxes that swallow XMPP."""
    try:
        stream.sendall(text.encode())
        said = _until(stream, awaited, _MAX_HEAD)
    except TimeoutError as error:
        raise EgressError(Verdict.STALLED, Phase.ANSWER, "connected, then silence") from error
    if awaited not in said:
        raise _NotXmpp("what answers is no XMPP server" if said else "closed without an answer")


def _until(stream: socket.socket, end: bytes, most: int) -> bytes:
    deadline = time.monotonic() + PROBE_SECONDS
    said = b""
    while end not in said and len(said) < most:
        stream.settimeout(direct.left(deadline))
        piece = stream.recv(4096)
        if not piece:
            break
        said += piece
    return said


def _failed(name: str, port: int, way: str, error: BaseException, began: float) -> Check:
    egress = find_egress_error(error)
    phase = egress.phase if egress else Phase.TLS if isinstance(error, ssl.SSLError) else Phase.TCP
    verdict = NOT_XMPP if isinstance(error, _NotXmpp) else str(classify(error, phase))
    phase = Phase.DNS if verdict == Verdict.DNS_FAIL else phase
    detail = egress.detail if egress else str(error) if isinstance(error, _NotXmpp) else ""
    return Check(name=name, port=port, way=way, verdict=verdict, phase=phase, detail=detail, ms=_ms(began))


def _issuer_shown(check: Check, host: str, port: int, open_stream: Opener) -> str:
    """Who signed a certificate that was refused: looked at over a connection of its own, on which nothing is said."""
    if check.verdict not in (Verdict.UNTRUSTED, Verdict.NOT_PINNED):
        return ""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.suppress(OSError):
        stream = handshake(open_stream(host, port, PROBE_SECONDS), context, host, PROBE_SECONDS)
        try:
            return issuer_of(stream)
        finally:
            stream.close()
    return ""


def _tls_found(connected: ssl.SSLSocket) -> TlsFound:
    der = connected.getpeercert(True) or b""
    leaf = x509.load_der_x509_certificate(der)
    return TlsFound(
        version=connected.version() or "",
        issuer=issuer_of(connected),
        chain=tuple(name_of(certificate.subject) for certificate in _chain(connected, leaf)),
        expires=leaf.not_valid_after_utc,
        pin=pin_of(leaf),
    )


def _chain(connected: ssl.SSLSocket, leaf: x509.Certificate) -> Iterator[x509.Certificate]:
    """As the server sent it. Before Python 3.13 the method is there, but not in public; without it: the first."""
    if hasattr(connected, "get_unverified_chain"):
        sent = connected.get_unverified_chain()
    else:
        told: list[Any] = getattr(getattr(connected, "_sslobj", None), "get_unverified_chain", list)() or []
        sent = [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in told]
    yield from map(x509.load_der_x509_certificate, sent) if sent else [leaf]


def _skew(date: str) -> float | None:
    try:
        return (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return None


def _ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
