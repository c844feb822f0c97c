"""What stands between this PC and the server's hints: one verdict for each port, one line for the whole, and the
sentence with which its owner goes to their IT.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from websockets.exceptions import InvalidHandshake

from dovetail.connector.link.verdicts import Phase, Verdict, causes, classify
from dovetail.connector.realtime.ladder import Place, Rung
from dovetail.connector.realtime.parser import NotXmpp


class Trouble(StrEnum):
    """Why there is no stream over a port, or no more."""

    NO_NAME = "no-name"
    OFFLINE = "offline"
    REFUSED = "refused"
    DROPPED = "dropped"
    BLOCKED_HERE = "blocked-here"
    CUT = "cut"
    SILENT = "silent"
    NOT_XMPP = "not-xmpp"
    NO_STARTTLS = "no-starttls"
    TLS_INTERCEPTED = "tls-intercepted"
    EXPIRED = "expired"
    WRONG_NAME = "wrong-name"
    NOT_PINNED = "not-pinned"
    PROXY_SIGN_IN = "proxy-sign-in"
    PROXY_FORBIDS = "proxy-forbids"
    PROXY_FAILS = "proxy-fails"
    NO_WEBSOCKET = "no-websocket"
    WRONG_DOMAIN = "wrong-domain"
    UNSAFE = "unsafe"
    NOT_AUTHORIZED = "not-authorized"
    RUNNING_TWICE = "running-twice"
    BUSY = "busy"
    ENDED = "ended"
    LOST = "lost"
    UNKNOWN = "unknown"


class StreamDown(Exception):
    """No stream, or no more, for this reason."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(str(trouble))
        self.trouble = trouble


_VERDICTS = {
    Verdict.DNS_FAIL: Trouble.NO_NAME,
    Verdict.UNREACHABLE: Trouble.OFFLINE,
    Verdict.REFUSED: Trouble.REFUSED,
    Verdict.DROPPED: Trouble.DROPPED,
    Verdict.BLOCKED_HERE: Trouble.BLOCKED_HERE,
    Verdict.STALLED: Trouble.SILENT,
    Verdict.CUT: Trouble.CUT,
    Verdict.NO_TLS: Trouble.NOT_XMPP,
    Verdict.OLD_TLS: Trouble.NOT_XMPP,
    Verdict.UNTRUSTED: Trouble.TLS_INTERCEPTED,
    Verdict.CLOCK_OR_EXPIRED: Trouble.EXPIRED,
    Verdict.WRONG_NAME: Trouble.WRONG_NAME,
    Verdict.NOT_PINNED: Trouble.NOT_PINNED,
    Verdict.PROXY_UNTRUSTED: Trouble.PROXY_FAILS,
    Verdict.PROXY_AUTH_REQUIRED: Trouble.PROXY_SIGN_IN,
    Verdict.PROXY_CREDENTIALS_REJECTED: Trouble.PROXY_SIGN_IN,
    Verdict.PROXY_TICKET_MISSING: Trouble.PROXY_SIGN_IN,
    Verdict.PROXY_POLICY_DENIED: Trouble.PROXY_FORBIDS,
    Verdict.PROXY_CANNOT_REACH: Trouble.PROXY_FORBIDS,
    Verdict.PROXY_DOWN: Trouble.PROXY_FAILS,
    Verdict.PROXY_UNSUPPORTED: Trouble.PROXY_FAILS,
    Verdict.NOT_A_PROXY: Trouble.PROXY_FAILS,
    Verdict.PAC_BROKEN: Trouble.PROXY_FAILS,
}

