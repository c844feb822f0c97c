"""slixmpp, an XMPP library that is not ours, as a connector would use it; it runs in a loop and a thread of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Coroutine
from typing import Any

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from dovetail.protocol.credential import tokenize
from dovetail.protocol.hints import TAG, Hint, jid, read
from dovetail.server.connections.pairing import Pairing
from server.web.conftest import Running

SECONDS = 10


class Peer(slixmpp.ClientXMPP):
    def __init__(self, running: Running, pairing: Pairing, *, direct: bool, password: str = "") -> None:
        super().__init__(
            f"{jid(pairing.connector_id, 'localhost')}/connector",
            password or tokenize(pairing.token),
            sasl_mech="SCRAM-SHA-256",
        )
        self.running = running
        self.enable_direct_tls, self.enable_starttls, self.enable_plaintext = direct, not direct, False
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0198")
        self.register_plugin("xep_0199", {"keepalive": False})
        self.hints: asyncio.Queue[Hint | None] = asyncio.Queue()
        self.seen: dict[str, asyncio.Event] = {}
        for event in ("session_start", "sm_enabled", "session_resumed", "failed_auth", "disconnected", "stream_error"):
            self.seen[event] = asyncio.Event()
            self.add_event_handler(event, lambda _, event=event: self.seen[event].set())
        self.errors: list[str] = []
        self.add_event_handler("stream_error", lambda error: self.errors.append(error["condition"]))
        # Not the event "message", which is for messages with a body.
        wanted = MatchXPath(f"{{jabber:client}}message/{TAG}")
        self.register_handler(Callback("Hint", wanted, lambda message: self.hints.put_nowait(read(message.xml))))

    def get_ssl_context(self) -> ssl.SSLContext:
        return self.running.trust

    def dial(self) -> None:
        port = self.running.xmpps_port if self.enable_direct_tls else self.running.xmpp_port
        self.connect("127.0.0.1", port)

    async def wait(self, event: str) -> None:
        async with asyncio.timeout(SECONDS):
            await self.seen[event].wait()
        self.seen[event].clear()

    async def hint(self) -> Hint | None:
        async with asyncio.timeout(SECONDS):
            return await self.hints.get()


class Library:
    """Runs slixmpp's coroutines for a test that blocks."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.peers: list[Peer] = []
        self.thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(SECONDS * 2)

    def peer(self, running: Running, pairing: Pairing, *, direct: bool = True, password: str = "") -> Peer:
        async def make() -> Peer:
            peer = Peer(running, pairing, direct=direct, password=password)
            peer.dial()
            return peer

        self.peers.append(self.run(make()))
        return self.peers[-1]

    def close(self) -> None:
        async def close() -> None:
            for peer in self.peers:
                peer.abort()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self.run(close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(SECONDS)
        self.loop.close()
