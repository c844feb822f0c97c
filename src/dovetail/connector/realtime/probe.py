"""Whether a way that was closed is open again, found out beside the connection that is in use.

As far as it takes to meet an XMPP server behind it: its features, with STARTTLS where that is due. Nobody signs in.
"""

from __future__ import annotations

import asyncio
import contextlib
from xml.sax.saxutils import quoteattr

from dovetail.connector.link.egress import Egress
from dovetail.connector.link.verdicts import Phase
from dovetail.connector.realtime.diagnosis import StreamDown, Trouble, diagnose
from dovetail.connector.realtime.ladder import Place, Rung
from dovetail.connector.realtime.parser import MAX_BYTES

_PROMISED = {Rung.DIRECT_TLS: b"<mechanisms", Rung.STARTTLS: b"<starttls"}


async def probe(place: Place, domain: str, egress: Egress, seconds: float) -> None:
    """Returns where an XMPP server answers. Raises StreamDown."""
    phase = Phase.TCP
    try:
        async with asyncio.timeout(seconds):
            socket = await egress.open_async(place.host, place.port, seconds)
            phase = Phase.TLS if place.rung is Rung.DIRECT_TLS else Phase.ANSWER
            context = egress.ssl_context() if place.rung is Rung.DIRECT_TLS else None
            name = place.host if context is not None else None
            reader, writer = await asyncio.open_connection(sock=socket, ssl=context, server_hostname=name)
            phase = Phase.ANSWER
            try:
                await _meet(reader, writer, domain, _PROMISED[place.rung])
            finally:
                writer.transport.abort()
    except OSError as error:
        raise StreamDown(diagnose(error, phase)) from None


async def _meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, domain: str, promised: bytes) -> None:
    writer.write(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
        f" to={quoteattr(domain)} version='1.0'>".encode()
    )
    said = b""
    while promised not in said:
        piece = await reader.read(4096)
        if not piece:
            raise ConnectionResetError
        said += piece
        if not said.startswith(b"<") or len(said) > MAX_BYTES:
            raise StreamDown(Trouble.NOT_XMPP)
        if b"</stream:features>" in said and promised not in said:
            raise StreamDown(Trouble.NO_STARTTLS if promised == b"<starttls" else Trouble.UNSAFE)
    with contextlib.suppress(OSError):
        writer.write(b"</stream:stream>")
        await writer.drain()
