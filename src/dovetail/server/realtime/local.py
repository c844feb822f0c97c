"""Between processes on one machine, with SQLite: datagrams on loopback.

The process with the sessions leaves its port in the data directory. Each datagram is signed with a key made of the
server's secret, which only who may read that directory knows. One may be lost, as a hint may; a revocation that is lost
is found by the next look at the database. A datagram and not a stream: nobody who has just booked waits for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from dovetail.protocol.hints import Hint
from dovetail.server.realtime import notices
from dovetail.server.realtime.bus import Sessions

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
SIGNATURE_BYTES = hashlib.sha256().digest_size


def port_file(data: Path) -> Path:
    return data / "realtime.port"


class LocalBus:
    """To the process of the same data directory that has the sessions, if there is one."""

    def __init__(self, data: Path, secret: str) -> None:
        self._file = port_file(data)
        self._secret = secret

    def hint(self, connector_id: str, hint: Hint) -> None:
        self._send(notices.hint(connector_id, hint))

    def kick(self, connector_id: str) -> None:
        self._send(notices.kick(connector_id))

    def _send(self, notice: str) -> None:
        datagram = _sign(notice.encode(), self._secret) + notice.encode()
        with suppress(OSError, ValueError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
            sending.sendto(datagram, (LOOPBACK, int(self._file.read_text())))


class LocalInbox(asyncio.DatagramProtocol):
    """Of the process that has the sessions."""

    def __init__(self, data: Path, secret: str) -> None:
        self._file = port_file(data)
        self._secret = secret
        self._sessions: Sessions | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._port = ""

    async def start(self, sessions: Sessions) -> None:
        self._sessions = sessions
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(LOOPBACK, 0))
        self._port = str(self._transport.get_extra_info("sockname")[1])
        new = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        new.write_text(self._port)
        new.replace(self._file)

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()
        with suppress(OSError):
            if self._file.read_text() == self._port:  # nobody has taken our place
                self._file.unlink()

    def datagram_received(self, data: bytes, address: Any) -> None:
        signature, notice = data[:SIGNATURE_BYTES], data[SIGNATURE_BYTES:]
        if self._sessions is None or not hmac.compare_digest(signature, _sign(notice, self._secret)):
            return
        try:
            notices.deliver(notice.decode(), self._sessions)
        except (ValueError, KeyError):
            log.error("Another version of the server runs beside this one")


def _sign(notice: bytes, secret: str) -> bytes:
    return hmac.digest(f"dovetail realtime {secret}".encode(), notice, hashlib.sha256)
