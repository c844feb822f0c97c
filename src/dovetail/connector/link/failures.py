"""Why a request got no answer, in words for the owner of the PC.

The cause is looked for along the chain of exceptions, the most telling first. Addresses of proxies are never shown:
they may hold a password.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from dovetail.connector.link.port import LinkError, NotTheServer, Unreachable

_NOT_YET_VALID_OR_EXPIRED = {9, 10}  # X509_V_ERR_* of OpenSSL
_ANOTHER_NAME = {62, 63, 64}


def explain(error: Exception, origin: str) -> LinkError:
    """`error` as httpx or the layers below raised it, `origin` as :func:`read_address` gives it."""
    host = urlsplit(origin).netloc
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NotTheServer(_certificate(cause, host))
    for cause in causes:
        if isinstance(cause, httpx.ProxyError):
            return Unreachable(_proxy(cause))
        if isinstance(cause, ssl.SSLError):
            return Unreachable(
                f"{host} does not speak TLS as it should ({_short(cause)}): check the address and the port."
            )
        if isinstance(cause, socket.gaierror):
            return Unreachable(f"The name {host} cannot be found: check the address, and that this PC is online.")
        if isinstance(cause, ConnectionRefusedError):
            return Unreachable(f"{host} refuses connections: check the address, or ask whoever runs the server.")
        if isinstance(cause, httpx.ConnectTimeout):
            return Unreachable(f"{host} does not answer: check that this PC is online and no firewall is in between.")
        if isinstance(cause, httpx.TimeoutException | TimeoutError):
            return Unreachable(f"{host} took too long to answer: it is tried again later.")
        if isinstance(cause, ConnectionResetError | httpx.RemoteProtocolError):
            return Unreachable(f"The connection to {host} was cut: it is tried again later.")
    return Unreachable(f"{host} cannot be reached: check that this PC is online.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _certificate(error: ssl.SSLCertVerificationError, host: str) -> str:
    if error.verify_code in _NOT_YET_VALID_OR_EXPIRED:
        return f"The certificate of {host} has expired, or is not valid yet: check this PC's clock, then the server."
    if error.verify_code in _ANOTHER_NAME:
        return f"The certificate shown is not for {host}: check the address."
    return (
        f"This PC does not trust the certificate of {host}. If your server has a CA of its own, name its file"
        " with --ca-file; if not, something in between opens the connection: ask your IT."
    )


def _proxy(error: httpx.ProxyError) -> str:
    if "407" in str(error):
        return "The proxy wants a name and a password: ask your IT which, or for a way around it."
    return "The proxy does not let the connection through: ask your IT to allow it."


def _short(error: ssl.SSLError) -> str:
    return (error.reason or "no reason given").lower().replace("_", " ")
