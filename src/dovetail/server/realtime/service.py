"""The real-time part of the server process: its listeners, its sessions and its way in for hints.

Made before the loop runs, started and stopped in it. `websockets` goes to the web server, which has that port.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

from dovetail.server.realtime import between, bus
from dovetail.server.realtime.announcement import WEBSOCKET_PATH
from dovetail.server.realtime.hub import Hub
from dovetail.server.realtime.tcp import GOODBYE_SECONDS, TcpWire, use_small_tls_buffers
from dovetail.server.realtime.websocket import WebSocketEndpoint
from dovetail.server.web.bridge import WebSocketHandler


class Service:
    listens = True

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.websockets: Mapping[str, WebSocketHandler] = {WEBSOCKET_PATH: WebSocketEndpoint(hub)}
        self._wires: set[TcpWire] = set()
        self._listeners: list[asyncio.Server] = []
        self._watching: asyncio.Task[None] | None = None
        self._inbox = between.inbox()

    async def start(
        self, context: ssl.SSLContext, starttls: Sequence[socket.socket], direct: Sequence[socket.socket]
    ) -> None:
        """Accept streams on these listening sockets; hints of this process, and of others, reach them from here on."""
        use_small_tls_buffers()
        loop = asyncio.get_running_loop()
        for sockets, is_direct in ((starttls, False), (direct, True)):
            for sock in sockets:
                wire = partial(TcpWire, self.hub, context, self._wires, is_direct=is_direct)
                self._listeners.append(await loop.create_server(wire, sock=sock))
        self._watching = asyncio.create_task(self.hub.watch())
        await self._inbox.start(self.hub)
        bus.use(bus.InProcess(self.hub, loop))

    async def stop(self) -> None:
        """Tell everybody, and wait a moment for them to have heard it."""
        bus.use(bus.NOWHERE)
        await self._inbox.stop()
        for listener in self._listeners:
            listener.close()
        if self._watching is not None:
            self._watching.cancel()
        self.hub.shut_down()
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS + 1):
                await asyncio.sleep(0.02)
                while self._wires:
                    self.hub.shut_down()  # for those who were accepted while the listeners closed
                    await asyncio.sleep(0.02)
        await asyncio.to_thread(self.hub.authority.close)