_SENTENCES = {
    Trouble.NO_NAME: "The name {host} cannot be found.",
    Trouble.OFFLINE: "{host} cannot be reached from this network.",
    Trouble.REFUSED: "Port {port} is closed on {host}, or a firewall rejects it.",
    Trouble.DROPPED: "A firewall drops port {port}: nothing answers from {host}.",
    Trouble.BLOCKED_HERE: "The firewall of this PC blocks port {port}.",
    Trouble.CUT: "Something on the way to {host} cuts what is said on port {port} (deep inspection).",
    Trouble.SILENT: "Something on the way to {host} swallows what is said on port {port} (deep inspection).",
    Trouble.NOT_XMPP: "What answers on port {port} is no XMPP server: a proxy, or the sign-in page of a guest network.",
    Trouble.NO_STARTTLS: "Encryption was removed on the way to port {port}: Dovetail does not go on without it.",
    Trouble.TLS_INTERCEPTED: (
        "Your network inspects TLS on port {port}, and this PC does not trust it: ask IT to exempt {host} or to install"
        " its CA."
    ),
    Trouble.EXPIRED: "The certificate on port {port} of {host} has expired, or this PC's clock is wrong.",
    Trouble.WRONG_NAME: "The certificate on port {port} is not for {host}.",
    Trouble.NOT_PINNED: "The certificate on port {port} of {host} has another key than those pinned.",
    Trouble.PROXY_SIGN_IN: "The proxy wants a name and a password for port {port}: see `dovetail proxy --help`.",
    Trouble.PROXY_FORBIDS: "The proxy lets nothing through to port {port}.",
    Trouble.PROXY_FAILS: "The proxy cannot be used for port {port}.",
    Trouble.NO_WEBSOCKET: "Port {port} of {host} answers, but lets no WebSocket through.",
    Trouble.WRONG_DOMAIN: "{host} does not know its own XMPP domain: tell whoever runs the server.",
    Trouble.UNSAFE: "What answers on port {port} cannot prove that it knows this PC's credential.",
    Trouble.NOT_AUTHORIZED: "{host} does not accept this PC's credential: connect again with a new token.",
    Trouble.RUNNING_TWICE: "Another connector uses the same Connector ID: stop one of them.",
    Trouble.BUSY: "{host} asks for time.",
    Trouble.ENDED: "{host} ended the connection on port {port}.",
    Trouble.LOST: "The connection to port {port} of {host} was lost.",
    Trouble.UNKNOWN: "The connection to port {port} of {host} failed.",
}

_BLOCKED = {
    Trouble.REFUSED,
    Trouble.DROPPED,
    Trouble.BLOCKED_HERE,
    Trouble.CUT,
    Trouble.SILENT,
    Trouble.NOT_XMPP,
    Trouble.NO_STARTTLS,
    Trouble.PROXY_FORBIDS,
}
"""What IT can mend by opening a port."""

ONLY_THE_USER_HELPS = {Trouble.NOT_AUTHORIZED, Trouble.RUNNING_TWICE}
"""Another try, on whatever port, would end the same way or harm somebody."""

_CONDITIONS = {
    "host-unknown": Trouble.WRONG_DOMAIN,
    "host-gone": Trouble.WRONG_DOMAIN,
    "not-authorized": Trouble.NOT_AUTHORIZED,
    "conflict": Trouble.RUNNING_TWICE,
    "policy-violation": Trouble.BUSY,
    "resource-constraint": Trouble.BUSY,
}
_SASL_CONDITIONS = {
    "not-authorized": Trouble.NOT_AUTHORIZED,
    "account-disabled": Trouble.NOT_AUTHORIZED,
    "credentials-expired": Trouble.NOT_AUTHORIZED,
    "temporary-auth-failure": Trouble.BUSY,
}


def of_stream_error(condition: str) -> Trouble:
    """RFC 6120 section 4.9.3."""
    return _CONDITIONS.get(condition, Trouble.ENDED)


def of_sasl_failure(condition: str) -> Trouble:
    """RFC 6120 section 6.5."""
    return _SASL_CONDITIONS.get(condition, Trouble.UNSAFE)


def diagnose(error: BaseException, phase: Phase) -> Trouble:
    """What `error` means; `phase` is how far the stream had come."""
    if isinstance(error, StreamDown):
        return error.trouble
    if isinstance(error, NotXmpp):
        return Trouble.NOT_XMPP
    if any(isinstance(cause, InvalidHandshake) for cause in causes(error)):  # a redirect's, too: none is followed
        return Trouble.NO_WEBSOCKET
    return _VERDICTS.get(classify(error, phase), Trouble.UNKNOWN)


def sentence(trouble: Trouble, place: Place) -> str:
    """For the owner of this PC."""
    return _SENTENCES[trouble].format(host=place.host, port=place.port)


def for_it(found: Iterable[tuple[Place, Trouble | None]]) -> str:
    """What to ask IT for, empty where they cannot help. Left out: the port that every web page uses."""
    xmpp = [(place, trouble) for place, trouble in found if place.rung is not Rung.WEBSOCKET]
    blocked = [place for place, trouble in xmpp if trouble in _BLOCKED]
    inspected = [place for place, trouble in xmpp if trouble is Trouble.TLS_INTERCEPTED]
    asks = []
    if blocked:
        asks.append(f"allow outgoing TCP to {_named(blocked)}")
    if inspected:
        asks.append(f"exempt {_named(inspected)} from TLS inspection")
    if not asks:
        return ""
    return (
        f"Ask your IT to {' and to '.join(asks)} (XMPP, RFC 6120), or switch to auto mode, which does not need it:"
        " `dovetail mode auto`."
    )


def _named(places: list[Place]) -> str:
    ports = sorted({place.port for place in places})
    words = f"port {ports[0]}" if len(ports) == 1 else f"ports {' and '.join(map(str, ports))}"
    return f"{places[0].host} on {words}"
