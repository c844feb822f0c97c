"""The real server process with its XMPP ports on loopback, connectors' credentials, and a client that says anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from dovetail.server.connections import pairing
from dovetail.server.realtime import bus
from dovetail.server.realtime.gate import Gate
from dovetail.server.realtime.hub import Hub
from dovetail.server.realtime.service import Service
from dovetail.server.realtime.signin import Database
from dovetail.server.web.local_ca import LocalCertificate
from dovetail.server.wsgi import application
from server.people import a_host
from server.realtime.client import Client
from server.web.conftest import Running, authority, serving

__all__ = ["authority"]


@dataclass
class Online:
    """A running server with real-time sync."""

    web: Running
    hub: Hub

    def run(self, call: Callable[[], Awaitable[None] | None]) -> None:
        """In the thread of the server's loop, to its end."""

        async def run() -> None:
            if (waited := call()) is not None:
                await waited

        sender = bus.current()
        assert isinstance(sender, bus.InProcess)
        asyncio.run_coroutine_threadsafe(run(), sender.loop).result(10)


Start = Callable[..., AbstractContextManager[Online]]


@pytest.fixture
def online(authority) -> Start:
    """`with online() as server:` serves until the end of the block."""

    @contextmanager
    def start(
        gate: Gate | None = None,
        pair: LocalCertificate = authority,
        certificate_poll: float = 30,
        **hub_options: object,
    ) -> Iterator[Online]:
        service = Service(hub := Hub("localhost", Database(), gate, **hub_options))
        ports = {"xmpp_port": 0, "xmpps_port": 0}
        with serving(pair, application, realtime=service, certificate_poll=certificate_poll, **ports) as web:
            yield Online(web, hub)

    return start


@pytest.fixture
def server(transactional_db, online) -> Iterator[Online]:
    with online() as server:
        yield server


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """`connect(server, direct=…)` gives a client whose TCP connection, and TLS where it is direct, is made."""
    with ExitStack() as stack:
        yield lambda server, **options: stack.enter_context(Client(server.web, **options))


@pytest.fixture
def ada(transactional_db) -> pairing.Pairing:
    """The credential of Ada's connector."""
    return pairing.connect(a_host(name="Ada"))


@pytest.fixture
def eve(transactional_db) -> pairing.Pairing:
    return pairing.connect(a_host(name="Eve"))
