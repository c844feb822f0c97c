"""One connection of a component (XEP-0114) to its XMPP server: the stream, the handshake, and its end."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

from dovetail.server.realtime.elements import PING, STREAMS, Element, StreamError, attributes
from dovetail.server.realtime.parser import Parser
from dovetail.server.xmpp_server import ComponentAccount

COMPONENT = "jabber:component:accept"

OPEN_SECONDS = 10.0
PING_EVERY, PING_WAIT = 45.0, 15.0
STANZA_BYTES = 64 * 1024
UNSENT_BYTES = 4 * 1024 * 1024
"""So much that the server has not taken, and it takes nothing."""


class LinkDown(Exception):
    """The XMPP server does not take us, or no more."""


class Link:
    """Made by `open`. `on_stanza` hears what the server says from then on."""

    def __init__(
        self,
        account: ComponentAccount,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_stanza: Callable[[Element], None],
    ) -> None:
        self._account = account
        self._reader, self._writer = reader, writer
        self._on_stanza = on_stanza
        self._is_accepted = False
        self._parser = Parser(STANZA_BYTES, self._on_element, self._on_open, self._on_close)

    @classmethod
    async def open(cls, account: ComponentAccount, on_stanza: Callable[[Element], None]) -> Link:
        """Connected, and accepted. Raises OSError and LinkDown."""
        async with asyncio.timeout(OPEN_SECONDS):
            link = cls(account, *await asyncio.open_connection(account.host, account.port), on_stanza)
            try:
                head = attributes(to=account.name)
                link.write(f"<stream:stream xmlns='{COMPONENT}' xmlns:stream='{STREAMS}'{head}>")
                while not link._is_accepted:
                    await link._read()
            except BaseException:
                link.close()
                raise
        return link

    def write(self, xml: str) -> None:
        if self._writer.transport.get_write_buffer_size() > UNSENT_BYTES:
            self.close()
        self._writer.write(xml.encode())

    async def last(self, domain: str) -> None:
        """Read for as long as the server is there; silent, it is pinged at `domain`. Raises OSError and LinkDown."""
        head = attributes(from_=self._account.name, to=domain, type="get", id="ping")
        while True:
            try:
                async with asyncio.timeout(PING_EVERY):
                    await self._read()
            except TimeoutError:
                self.write(f"<iq{head}><ping xmlns='{PING}'/></iq>")
                async with asyncio.timeout(PING_WAIT):
                    await self._read()

    def close(self) -> None:
        self._writer.transport.abort()

    async def _read(self) -> None:
        data = await self._reader.read(65536)
        if not data:
            raise LinkDown("it was closed")
        try:
            self._parser.feed(data)
        except StreamError as error:
            raise LinkDown(f"what it says is no XMPP ({error.condition})") from None

    def _on_open(self, stream: Element) -> None:
        proof = hashlib.sha1(f"{stream.attributes.get('id', '')}{self._account.secret}".encode())  # noqa: S324 - XEP-0114
        self.write(f"<handshake>{proof.hexdigest()}</handshake>")

    def _on_element(self, element: Element) -> None:
        if element.is_a(STREAMS, "error"):
            raise LinkDown(element.children[0].name if element.children else "error")
        if element.is_a(COMPONENT, "handshake"):
            self._is_accepted = True
        elif self._is_accepted:
            self._on_stanza(element)

    def _on_close(self) -> None:
        raise LinkDown("it was closed")
