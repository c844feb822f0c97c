"""XMPP over WebSocket (RFC 7395), made to look like the TCP connection that slixmpp expects.

Each message is one element that stands for itself; ``<open/>`` and ``<close/>`` take the place of the stream's tags.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from typing import Any
from xml.etree.ElementTree import ParseError, fromstring
from xml.sax.saxutils import quoteattr

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from dovetail.connector.realtime.ladder import Place
from dovetail.connector.realtime.parser import MAX_BYTES, NotXmpp

FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
CLIENT = "jabber:client"
STREAMS = "http://etherx.jabber.org/streams"
GOODBYE_SECONDS = 2.0


async def open_websocket(
    protocol: asyncio.Protocol, stream: socket.socket, context: ssl.SSLContext, place: Place
) -> None:
    """TLS and the WebSocket handshake over a connected socket; then `protocol` has its connection.

    Raises OSError and websockets' InvalidHandshake.
    """
    host = f"[{place.host}]" if ":" in place.host else place.host
    connection = await connect(
        f"wss://{host}:{place.port}{place.path}",
        sock=stream,
        ssl=context,
        server_hostname=place.host,
        subprotocols=[Subprotocol("xmpp")],
        proxy=None,
        compression=None,
        open_timeout=None,
        ping_interval=None,
        close_timeout=GOODBYE_SECONDS,
        max_size=MAX_BYTES,
        user_agent_header=None,
    )
    protocol.connection_made(WebSocketTransport(connection, protocol))


class WebSocketTransport(asyncio.Transport):
    """What slixmpp writes becomes messages; what comes is handed to `protocol` as the stream that it would be."""

    def __init__(self, connection: ClientConnection, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._connection = connection
        self._protocol = protocol
        self._unsent: asyncio.Queue[str | None] = asyncio.Queue()
        self._is_closing = False
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._connection.transport.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        message = frame(bytes(data).decode())
        if message:
            self._unsent.put_nowait(message)

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        """Once everything is written."""
        self._is_closing = True
        self._unsent.put_nowait(None)

    def abort(self) -> None:
        self._is_closing = True
        self._connection.transport.abort()

    async def _read(self) -> None:
        lost: Exception | None = None
        try:
            async for message in self._connection:
                self._protocol.data_received(unframe(message))
        except (ConnectionClosed, NotXmpp, OSError) as error:
            lost = error
        self._tasks[1].cancel()
        self._connection.transport.abort()
        self._protocol.connection_lost(lost)

    async def _write(self) -> None:
        try:
            while (message := await self._unsent.get()) is not None:
                await self._connection.send(message)
            await self._connection.close()
        except (ConnectionClosed, OSError):
            return  # the reader tells


def frame(text: str) -> str:
    """One message for what slixmpp writes to a stream; empty for the white space that keeps TCP connections open."""
    if text.startswith("<stream:stream"):
        to = re.search(r" to='([^']*)'", text)
        return f"<open xmlns='{FRAMING}' to={quoteattr(to[1] if to else '')} version='1.0'/>"
    if text.startswith("</stream:stream"):
        return f"<close xmlns='{FRAMING}'/>"
    return re.sub(r"^<(iq|message|presence)(?=[\s/>])", rf"<\1 xmlns='{CLIENT}'", text.strip())


def unframe(message: str | bytes) -> bytes:
    """The part of a stream that a message stands for. Raises NotXmpp."""
    if isinstance(message, bytes):
        raise NotXmpp("a message is text")
    if not message.startswith(("<open", "<close")):
        return message.encode()
    try:
        element = fromstring(message)  # noqa: S314 - flat and short: no entity can be expanded in it
    except ParseError as error:
        raise NotXmpp(str(error)) from None
    if element.tag == f"{{{FRAMING}}}close":
        return b"</stream:stream>"
    if element.tag != f"{{{FRAMING}}}open":
        raise NotXmpp("no stream begins here")
    given = "".join(f" {name}={quoteattr(element.get(name, ''))}" for name in ("from", "id", "version"))
    return f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}'{given}>".encode()
