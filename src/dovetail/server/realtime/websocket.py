"""Streams over WebSocket (RFC 7395) at the address of the web pages, for networks that let nothing else through.

An ASGI application for its path. Each message is one element; ``<open/>`` and ``<close/>`` stand for the stream's tags.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from dovetail.server.realtime.conversation import ANONYMOUS_LIMIT, Conversation
from dovetail.server.realtime.elements import FRAMING, StreamError
from dovetail.server.realtime.hub import Hub
from dovetail.server.realtime.parser import read_message
from dovetail.server.realtime.tcp import GOODBYE_SECONDS
from dovetail.server.web.bridge import Receive, Scope, Send

SUBPROTOCOL = "xmpp"
MAX_UNSENT = 32
"""So many messages that a client has not taken, and it is read from no more."""

_TRY_AGAIN = 1013


class WebSocketEndpoint:
    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if SUBPROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.close"})  # before it is accepted: answered 403
            return
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        wire = WebSocketWire(scope["client"][0] if scope["client"] else "")
        conversation = self.hub.admit(wire)
        if conversation is None:
            await send({"type": "websocket.close", "code": _TRY_AGAIN})
            return
        await wire.run(conversation, receive, send)


class WebSocketWire:
    """One connection, already over TLS: the web server speaks nothing else."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.is_secure = True
        self._limit = ANONYMOUS_LIMIT
        self._unsent: asyncio.Queue[str | None] = asyncio.Queue()  # None: close
        self._drained = asyncio.Event()
        self._drained.set()
        self._ended = asyncio.Event()
        self._aborted = asyncio.Event()

    @property
    def is_slow(self) -> bool:
        return self._unsent.qsize() >= MAX_UNSENT

    async def run(self, conversation: Conversation, receive: Receive, send: Send) -> None:
        """Until either side closes, or `abort`."""
        reading = asyncio.create_task(self._read(conversation, receive))
        writing = asyncio.create_task(self._write(conversation, send))
        aborted = asyncio.create_task(self._aborted.wait())
        tasks = {reading, writing, aborted}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._ended.is_set() and not aborted.done():
                await asyncio.wait({writing, aborted}, timeout=GOODBYE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            conversation.over()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # --- Wire -------------------------------------------------------------------------------------------------------

    def write(self, xml: str) -> None:
        if not self._ended.is_set():
            self._unsent.put_nowait(xml)
            if self.is_slow:
                self._drained.clear()

    def write_header(self, head: str) -> None:
        self.write(f"<open xmlns='{FRAMING}'{head}/>")

    def begin_tls(self) -> None:
        raise AssertionError("a WebSocket is secure from the beginning")

    def expect_stream(self, limit: int) -> None:
        self._limit = limit

    def end(self, last: str = "") -> None:
        if last:
            self.write(last)
        self.write(f"<close xmlns='{FRAMING}'/>")
        self._unsent.put_nowait(None)
        self._ended.set()

    def abort(self) -> None:
        self._ended.set()
        self._aborted.set()

    # --- the two directions -----------------------------------------------------------------------------------------

    async def _read(self, conversation: Conversation, receive: Receive) -> None:
        while not self._ended.is_set():
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            conversation.last_heard = conversation.hub.clock()
            try:
                self._take(conversation, message.get("text"))
            except StreamError as error:
                conversation.fail(error)
            await self._drained.wait()

    def _take(self, conversation: Conversation, text: str | None) -> None:
        if text is None:
            raise StreamError("bad-format", "A message is text.")
        element = read_message(text.encode(), self._limit)
        if element.is_a(FRAMING, "open"):
            conversation.opened(element)
        elif element.is_a(FRAMING, "close"):
            conversation.closed_by_client()
        else:
            conversation.received(element)

    async def _write(self, conversation: Conversation, send: Send) -> None:
        with suppress(OSError):
            while (xml := await self._unsent.get()) is not None:
                await send({"type": "websocket.send", "text": xml})
                if not self.is_slow and not self._drained.is_set():
                    self._drained.set()
                    conversation.writable()
            await send({"type": "websocket.close", "code": 1000})
