"""The plain HTTP port: answers every request with 308 (RFC 9110 section 15.4.9) to the same path by HTTPS.

Host and port of the answer come from the configuration, never from the Host header, so no link can be made
that passes through here to somewhere else. One request a connection, 8 KiB of it, 5 seconds for it.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus

HEAD_BYTES = 8 * 1024
SECONDS = 5.0

# Origin form, or the absolute form a proxy may send, of which only the path counts.
REQUEST_LINE = re.compile(
    rb"[A-Z]{1,16} (?:http://[^/\s\x00-\x1f\x7f-\xff]+)?(/[\x21-\x7e]*) HTTP/1\.[01]\r\n", re.IGNORECASE
)


def authority(host: str, port: int) -> str:
    """Host and port as they stand in an https URL: 443 left out, IPv6 in brackets."""
    host = f"[{host}]" if ":" in host else host
    return host if port == 443 else f"{host}:{port}"


class Redirect:
    """Answers the connections of `asyncio.start_server(redirect, limit=HEAD_BYTES, ...)`."""

    def __init__(self, host: str, port: int) -> None:
        self.origin = f"https://{authority(host, port)}".encode("ascii")

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(SECONDS):
                writer.write(await self.reply(reader))
                await writer.drain()
        writer.close()

    async def reply(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        except asyncio.IncompleteReadError:
            return b""
        request = REQUEST_LINE.match(head)
        if request is None:
            return response(HTTPStatus.BAD_REQUEST)
        return response(HTTPStatus.PERMANENT_REDIRECT, b"location: " + self.origin + request[1] + b"\r\n")


def response(status: HTTPStatus, header: bytes = b"") -> bytes:
    line = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    date = f"date: {formatdate(usegmt=True)}\r\n".encode()  # by it a PC learns that its clock is wrong
    return line + date + header + b"content-length: 0\r\nconnection: close\r\n\r\n"
