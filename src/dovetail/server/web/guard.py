"""uvicorn's HTTP/1.1 protocol with what it lacks: a time limit and a size limit for the head of a request.

Without them half a request line holds a connection for ever, and endless header lines fill the memory. The
clock starts with the connection or the first byte after an answered request and does not start again with
every byte, so dripping does not help. Between requests uvicorn's keep-alive limit holds, during a body the
bridge's, before the TLS handshake asyncio's (60 s).
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class GuardedProtocol(HttpToolsProtocol):
    """Closes a connection whose request head takes too long or grows too large (431, RFC 6585)."""

    head_seconds: ClassVar[float] = 10.0
    head_bytes: ClassVar[int] = 32 * 1024
    goodbye_seconds: ClassVar[float] = 1.0

    deadline: asyncio.TimerHandle | None = None
    head_received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.start_clock()

    def data_received(self, data: bytes) -> None:
        if not self.request_running():
            room = self.head_bytes - self.head_received
            head, data = data[:room], data[room:]
            super().data_received(head)
            if self.request_running() or self.upgraded():
                self.stop_clock()
            elif not self.transport.is_closing():
                self.head_received += len(head)
                self.start_clock()
                if self.head_received >= self.head_bytes:
                    self.transport.write(HEAD_TOO_LARGE)
                    self.transport.close()
        if data and self.request_running():
            super().data_received(data)

    def shutdown(self) -> None:
        """The server stops: close an idle connection, also when its client does not answer TLS's good-bye."""
        super().shutdown()
        if self.transport.is_closing():
            self.stop_clock()
            self.deadline = self.loop.call_later(self.goodbye_seconds, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_clock()
        super().connection_lost(exc)

    def request_running(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def upgraded(self) -> bool:
        return self.transport.get_protocol() is not self

    def start_clock(self) -> None:
        if self.deadline is None:
            self.deadline = self.loop.call_later(self.head_seconds, self.transport.abort)

    def stop_clock(self) -> None:
        self.head_received = 0
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
