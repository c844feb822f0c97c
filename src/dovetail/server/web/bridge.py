"""From ASGI to WSGI (PEP 3333): runs the Django application in a small, fixed pool of threads.

Django under its own ASGI handler costs half the throughput and a new database connection a request; here four
threads keep theirs. A request reaches a thread only when its whole body has arrived within the limits of its
path, so a slow client holds no thread. An answer is fetched in parts of up to 64 KiB, and a slow reader holds
no thread either: a streamed answer may be continued on another thread and must not be fed from an open
database cursor.

WebSockets go to the handler of their path; a path without one is closed with 1008 (RFC 6455 section 7.4.1).
Left out: the `write` callable's unbuffered sending, `wsgi.file_wrapper`, forwarded-for headers.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment

from dovetail.protocol import problems

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
WebSocketHandler = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

THREADS = 4
PART_BYTES = 64 * 1024
BODIES_BYTES = 64 * 2**20  # of all requests that are being received or answered
SEND_SECONDS = 30.0  # a client that takes no part of an answer for so long is cut off
LINGER_SECONDS = 2.0  # for so long, and for so many bytes, the rest of a refused body is read and thrown away
LINGER_BYTES = 32 * 2**20


class BodyLimit(NamedTuple):
    """The most a request body may take: `size` in bytes, `seconds` until its last byte."""

    size: int
    seconds: float


PAGE_LIMIT = BodyLimit(2**20, 30.0)
SYNC_LIMIT = BodyLimit(16 * 2**20, 120.0)


def body_limit(path: str) -> BodyLimit:
    """A first sync carries a whole busy map, everything else is a form."""
    return SYNC_LIMIT if path.startswith("/connector/v1/sync") else PAGE_LIMIT


class Refused(Exception):
    """The request is answered here, with `problem`, without asking the application."""

    def __init__(self, problem: problems.ProblemDetails) -> None:
        super().__init__(problem.title)
        self.problem = problem


class ClientGone(Exception):
    """The client closed the connection, or takes nothing of its answer any more."""


def too_large(limit: int) -> Refused:
    detail = f"The body of this request may have at most {limit} bytes."
    return Refused(problems.problem(problems.ProblemCode.TOO_LARGE, 413, "Content Too Large", detail))


def too_slow(seconds: float) -> Refused:
    detail = f"The body of this request has to arrive within {seconds:.0f} seconds."
    return Refused(problems.problem(problems.ProblemCode.BUSY, 408, "Request Timeout", detail))


def too_busy() -> Refused:
    detail = "The server is receiving too much at once. Try again in a few seconds."
    code = problems.ProblemCode.BUSY
    return Refused(problems.problem(code, 503, "Service Unavailable", detail, retry_after=5))


@dataclass
class Answer:
    """What the application said, and the iterator its remaining parts come from."""

    status: int = 500
    headers: Headers = field(default_factory=list)
    parts: Iterator[bytes] = field(default_factory=lambda: iter(()))
    close: Callable[[], object] | None = None

    def pull(self) -> tuple[bytes, bool]:
        """The next part, and whether there are more; the application's iterable is closed after the last."""
        gathered = io.BytesIO()
        for part in self.parts:
            gathered.write(part)
            if gathered.tell() >= PART_BYTES:
                return gathered.getvalue(), True
        self.finish()
        return gathered.getvalue(), False

    def finish(self) -> None:
        close, self.close = self.close, None
        if close is not None:
            close()


def call(application: WSGIApplication, environ: WSGIEnvironment) -> tuple[Answer, bytes, bool]:
    """Run the application up to the first part of its answer."""
    answer = Answer()
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        answer.status = int(status.split(" ", 1)[0])
        # Django emits cookies with a leading blank, which is not a valid header value on the wire.
        answer.headers = [(n.lower().encode("latin-1"), v.strip().encode("latin-1")) for n, v in headers]
        return written.append

    iterable: Iterable[bytes] = application(environ, start_response)
    answer.close = getattr(iterable, "close", None)
    try:
        answer.parts = iter(iterable)
        part, more = answer.pull()
    except BaseException:
        answer.finish()
        raise
    return answer, b"".join(written) + part, more


