"""The server process: HTTPS, the redirect from plain HTTP, XMPP and the job worker around one asyncio loop.

`run` returns after SIGTERM, SIGINT or (Windows) SIGBREAK: no new connections, XMPP clients are told, requests in
flight are answered, WebSockets closed with 1012, the job at hand finished. A second signal ends the process at once.
Nothing here logs a body, a query string or a client.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NamedTuple, Protocol
from wsgiref.types import WSGIApplication

import uvicorn

from dovetail.server.web import bridge, listen, redirect, tls
from dovetail.server.web.guard import GuardedProtocol

GRACE_SECONDS = 10
KEEP_ALIVE_SECONDS = 30

SIGNALS = [signal.SIGTERM, signal.SIGINT]
if sys.platform == "win32":
    SIGNALS.append(signal.SIGBREAK)


class Listening(NamedTuple):
    """The ports that are open now; `http_port` is None without a redirect, an XMPP port where it is switched off."""

    port: int
    http_port: int | None
    xmpp_port: int | None = None
    xmpps_port: int | None = None


class Worker(Protocol):
    """The job worker: `run` blocks its thread until `stop` is called from another."""

    def run(self) -> None: ...

    def stop(self) -> None: ...


class Realtime(Protocol):
    """Streams of XMPP: on WebSockets by their path, and on listening sockets for STARTTLS and for direct TLS, where it
    `listens`."""

    @property
    def listens(self) -> bool: ...

    @property
    def websockets(self) -> Mapping[str, bridge.WebSocketHandler]: ...

    async def start(
        self, context: ssl.SSLContext, starttls: Sequence[socket.socket], direct: Sequence[socket.socket]
    ) -> None: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True)
class ServeOptions:
    """What to serve and where.

    `host` is the interface (None: all); `port` and `http_port` may be 0 (the system chooses), `http_port`
    None means no redirect. The redirect leads to `public_host` and `public_port` (None: the port listened
    on). `certificate` and `key` are PEM files; `renew` is called every `certificate_poll` seconds and may
    rewrite them. `realtime` listens on `xmpp_port` and `xmpps_port` (None: not there), with the same
    certificate. `on_ready` is called in the loop's thread once the ports are open.
    """

    application: WSGIApplication
    certificate: Path
    key: Path
    public_host: str
    public_port: int | None = None
    host: str | None = None
    port: int = 443
    http_port: int | None = 80
    threads: int = bridge.THREADS
    body_limit: Callable[[str], bridge.BodyLimit] = bridge.body_limit
    websockets: Mapping[str, bridge.WebSocketHandler] = field(default_factory=dict)
    worker: Worker | None = None
    realtime: Realtime | None = None
    xmpp_port: int | None = None
    xmpps_port: int | None = None
    renew: Callable[[], object] | None = None
    certificate_poll: float = tls.POLL_SECONDS
    on_ready: Callable[[Listening], object] = lambda listening: None


def main(options: ServeOptions) -> None:
    """Serve until a signal says to stop. Raises ListenError and CertificateError before anything is served."""
    asyncio.run(run(options))


async def run(options: ServeOptions) -> None:
    """Serve until a signal says to stop, or the task is cancelled. Raises as `main` does."""
    context = tls.server_context(options.certificate, options.key)
    xmpp_context = tls.server_context(options.certificate, options.key, "xmpp-client")
    files = tls.CertificateFiles(options.certificate, options.key)
    websockets = {**options.websockets, **(options.realtime.websockets if options.realtime else {})}
    app = bridge.Bridge(options.application, threads=options.threads, limit=options.body_limit, websockets=websockets)
    stop = asyncio.Event()
    listens = options.realtime is not None and options.realtime.listens
    with (
        listen.bound(options.host, options.port) as sockets,
        listen.bound(options.host, options.http_port) as http_sockets,
        listen.bound(options.host, options.xmpp_port if listens else None) as xmpp_sockets,
        listen.bound(options.host, options.xmpps_port if listens else None) as xmpps_sockets,
        stopping_signals(stop),
    ):
        listening = Listening(
            listen.port_of(sockets),
            *(listen.port_of(some) if some else None for some in (http_sockets, xmpp_sockets, xmpps_sockets)),
        )
        answer = redirect.Redirect(options.public_host, options.public_port or listening.port)
        redirects = [await asyncio.start_server(answer, sock=sock, limit=redirect.HEAD_BYTES) for sock in http_sockets]
        worker = start_worker(options.worker)
        renewing = asyncio.create_task(
            tls.keep_current((context, xmpp_context), files, options.renew, options.certificate_poll)
        )
        if options.realtime is not None:
            await options.realtime.start(xmpp_context, xmpp_sockets, xmpps_sockets)
        server = Server(uvicorn_config(app, context), ready=lambda: options.on_ready(listening))
        serving = asyncio.create_task(server.serve(sockets))
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            server.should_exit = True
            for listener in redirects:
                listener.close()
            if options.worker is not None:
                options.worker.stop()
            stopped.cancel()
            renewing.cancel()
            if options.realtime is not None:
                await options.realtime.stop()
            await serving
            await asyncio.to_thread(worker.join, GRACE_SECONDS)
            app.close()


class Server(uvicorn.Server):
    """uvicorn's server without its signal handling, which raises the signal again once it has stopped."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def uvicorn_config(app: bridge.Bridge, context: ssl.SSLContext) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        interface="asgi3",
        lifespan="off",
        http=GuardedProtocol,
        ws="websockets-sansio",
        ws_max_size=256 * 1024,
        ws_per_message_deflate=False,
        ssl_context_factory=lambda config, default: context,
        log_config=None,
        log_level="warning",  # below it uvicorn names WebSocket addresses with their query string
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def start_worker(worker: Worker | None) -> threading.Thread:
    """The worker's thread. It does not hold up the end of the process: an unfinished job is taken up again."""
    thread = threading.Thread(target=worker.run if worker else lambda: None, name="jobs", daemon=True)
    thread.start()
    return thread


@contextmanager
def stopping_signals(stop: asyncio.Event) -> Iterator[None]:
    """Set `stop` at the first signal and let the second one end the process. Does nothing outside the main thread.

    signal.signal and not the loop's add_signal_handler, which Windows does not have.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def handle(number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        loop.call_soon_threadsafe(stop.set)

    before = {each: signal.signal(each, handle) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
