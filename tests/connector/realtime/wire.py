"""A network that can go wrong, with forwarders that cut, swallow and delay, and a connector's listener beyond them."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from dovetail.connector.link.egress import Egress
from dovetail.connector.link.routes import NONE
from dovetail.connector.link.signin import Credential
from dovetail.connector.realtime.listener import Listener, Rhythm
from dovetail.connector.realtime.state import RealtimeState
from dovetail.connector.realtime.stream import Patience

SECONDS = 15.0
QUICK = Rhythm(Patience(deadline=3.0, ping_every=0.3, ping_wait=0.3), better_every=0.3, halted=0.5)


def wait_until(true: Callable[[], object], seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.01)


class Forwarder:
    """A port on loopback that leads to another. `swallows`: nothing more goes through, and nobody is told; `delay` in
    seconds holds each piece back."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.swallows = False
        self.delay = 0.0
        self.accepted = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.unblock()

    def unblock(self) -> None:
        self._do(self._listen())

    def block(self) -> None:
        """As a firewall that rejects: what is open is reset, what is new is refused."""
        self._do(self._close())
        self.cut()

    def cut(self) -> None:
        """Reset what is open."""
        self._do(self._reset())

    def close(self) -> None:
        self.block()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _reset(self) -> None:
        for writer in list(self._open):
            connected = writer.get_extra_info("socket")
            with suppress(OSError):
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            there, back = await asyncio.open_connection("localhost", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        self._open -= {writer, back}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await asyncio.sleep(self.delay)
                if not self.swallows:
                    writer.write(data)
                    await writer.drain()
        if not self.swallows:
            writer.close()


class Connector:
    """A listener as a connector has it. `wakes` counts the syncs it asked for, `states` is what it told."""

    def __init__(self, origin: str, credential: Credential, ca_file: Any, rhythm: Rhythm = QUICK) -> None:
        self.wakes = 0
        self.states: list[RealtimeState] = []
        egress = Egress(NONE, ca_file=ca_file)
        self.listener = Listener(
            origin,
            credential,
            egress,
            self._woken,
            self.states.append,
            ca_file=ca_file,
            rhythm=rhythm,
            chance=lambda: 0.05,
        )

    def _woken(self) -> None:
        self.wakes += 1

    @property
    def state(self) -> RealtimeState:
        return self.states[-1] if self.states else RealtimeState()

    def live(self, rung: str | None = None) -> None:
        """Wait until it is, by that rung."""
        wait_until(lambda: self.state.is_live and rung in (None, self.state.rung))

    def trouble(self, rung: str) -> str | None:
        """The last verdict on that rung's port."""
        return next((port.trouble for port in self.state.ports if port.rung == rung), None)
