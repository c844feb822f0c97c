"""Who has the connectors' sessions, by the settings: this process, an XMPP server it is a component of, or another
process of ours. Each is the real-time part of the server process as :mod:`dovetail.server.web.process` runs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping, Sequence
from socket import socket

from django.conf import settings

from dovetail.server.realtime import between, bus
from dovetail.server.realtime.component import Component
from dovetail.server.realtime.hub import Hub
from dovetail.server.realtime.service import Service
from dovetail.server.realtime.signin import Database
from dovetail.server.web.bridge import WebSocketHandler
from dovetail.server.xmpp_server import ComponentAccount


class Elsewhere:
    """Another process has the sessions; it is told."""

    listens = False
    websockets: Mapping[str, WebSocketHandler] = {}

    async def start(self, context: ssl.SSLContext, starttls: Sequence[socket], direct: Sequence[socket]) -> None:
        bus.use(between.bus())

    async def stop(self) -> None:
        bus.use(bus.NOWHERE)


class Linked:
    """Prosody or ejabberd has the sessions, and the ports with them."""

    listens = False
    websockets: Mapping[str, WebSocketHandler] = {}

    def __init__(self, account: ComponentAccount, domain: str) -> None:
        self._database = Database()
        self.component = Component(account, domain, self._database.listening)
        self._inbox = between.inbox()
        self._running: asyncio.Task[None] | None = None

    async def start(self, context: ssl.SSLContext, starttls: Sequence[socket], direct: Sequence[socket]) -> None:
        self._running = asyncio.create_task(self.component.run())
        await self._inbox.start(self.component)
        bus.use(bus.InProcess(self.component, asyncio.get_running_loop()))

    async def stop(self) -> None:
        bus.use(bus.NOWHERE)
        await self._inbox.stop()
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        await asyncio.to_thread(self._database.close)


def arranged() -> Service | Linked | Elsewhere:
    """What the settings say. Raises ValueError."""
    if settings.REALTIME == "elsewhere":
        return Elsewhere()
    if settings.REALTIME != "here":
        raise ValueError("DOVETAIL_REALTIME must be here or elsewhere")
    if settings.XMPP_COMPONENT is not None:
        return Linked(settings.XMPP_COMPONENT, settings.XMPP_DOMAIN)
    return Service(Hub(settings.XMPP_DOMAIN, Database()))
