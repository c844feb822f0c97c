"""The way out: the one place where the connector opens streams, for HTTPS and XMPP alike.

`Egress.open` gives a connected TCP stream to the server's host: directly, by CONNECT through an HTTP proxy, or through
SOCKS5. Which way is asked anew for each stream, so a change of network or settings counts at once. TLS to the server is
the caller's, on top. This PC itself is never reached through a proxy.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import httpx

from dovetail import __version__
from dovetail.connector.link import direct, http_connect, pac_source, socks, system_proxy
from dovetail.connector.link.bypass import Bypass
from dovetail.connector.link.gate import Gate
from dovetail.connector.link.routes import (
    NONE,
    PAC_PREFIX,
    SYSTEM,
    Choice,
    Direct,
    Kind,
    Proxy,
    ProxyCredential,
    Route,
    is_loopback,
    read_proxy,
)
from dovetail.connector.link.sighting import Sightings
from dovetail.connector.link.system_proxy import ProxySettings
from dovetail.connector.link.tls import ssl_context
from dovetail.connector.link.transport import EgressTransport, Open
from dovetail.connector.link.verdicts import EgressError, Verdict

CONNECT_SECONDS = 10.0
READ_SECONDS = 20.0
"""Between two pieces of an answer, and for each piece of a request: the owner is told within half a minute."""

CredentialOf = Callable[[str], ProxyCredential | None]


def _nobody(proxy: str) -> ProxyCredential | None:
    return None


class Egress:
    """`mode` is what :func:`~dovetail.connector.link.routes.read_mode` gives.

    `credential_of` knows what the owner entered for a proxy's name; `sightings_file` keeps what was met on the way;
    `pins` are for the server, and for nothing else that is met.
    """

    def __init__(
        self,
        mode: str = SYSTEM,
        *,
        ca_file: Path | None = None,
        pins: tuple[str, ...] = (),
        credential_of: CredentialOf = _nobody,
        gate: Gate | None = None,
        sightings_file: Path | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._mode = mode
        self._ca_file = ca_file
        self._pins = pins
        self._credential_of = credential_of
        self._gate = gate or Gate()
        self._environ = environ
        self._pac = pac_source.PacSource(partial(pac_source.fetch_pac, client=self._direct_client))
        self.sightings = Sightings(self.open, ca_file, sightings_file)

    def choose(self, host: str, port: int) -> Choice:
        """The ways to `host`, in the order to try. Raises EgressError where the settings cannot be followed."""
        if is_loopback(host):
            return Choice((Direct(),), "this PC itself")
        if self._mode == NONE:
            return Choice((Direct(),), "the choice of no proxy")
        if self._mode.startswith(PAC_PREFIX):
            return self._pac.choose(self._mode[len(PAC_PREFIX) :], host, "the PAC file named")
        if self._mode != SYSTEM:
            bypass = Bypass.read(self._environ.get("no_proxy") or self._environ.get("NO_PROXY", ""), below_too=True)
            return self._by(ProxySettings("the proxy named", read_proxy(self._mode), bypass=bypass), host, port)
        settings = system_proxy.from_environment(self._environ)
        if settings is None and sys.platform == "win32":
            from dovetail.connector.link import winhttp

            return winhttp.choose(host, port)
        return self._by(settings or system_proxy.from_desktop(), host, port)

    def _by(self, settings: ProxySettings, host: str, port: int) -> Choice:
        if settings.pac_url is not None:
            return self._pac.choose(settings.pac_url, host, settings.found)
        if settings.proxy is None or settings.bypass.covers(host, port):
            return Choice((Direct(),), settings.found, settings.notice)
        return Choice((settings.proxy,), settings.found, settings.notice)

    def open(self, host: str, port: int, seconds: float) -> socket.socket:
        """A connected, blocking TCP stream within `seconds`, all look-ups and sign-ins included.

        The next way is tried only where a proxy is down, never after one refused. Raises OSError (EgressError).
        """
        deadline = time.monotonic() + seconds
        choice = self.choose(host, port)
        for route in choice.routes[:-1]:
            try:
                return self._went(choice, route, self.open_by(route, host, port, deadline))
            except EgressError as error:
                if error.verdict is not Verdict.PROXY_DOWN:
                    raise
        return self._went(choice, choice.routes[-1], self.open_by(choice.routes[-1], host, port, deadline))

    async def open_async(self, host: str, port: int, seconds: float) -> socket.socket:
        """As :meth:`open`, for an asyncio program: a non-blocking socket, closed if nobody waits for it any more."""
        opening = asyncio.get_running_loop().run_in_executor(None, self.open, host, port, seconds)
        try:
            stream = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)
            raise
        stream.setblocking(False)
        return stream

    def open_by(self, route: Route, host: str, port: int, deadline: float) -> socket.socket:
        """By this way and no other; `deadline` on the monotonic clock."""
        if isinstance(route, Direct):
            return direct.connect(host, port, deadline)
        credential = route.given or self._credential_of(route.name)
        if route.kind is Kind.SOCKS5:
            return socks.connect(route, host, port, credential, self._gate, deadline)
        context = ssl_context(self._ca_file) if route.kind is Kind.HTTPS else None
        return http_connect.connect(route, host, port, credential, self._gate, deadline, context)

    def _went(self, choice: Choice, route: Route, stream: socket.socket) -> socket.socket:
        self.sightings.went(str(route), choice.found, choice.notice)
        return stream

    def ssl_context(self) -> ssl.SSLContext:
        """A new one for TLS to the server, on top of a stream. Raises BadCaFile."""
        return ssl_context(self._ca_file, self._pins)

    def client(self) -> httpx.Client:
        """An HTTP client that follows no redirect, repeats nothing and keeps no cookie. Raises BadCaFile."""
        return _client(self.open, self.ssl_context(), self.sightings)

    def _direct_client(self) -> httpx.Client:
        """For a PAC file's address."""
        return _client(
            lambda host, port, seconds: direct.connect(host, port, time.monotonic() + seconds),
            ssl_context(self._ca_file),
        )


def _client(open_stream: Open, context: ssl.SSLContext, watcher: Sightings | None = None) -> httpx.Client:
    limits = httpx.Limits(max_connections=2, keepalive_expiry=5.0)
    return httpx.Client(
        transport=EgressTransport(open_stream, context, limits, watcher),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        headers={"User-Agent": f"dovetail-connector/{__version__}", "Accept-Encoding": "identity"},
    )


def _close_unwanted(opening: asyncio.Future[socket.socket]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def used_proxy(choice: Choice) -> Proxy | None:
    """The first proxy among the ways, if any."""
    return next((route for route in choice.routes if isinstance(route, Proxy)), None)
