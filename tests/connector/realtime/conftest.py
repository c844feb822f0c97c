"""The real server with its XMPP ports, each behind a forwarder, and a connector that waits for its hints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

import pytest

from connector.realtime.wire import QUICK, Connector, Forwarder
from dovetail.connector.link.signin import Credential
from dovetail.connector.realtime.listener import Rhythm
from dovetail.protocol.credential import tokenize
from dovetail.protocol.hints import Hint
from dovetail.protocol.messages import Realtime
from dovetail.server.connections.pairing import Pairing
from dovetail.server.realtime import bus
from dovetail.server.realtime.announcement import WEBSOCKET_PATH
from server.realtime.conftest import Online, ada, authority, online, server

__all__ = ["ada", "authority", "online", "server"]


@dataclass
class Network:
    """`direct`, `starttls` and `web` lead to the server's three ports."""

    online: Online
    direct: Forwarder
    starttls: Forwarder
    web: Forwarder

    @property
    def realtime(self) -> Realtime:
        return Realtime(
            domain="localhost",
            host="localhost",
            starttls_port=self.starttls.port,
            direct_tls_port=self.direct.port,
            websocket=WEBSOCKET_PATH,
        )

    @property
    def ports(self) -> tuple[Forwarder, ...]:
        return self.direct, self.starttls, self.web

    @property
    def xmpp_ports(self) -> tuple[int, int]:
        return self.direct.port, self.starttls.port

    def only(self, rung: str) -> Forwarder:
        """Close the other ways."""
        ways = dict(zip(("direct-tls", "starttls", "websocket"), self.ports, strict=True))
        for name, port in ways.items():
            if name != rung:
                port.block()
        return ways[rung]

    def soon(self, call: Callable[[], None]) -> None:
        """In the server's loop."""
        current = bus.current()
        assert isinstance(current, bus.InProcess)
        current._soon(call)

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.web.port}"


@pytest.fixture
def network(server: Online) -> Iterator[Network]:
    web = server.web
    with ExitStack() as stack:
        ports = (web.xmpps_port, web.xmpp_port, web.port)
        yield Network(server, *(stack.enter_context(closing(Forwarder(port))) for port in ports))


Connect = Callable[..., Connector]


@pytest.fixture
def connect(network: Network, ada: Pairing, authority) -> Iterator[Connect]:
    """`connect()` starts a listener that knows where the server sends its hints."""
    started: list[Connector] = []

    def start(rhythm=QUICK, token: str = ada.token, **changes: object) -> Connector:
        credential = Credential(ada.connector_id, tokenize(token))
        connector = Connector(network.origin, credential, authority.authority, rhythm)
        connector.listener.start()
        started.append(connector)
        connector.listener.aim(network.realtime.model_copy(update=changes))
        return connector

    yield start
    for connector in started:
        connector.listener.stop()


@pytest.fixture
def hint(network: Network, ada: Pairing) -> Callable[[], None]:
    """The server sends one, or keeps it until it can."""
    return lambda: bus.current().hint(ada.connector_id, Hint(cursor="1.0-7"))


@pytest.fixture
def patient() -> Rhythm:
    """Of a connector that does not try again before the test is over what only the User can mend."""
    return replace(QUICK, halted=60.0)
