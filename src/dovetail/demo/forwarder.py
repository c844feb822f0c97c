"""A TCP port on loopback that leads to another, and a network that can go wrong between the two.

What it does to those who go through it: refuse and reset, swallow without a word, hold back, let little through. The
forwarder runs in a thread of its own; all its methods may be called from any other.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

PIECE = 65536
ABORT = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""Linger on, for no time: closing resets."""


class Forwarder:
    """`port` leads to `target`. `swallows`: nothing more goes through, and nobody is told; `delay` in seconds holds
    each piece back; `rate` in bytes a second is all that one direction of a connection carries."""

    tls: ssl.SSLContext | None = None

    def __init__(self, target: int = 0, port: int = 0) -> None:
        self.target = target
        self.swallows = False
        self.delay = 0.0
        self.rate: float | None = None
        self.accepted = 0
        self.port = port
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
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
        if self._server is None:
            self._server = await asyncio.start_server(self._forward, "127.0.0.1", self.port, ssl=self.tls, backlog=1024)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _reset(self) -> None:
        for writer in list(self._open):
            connected = writer.get_extra_info("socket")
            with suppress(OSError):
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            writer.transport.abort()

    async def _end(self) -> None:
        """What was reset ends by itself; what still waits to reach the other side does not."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        if not tasks:
            return
        _, waiting = await asyncio.wait(tasks, timeout=1)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._open.add(writer)
        try:
            there, back = await self._reach()
            self._open.add(back)
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
            self._open.discard(back)
        except OSError:
            writer.transport.abort()
        finally:
            self._open.discard(writer)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.target)

    def passes(self, piece: bytes) -> bool:
        return True

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(PIECE if self.rate is None else max(1, int(self.rate / 10))):
                if not self.passes(data):
                    break
                await asyncio.sleep(self.delay if self.rate is None else len(data) / self.rate)
                if not self.swallows:
                    writer.write(data)
                    await writer.drain()
        if not self.swallows:
            writer.close()
