"""Many light XMPP clients in one process, the same for every server: ``python -m benchmarks.peers.xmpp_crowd``.

Told what to do by JSON lines on standard input, each answered by one on standard output. Instants are of the system's
monotonic clock, which all processes of a machine share. A client does what a connector does: TLS from the first byte,
SCRAM-SHA-256, bind, stream management with resumption (XEP-0198); the salted password is kept between two logins
(RFC 5802 section 5.1), so that not the clients' own work is measured.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import random
import re
import secrets
import ssl
import sys
import time
from asyncio import sslproto
from collections import defaultdict
from functools import cache
from typing import Any

HEADER = (
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
    " to='localhost' version='1.0'>"
)
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
MANAGEMENT = "urn:xmpp:sm:3"
BIND = (
    "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>connector</resource></bind></iq>"
)
WHOLE = re.compile(r"<message\b.*?</message>|<r\b[^>]*?(?:/>|></r>)", re.DOTALL)
CURSOR = re.compile(r"cursor=['\"]([^'\"]*)")
DEADLINE = 15.0
BACKOFF_FIRST, BACKOFF_LAST = 2.0, 300.0


@cache
def salted(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)


class Refused(ConnectionError):
    """The server ended the stream, or did not let the client in."""


class Client(asyncio.Protocol):
    def __init__(self, crowd: Crowd, name: str) -> None:
        self.crowd, self.name = crowd, name
        self.previd, self.handled = "", 0
        self.is_live = False
        self.buffer = ""
        self.waiting: asyncio.Future[None] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport, self.buffer = transport, ""

    def data_received(self, data: bytes) -> None:
        self.buffer += data.decode()
        if self.is_live:
            self._hear()
        elif self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(error or Refused("closed"))
        was_live, self.is_live = self.is_live, False
        if was_live:
            self.crowd.lost(self)

    def send(self, said: str) -> None:
        if self.transport is None:
            raise Refused("closed")
        self.transport.write(said.encode())

    async def until(self, end: str) -> str:
        while end not in self.buffer:
            if "<failure" in self.buffer or "<stream:error" in self.buffer:
                raise Refused(self.buffer[:300])
            if self.transport is None:
                raise Refused("closed")
            self.waiting = asyncio.get_running_loop().create_future()
            await self.waiting
        found, _, self.buffer = self.buffer.partition(end)
        return found + end

    async def come(self, port: int) -> None:
        """A session over a new connection: the old one resumed, where there is one. Raises OSError."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(DEADLINE):
                await loop.create_connection(
                    lambda: self, "127.0.0.1", port, ssl=self.crowd.context, server_hostname="localhost"
                )
                await self._sign_in()
                await self._resume_or_bind()
        except BaseException:
            if self.transport is not None:
                self.transport.abort()
            raise
        self.is_live = True
        self._hear()

    async def _sign_in(self) -> None:
        self.send(HEADER)
        await self.until("</stream:features>")
        bare = f"n={self.name},r={secrets.token_hex(12)}"
        first = base64.b64encode(f"n,,{bare}".encode()).decode()
        self.send(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>{first}</auth>")
        challenge = _carried(await self.until("</challenge>"))
        nonce, salt, iterations = re.match(r"r=([^,]+),s=([^,]+),i=(\d+)", challenge).groups()  # type: ignore[union-attr]
        password = salted(self.crowd.password, base64.b64decode(salt), int(iterations))
        unproved = f"c=biws,r={nonce}"
        key = hmac.digest(password, b"Client Key", "sha256")
        stored = hashlib.sha256(key).digest()
        signature = hmac.digest(stored, f"{bare},{challenge},{unproved}".encode(), "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
        final = base64.b64encode(f"{unproved},p={proof}".encode()).decode()
        self.send(f"<response xmlns='{SASL}'>{final}</response>")
        await self.until("</success>")
        self.send(HEADER)
        await self.until("</stream:features>")

    async def _resume_or_bind(self) -> None:
        if self.previd:
            self.send(f"<resume xmlns='{MANAGEMENT}' previd='{self.previd}' h='{self.handled}'/>")
            if "<resumed" in await self.until(">"):
                self.crowd.resumed += 1
                return
            self.buffer = ""
        self.send(BIND)
        await self.until("</iq>")
        self.send(f"<enable xmlns='{MANAGEMENT}' resume='true'/>")
        await self.until("<enabled")
        self.previd, self.handled = re.search(r" id=['\"]([^'\"]+)", await self.until(">"))[1], 0  # type: ignore[index]

    def _hear(self) -> None:
        end = 0
        for whole in WHOLE.finditer(self.buffer):
            end = whole.end()
            if whole[0].startswith("<message"):
                self.handled += 1
                self.crowd.heard[CURSOR.search(whole[0])[1]].append(time.monotonic())  # type: ignore[index]
            else:
                self.send(f"<a xmlns='{MANAGEMENT}' h='{self.handled}'/>")
        self.buffer = self.buffer[end:]
        self.crowd.news.set()


def _carried(element: str) -> str:
    return base64.b64decode(element.rpartition("</")[0].rpartition(">")[2]).decode()


class Crowd:
    def __init__(self, names: list[str], password: str, ca_file: str) -> None:
        self.context = ssl.create_default_context(cafile=ca_file)
        self.context.set_alpn_protocols(["xmpp-client"])
        self.password = password
        self.clients = [Client(self, name) for name in names]
        self.heard: dict[str, list[float]] = defaultdict(list)
        self.news = asyncio.Event()
        self.resumed = 0
        self.refused = 0
        self.port = 0
        self.comes_back = False
        self.coming: set[asyncio.Task[None]] = set()

    async def connect(self, port: int, number: int, at_once: int = 40) -> dict[str, Any]:
        """Until so many are there."""
        self.port = port
        places = asyncio.Semaphore(at_once)

        async def come(client: Client) -> None:
            async with places:
                await client.come(port)

        began = time.monotonic()
        await asyncio.gather(*(come(client) for client in self.clients[:number] if not client.is_live))
        return {"seconds": time.monotonic() - began}

    async def collect(self, cursor: str, number: int) -> dict[str, Any]:
        """When a hint came, at each client that it came to."""
        async with asyncio.timeout(30):
            while len(self.heard[cursor]) < number:
                self.news.clear()
                await self.news.wait()
        return {"times": self.heard.pop(cursor)}

    async def leave(self) -> dict[str, Any]:
        """All of them, in good form."""
        for client in self.clients:
            if client.transport is not None:
                client.is_live, client.previd = False, ""
                client.send("</stream:stream>")
                client.transport.close()
        return {}

    def lost(self, client: Client) -> None:
        if self.comes_back:
            task = asyncio.create_task(self._again(client))
            self.coming.add(task)
            task.add_done_callback(self.coming.discard)

    async def _again(self, client: Client) -> None:
        """As a connector's ladder spaces its tries: full jitter, each pause up to twice as long as the one before."""
        pause = BACKOFF_FIRST
        while not client.is_live:
            await asyncio.sleep(random.random() * pause)
            pause = min(BACKOFF_LAST, 2 * pause)
            with contextlib.suppress(OSError):
                await client.come(self.port)
                self.news.set()
                return
            self.refused += 1

    async def survive(self) -> dict[str, Any]:
        """From here on they come back by themselves."""
        self.comes_back, self.resumed, self.refused = True, 0, 0
        return {}

    async def all_back(self, number: int) -> dict[str, Any]:
        """Once all have been lost and are there again."""
        async with asyncio.timeout(120):
            while self.resumed < number or sum(client.is_live for client in self.clients) < number:
                self.news.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.news.wait(), 0.5)
        self.comes_back = False
        return {"at": time.monotonic(), "resumed": self.resumed, "refused": self.refused}


async def main() -> None:
    sslproto.SSLProtocol.max_size = 16 * 1024  # type: ignore[attr-defined]
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**22)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    crowd = Crowd(**json.loads(await reader.readline()))
    while line := await reader.readline():
        order = json.loads(line)
        answer = await getattr(crowd, order.pop("do"))(**order)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
