"""What went wrong on the way to the server, as one word, and in which phase: the link's common language.

`classify` reads it from a chain of exceptions, the most telling first. The phase matters: a dropped SYN, a hole that
swallows large packets and a silent interceptor all end in a time-out.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from enum import StrEnum

from dovetail.connector.link.tls import PinMismatch


class Phase(StrEnum):
    DNS = "dns"
    TCP = "tcp"
    PROXY = "proxy"
    TLS = "tls"
    ANSWER = "answer"


class Verdict(StrEnum):
    DNS_FAIL = "dns_fail"
    REFUSED = "refused"
    DROPPED = "dropped"
    STALLED = "stalled"
    UNREACHABLE = "unreachable"
    BLOCKED_HERE = "blocked_here"
    CUT = "cut"
    NO_TLS = "no_tls"
    OLD_TLS = "old_tls"
    CLOCK_OR_EXPIRED = "clock_or_expired"
    WRONG_NAME = "wrong_name"
    UNTRUSTED = "untrusted"
    NOT_PINNED = "not_pinned"
    PROXY_DOWN = "proxy_down"
    PROXY_UNTRUSTED = "proxy_untrusted"
    PROXY_AUTH_REQUIRED = "proxy_auth_required"
    PROXY_CREDENTIALS_REJECTED = "proxy_credentials_rejected"
    PROXY_TICKET_MISSING = "proxy_ticket_missing"
    PROXY_POLICY_DENIED = "proxy_policy_denied"
    PROXY_CANNOT_REACH = "proxy_cannot_reach"
    PROXY_UNSUPPORTED = "proxy_unsupported"
    NOT_A_PROXY = "not_a_proxy"
    PAC_BROKEN = "pac_broken"
    UNKNOWN = "unknown"


class EgressError(OSError):
    """No stream could be opened. `proxy` is ``host:port`` where one is concerned; `detail` holds no secret."""

    def __init__(self, verdict: Verdict, phase: Phase, detail: str = "", *, proxy: str = "") -> None:
        super().__init__(f"{verdict} ({phase}){': ' + detail if detail else ''}")
        self.verdict = verdict
        self.phase = phase
        self.detail = detail
        self.proxy = proxy


_NOT_YET_VALID_OR_EXPIRED = {9, 10}  # X509_V_ERR_* of OpenSSL
_ANOTHER_NAME = {62, 63, 64}
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")
_OLD_TLS = ("TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL")
_OF_TLS = {**dict.fromkeys(_NO_TLS, Verdict.NO_TLS), **dict.fromkeys(_OLD_TLS, Verdict.OLD_TLS)}
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.EHOSTDOWN}
_BLOCKED_HERE = {errno.EACCES, errno.EPERM}
_WINDOWS_BLOCKED_HERE = 10013  # WSAEACCES: the firewall of this PC


def classify(error: BaseException, phase: Phase = Phase.TCP) -> Verdict:
    """`phase` is where the caller was, and tells a time-out at the door from one inside."""
    for cause in causes(error):
        verdict = _verdict(cause, phase)
        if verdict is not None:
            return verdict
    return Verdict.UNKNOWN


def causes(error: BaseException) -> Iterator[BaseException]:
    """The chain of exceptions, the outermost first."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def find_egress_error(error: BaseException) -> EgressError | None:
    return next((cause for cause in causes(error) if isinstance(cause, EgressError)), None)


def _verdict(cause: BaseException, phase: Phase) -> Verdict | None:
    # The order matters: PinMismatch is an SSLCertVerificationError, that an SSLError, and all of them are OSErrors.
    if isinstance(cause, EgressError):
        return cause.verdict
    if isinstance(cause, PinMismatch):
        return Verdict.NOT_PINNED
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _of_certificate(cause.verify_code)
    if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError | ConnectionResetError | BrokenPipeError):
        return Verdict.CUT
    if isinstance(cause, ssl.SSLError):
        return _OF_TLS.get(cause.reason, Verdict.CUT)
    if isinstance(cause, socket.gaierror):
        return Verdict.DNS_FAIL
    if isinstance(cause, ConnectionRefusedError):
        return Verdict.REFUSED
    if isinstance(cause, TimeoutError):
        return Verdict.DROPPED if phase is Phase.TCP else Verdict.STALLED
    if isinstance(cause, OSError):
        return _of_errno(cause)
    return None


def _of_certificate(code: int) -> Verdict:
    if code in _NOT_YET_VALID_OR_EXPIRED:
        return Verdict.CLOCK_OR_EXPIRED
    return Verdict.WRONG_NAME if code in _ANOTHER_NAME else Verdict.UNTRUSTED


def _of_errno(error: OSError) -> Verdict | None:
    if error.errno in _UNREACHABLE:
        return Verdict.UNREACHABLE
    if error.errno in _BLOCKED_HERE or getattr(error, "winerror", None) == _WINDOWS_BLOCKED_HERE:
        return Verdict.BLOCKED_HERE
    return None
