"""A TCP stream through a SOCKS5 proxy (RFC 1928, RFC 1929); the proxy looks the target's name up."""

from __future__ import annotations

import socket

from python_socks import ProxyError, ProxyTimeoutError, ProxyType
from python_socks.sync import Proxy as SocksClient

from dovetail.connector.link import direct
from dovetail.connector.link.gate import Gate
from dovetail.connector.link.http_connect import dial
from dovetail.connector.link.routes import Proxy, ProxyCredential
from dovetail.connector.link.verdicts import EgressError, Phase, Verdict

_REPLIES = {
    2: (Verdict.PROXY_POLICY_DENIED, "its rules"),
    3: (Verdict.PROXY_CANNOT_REACH, "the network cannot be reached from it"),
    4: (Verdict.PROXY_CANNOT_REACH, "it cannot find or reach the host"),
    5: (Verdict.PROXY_CANNOT_REACH, "the host refuses it"),
    6: (Verdict.PROXY_CANNOT_REACH, "the host does not answer it"),
}


class _Dialled:
    """Stands for a proxy before this one: python-socks then takes our stream, and with it our deadline."""

    def __init__(self, proxy: Proxy, deadline: float) -> None:
        self._proxy = proxy
        self._deadline = deadline

    def connect(self, dest_host: str, dest_port: int, timeout: float | None = None) -> socket.socket:
        return dial(self._proxy, self._deadline)


def connect(
    proxy: Proxy, host: str, port: int, credential: ProxyCredential | None, gate: Gate, deadline: float
) -> socket.socket:
    """A connected, blocking socket to ``host:port``. Raises EgressError, and TimeoutError."""
    if credential is None:
        return _connect(proxy, host, port, None, deadline)
    with gate.trying(proxy.name, credential) as trying:
        try:
            tunnel = _connect(proxy, host, port, credential, deadline)
        except EgressError as error:
            if error.verdict is Verdict.PROXY_CREDENTIALS_REJECTED:
                trying.refused()
            raise
        trying.proved()
        return tunnel


def _connect(proxy: Proxy, host: str, port: int, credential: ProxyCredential | None, deadline: float) -> socket.socket:
    user, password = (credential.user, credential.password) if credential else (None, None)
    client = SocksClient(
        ProxyType.SOCKS5,
        proxy.host,
        proxy.port,
        user,
        password,
        rdns=True,
        forward=_Dialled(proxy, deadline),  # type: ignore[arg-type]
    )
    try:
        return client.connect(host, port, direct.left(deadline))
    except ProxyTimeoutError as error:
        raise EgressError(Verdict.STALLED, Phase.PROXY, "it says nothing", proxy=proxy.name) from error
    except ProxyError as error:
        raise _refusal(error, proxy, credential) from error
    except UnicodeError as error:
        raise EgressError(
            Verdict.PROXY_UNSUPPORTED, Phase.PROXY, "SOCKS5 takes names and passwords of ASCII only", proxy=proxy.name
        ) from error
    except EgressError:
        raise
    except OSError as error:
        raise EgressError(Verdict.PROXY_DOWN, Phase.PROXY, "it hung up", proxy=proxy.name) from error


def _refusal(error: ProxyError, proxy: Proxy, credential: ProxyCredential | None) -> EgressError:
    text = str(error).lower()
    if error.error_code is not None:
        verdict, detail = _REPLIES.get(int(error.error_code), (Verdict.PROXY_CANNOT_REACH, ""))
    elif "authentication" in text:
        verdict = Verdict.PROXY_CREDENTIALS_REJECTED if credential else Verdict.PROXY_AUTH_REQUIRED
        detail = ""
    else:
        verdict, detail = Verdict.NOT_A_PROXY, "what it says is no SOCKS5"
    return EgressError(verdict, Phase.PROXY, detail, proxy=proxy.name)