def environ_of(scope: Scope, body: bytes) -> WSGIEnvironment:
    """The WSGI environment of a request that has come over TLS."""
    server, port = scope["server"]
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:  # would pass for the header that has "-" in its place
            continue
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        if name == "TRANSFER_ENCODING":  # undone by now
            continue
        key = name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"
        value = raw_value.decode("latin-1")
        if key in environ:
            value = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
        environ[key] = value
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def declared_length(scope: Scope) -> int:
    """Content-Length as the client gave it (the HTTP parser has seen to its form), 0 without one."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


class Bridge:
    """The ASGI application of the process. `close()` when no request is left."""

    def __init__(
        self,
        application: WSGIApplication,
        *,
        threads: int = THREADS,
        limit: Callable[[str], BodyLimit] = body_limit,
        websockets: Mapping[str, WebSocketHandler] | None = None,
    ) -> None:
        self.application = application
        self.limit = limit
        self.websockets = websockets or {}
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="web")
        self.held = 0  # bytes of bodies in memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.websockets.get(scope["path"], close_websocket)(scope, receive, send)
        else:
            await self.http(scope, receive, send)

    def close(self) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        try:
            await self.read_body(scope, receive, body)
            await self.answer(environ_of(scope, bytes(body)), receive, send)
        except Refused as refused:
            self.release(body)
            await refuse(refused.problem, receive, send)
        except ClientGone:
            pass  # nobody to answer; the connection closes with this return
        finally:
            self.release(body)

    def release(self, body: bytearray) -> None:
        self.held -= len(body)
        body.clear()

    async def read_body(self, scope: Scope, receive: Receive, body: bytearray) -> None:
        """Read the whole body into `body`. Raises Refused beyond a limit, ClientGone when the client left."""
        limit = self.limit(scope["path"])
        if declared_length(scope) > limit.size:
            raise too_large(limit.size)
        try:
            async with asyncio.timeout(limit.seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    part = message.get("body", b"")
                    body += part
                    self.held += len(part)
                    if len(body) > limit.size:
                        raise too_large(limit.size)
                    if self.held > BODIES_BYTES:
                        raise too_busy()
                    more = message.get("more_body", False)
        except TimeoutError:
            raise too_slow(limit.seconds) from None

    async def answer(self, environ: WSGIEnvironment, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        answer, part, more = await loop.run_in_executor(self.pool, call, self.application, environ)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        if not more:
            await send({"type": "http.response.body", "body": part})
            return
        gone = asyncio.ensure_future(receive())  # says only "disconnect" from here on
        try:
            await send_part(send, part, more)
            while more and not gone.done():
                part, more = await loop.run_in_executor(self.pool, answer.pull)
                await send_part(send, part, more)
        finally:
            gone.cancel()
            await loop.run_in_executor(self.pool, answer.finish)


async def send_part(send: Send, part: bytes, more: bool) -> None:
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": part, "more_body": more})
    except TimeoutError:
        raise ClientGone from None


async def refuse(problem: problems.ProblemDetails, receive: Receive, send: Send) -> None:
    """Answer with a problem and close the connection.

    What the client is still sending is thrown away for a moment: to close on unread data resets the
    connection, and the client may lose the answer with it.
    """
    content = problem.model_dump_json(exclude_none=True).encode()
    headers = [
        (b"content-type", problems.CONTENT_TYPE.encode()),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
    ]
    if problem.retry_after is not None:
        headers.append((b"retry-after", str(problem.retry_after).encode()))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": True})
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            await throw_away(receive, LINGER_BYTES)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def throw_away(receive: Receive, size: int) -> None:
    more = True
    while more and size > 0:
        message = await receive()
        size -= len(message.get("body", b""))
        more = message.get("more_body", False)


async def close_websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """Close a WebSocket nobody waits for: 1008, "policy violation"."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 1008})
