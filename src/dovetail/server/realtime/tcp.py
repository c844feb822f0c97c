"""Streams over TCP: STARTTLS on one port, TLS from the first byte (XEP-0368) on another.

Both begin as plain TCP and take the same step to TLS, so a connection counts from its first packet on, and a handshake
that never comes is as limited as a login that never comes.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from asyncio import sslproto

from dovetail.server.realtime.conversation import ANONYMOUS_LIMIT, Conversation
from dovetail.server.realtime.elements import CLIENT, STREAMS, Element, StreamError
from dovetail.server.realtime.hub import Hub
from dovetail.server.realtime.parser import Parser

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 15.0
GOODBYE_SECONDS = 2.0
"""For a client to take our last words; then it is cut off."""
UNSENT_BYTES = 64 * 1024
"""So much that a client has not taken, and it is read from no more."""
TLS_BUFFER_BYTES = 16 * 1024
"""One TLS record. asyncio's own 256 kB for each connection would be most of the server's memory."""

ERROR_HEADER = f"<?xml version='1.0'?><stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}' version='1.0'>"


def use_small_tls_buffers() -> None:
    """For all TLS connections of the process made from here on; there is no option for it."""
    sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES


class TcpWire(asyncio.Protocol):
    """One connection, in `wires` while it is open. `context` is for TLS; with `is_direct` TLS is begun at once."""

    def __init__(self, hub: Hub, context: ssl.SSLContext, wires: set[TcpWire], *, is_direct: bool) -> None:
        self.hub = hub
        self.wires = wires
        self.context = context
        self.is_direct = is_direct
        self.address = ""
        self.is_secure = False
        self.is_slow = False
        self._transport: asyncio.Transport
        self._conversation: Conversation | None = None
        self._parser = self._new_parser(ANONYMOUS_LIMIT)
        self._securing: asyncio.Task[None] | None = None
        self._early = bytearray()  # of the client's stream, come before start_tls returned
        self._is_ending = False

    # --- asyncio.Protocol -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.wires.add(self)
        self.address = (transport.get_extra_info("peername") or ("",))[0]
        transport.set_write_buffer_limits(UNSENT_BYTES)
        self._conversation = self.hub.admit(self)
        if self._conversation is None:
            if not self.is_direct:
                refusal = StreamError("policy-violation", "Too many connections of this address have not signed in.")
                self._send(f"{ERROR_HEADER}{refusal.xml()}</stream:stream>")
            self._is_ending = True
            transport.close()
        elif self.is_direct:
            self.begin_tls()

    def data_received(self, data: bytes) -> None:
        conversation = self._conversation
        if conversation is None or self._is_ending:
            return
        conversation.last_heard = self.hub.clock()
        if self._securing is not None:
            self._early += data
            if len(self._early) > ANONYMOUS_LIMIT:
                conversation.give_way()
            return
        try:
            self._parser.feed(data)
            if self._securing is not None and not data.rstrip().endswith(b">"):
                raise StreamError("policy-violation", "Nothing may follow <starttls/> in the clear.")
        except StreamError as error:
            self._stop_securing()
            conversation.fail(error)

    def pause_writing(self) -> None:
        self.is_slow = True
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self.is_slow = False
        if self._conversation is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._conversation.writable()

    def eof_received(self) -> None:
        return None

    def connection_lost(self, error: Exception | None) -> None:
        self.wires.discard(self)
        self._parser.stop()
        self._stop_securing()
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            conversation.over()

    # --- Wire -------------------------------------------------------------------------------------------------------

    def write(self, xml: str) -> None:
        if not self._is_ending and self._securing is None:
            self._send(xml)

    def write_header(self, head: str) -> None:
        self.write(f"<?xml version='1.0'?><stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}'{head}>")

    def begin_tls(self) -> None:
        """Reading stops at once: what the client sends next is TLS's, not ours."""
        self._transport.pause_reading()
        self._securing = asyncio.create_task(self._start_tls())

    def expect_stream(self, limit: int) -> None:
        self._parser.stop()
        self._parser = self._new_parser(limit)

    def end(self, last: str = "") -> None:
        if self._is_ending:
            return
        self._parser.stop()
        if self._securing is not None:  # there is nobody yet to understand it
            self.abort()
            return
        self.write(f"{last}</stream:stream>")
        self._is_ending = True
        self._transport.close()
        asyncio.get_running_loop().call_later(GOODBYE_SECONDS, self._transport.abort)

    def abort(self) -> None:
        self._is_ending = True
        self._transport.abort()
        self.connection_lost(None)  # asyncio does not tell of one that is lost in its TLS handshake

    # --- TLS --------------------------------------------------------------------------------------------------------

    async def _start_tls(self) -> None:
        conversation = self._conversation
        assert conversation is not None
        try:
            secured = await asyncio.get_running_loop().start_tls(
                self._transport,
                self,
                self.context,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=GOODBYE_SECONDS,
            )
        except OSError as error:  # of TLS and of the network alike
            error.__traceback__ = None  # else a circle in asyncio keeps 75 kB until garbage is collected
            self.hub.count("tls-failed")
            self._securing = None
            conversation.give_way()
            return
        assert secured is not None
        self._transport, self.is_secure, self._securing = secured, True, None
        secured.set_write_buffer_limits(UNSENT_BYTES)
        conversation.secured()
        early, self._early = bytes(self._early), bytearray()
        if early:
            self.data_received(early)

    def _stop_securing(self) -> None:
        securing, self._securing = self._securing, None
        if securing is not None:
            securing.cancel()

    # --- the stream -------------------------------------------------------------------------------------------------

    def _new_parser(self, limit: int) -> Parser:
        return Parser(limit, self._element, self._opened, self._closed)

    def _opened(self, root: Element) -> None:
        assert self._conversation is not None
        if root.name != "stream":
            raise StreamError("bad-format")
        if root.namespace != STREAMS:
            raise StreamError("invalid-namespace")
        self._conversation.opened(root)

    def _element(self, element: Element) -> None:
        assert self._conversation is not None
        self._conversation.received(element)

    def _closed(self) -> None:
        assert self._conversation is not None
        self._conversation.closed_by_client()

    def _send(self, xml: str) -> None:
        if not self._transport.is_closing():
            self._transport.write(xml.encode())
