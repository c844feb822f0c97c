"""Why a request got no answer, in words for the owner of the PC: one thing that is wrong, one thing to do.

Proxies are named by host and port only: their addresses may hold a password.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from dovetail.connector.link.port import LinkError, NotTheServer, Unreachable
from dovetail.connector.link.verdicts import EgressError, Phase, Verdict, causes, classify, find_egress_error

_OF_THE_SERVER = {
    Verdict.DNS_FAIL: "The name {host} cannot be found: check the address, and that this PC is online.",
    Verdict.REFUSED: "{host} refuses connections: check the address, or ask whoever runs the server.",
    Verdict.DROPPED: "{host} does not answer: check that this PC is online and no firewall is in between.",
    Verdict.UNREACHABLE: "{host} cannot be reached from this network: check that this PC is online.",
    Verdict.BLOCKED_HERE: "A firewall blocks the way to {host}: ask your IT to allow outgoing HTTPS to it.",
    Verdict.CUT: "The connection to {host} was cut: it is tried again later.",
    Verdict.NO_TLS: "{host} does not speak TLS as it should: check the address and the port.",
    Verdict.OLD_TLS: (
        "{host} speaks only versions of TLS that are not safe any more: ask whoever runs it, or your IT if a box in"
        " between opens the connection."
    ),
    Verdict.STALLED: "{host} took too long to answer: it is tried again later.",
    Verdict.UNKNOWN: "{host} cannot be reached: check that this PC is online.",
}
_STALLED_IN_TLS = (
    "{host} answers, but falls silent when TLS begins: a firewall or a damaged network path swallows it. Ask your IT."
)
_OF_THE_PROXY = {
    Verdict.PROXY_DOWN: "The proxy {proxy} cannot be used ({detail}): check the network, or ask your IT.",
    Verdict.PROXY_UNTRUSTED: (
        "The proxy {proxy} is reached over TLS, and this PC does not trust its certificate ({detail}): ask your IT."
    ),
    Verdict.PROXY_AUTH_REQUIRED: (
        "The proxy {proxy} wants a name and a password: enter them with `dovetail proxy {proxy} --user NAME`."
    ),
    Verdict.PROXY_CREDENTIALS_REJECTED: (
        "The proxy {proxy} refuses the name and password. To keep the account from being locked they are not sent"
        " again: enter the right ones with `dovetail proxy {proxy} --user NAME`."
    ),
    Verdict.PROXY_TICKET_MISSING: (
        "The proxy {proxy} wants to know who you are, and this PC cannot prove it by itself: sign in to the company's"
        " network, or enter a name and password with `dovetail proxy {proxy} --user NAME`."
    ),
    Verdict.PROXY_POLICY_DENIED: "The proxy {proxy} does not let the connection through: ask your IT to allow {host}.",
    Verdict.PROXY_CANNOT_REACH: (
        "The proxy {proxy} works, but {detail}: check the address, or ask whoever runs the server."
    ),
    Verdict.PROXY_UNSUPPORTED: "The proxy settings name a proxy that Dovetail cannot use: {detail}. Ask your IT.",
    Verdict.NOT_A_PROXY: "What answers at {proxy} is no proxy: check its address in the settings, or ask your IT.",
    Verdict.PAC_BROKEN: "The PAC file of this network cannot be used: {detail}. Ask your IT, or use --proxy.",
    Verdict.STALLED: "The proxy {proxy} takes too long: it is tried again later.",
}
_OF_THE_CERTIFICATE = {
    Verdict.CLOCK_OR_EXPIRED: (
        "The certificate of {host} has expired, or is not valid yet: check this PC's clock, then the server."
    ),
    Verdict.WRONG_NAME: "The certificate shown is not for {host}: check the address.",
    Verdict.UNTRUSTED: (
        "This PC does not trust the certificate of {host}. If your server has a CA of its own, name its file"
        " with --ca-file; if not, something in between opens the connection: ask your IT."
    ),
    Verdict.NOT_PINNED: (
        "The certificate of {host} has another key than those pinned: nothing was told to it. Something in between"
        " opens the connection, or the server has a new key: ask whoever runs it, and connect again with the right"
        " --pin."
    ),
}


def explain(error: Exception, origin: str) -> LinkError:
    """`error` as httpx or the layers below raised it, `origin` as :func:`read_address` gives it."""
    host = urlsplit(origin).netloc
    egress = find_egress_error(error)
    phase = _phase(error, egress)
    verdict = classify(error, phase)
    if verdict is Verdict.UNKNOWN and any(isinstance(cause, httpx.RemoteProtocolError) for cause in causes(error)):
        verdict = Verdict.CUT
    told = words(verdict, phase, host, egress.proxy if egress else "", egress.detail if egress else "")
    return NotTheServer(told) if verdict in _OF_THE_CERTIFICATE else Unreachable(told)


def words(verdict: Verdict, phase: Phase, host: str, proxy: str = "", detail: str = "") -> str:
    """The sentence for the owner of the PC."""
    if verdict in _OF_THE_CERTIFICATE:
        return _OF_THE_CERTIFICATE[verdict].format(host=host)
    if phase is Phase.PROXY and verdict in _OF_THE_PROXY:
        return _OF_THE_PROXY[verdict].format(host=host, proxy=proxy, detail=detail or "it gives no reason")
    if (phase, verdict) == (Phase.TLS, Verdict.STALLED):
        return _STALLED_IN_TLS.format(host=host)
    return _OF_THE_SERVER.get(verdict, _OF_THE_SERVER[Verdict.UNKNOWN]).format(host=host)


def _phase(error: Exception, egress: EgressError | None) -> Phase:
    if egress is not None:
        return egress.phase
    waiting = any(isinstance(cause, httpx.ReadTimeout | httpx.WriteTimeout) for cause in causes(error))
    return Phase.ANSWER if waiting else Phase.TCP
