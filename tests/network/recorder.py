"""A TLS end in front of the real server, which writes down who connected and every byte, decrypted.

It is what the most curious box on the way could see, and can be told to break a connection off at a chosen moment. In
front of a port where TLS begins later it passes on what comes as it is.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType

import trustme

IDLE_SECONDS = 30.0


class Recorder:
    """Forwards to ``localhost:port``, whose certificate `trust` vouches for. `on_request` sees what clients send.

    Without a certificate to show, TLS is not touched.
    """

    def __init__(self, port: int, trust: ssl.SSLContext, certificate: trustme.LeafCert | None) -> None:
        self._upstream = port
        self._trust = trust
        self._context = None if certificate is None else ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if certificate is not None and self._context is not None:
            certificate.configure_cert(self._context)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self.peers: list[str] = []
        self.seen = bytearray()
        self.on_request: Callable[[bytes], None] = lambda data: None
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def forget(self) -> None:
        self.peers.clear()
        self.seen.clear()
        self.on_request = lambda data: None

    def cut(self) -> None:
        """Break every connection off."""
        for stream in list(self._open):
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, address = self._listener.accept()
            except OSError:
                return
            self.peers.append(address[0])
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(IDLE_SECONDS)
        with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as opened:
            context = self._context
            outer = opened.enter_context(context.wrap_socket(client, server_side=True) if context else client)
            raw = socket.create_connection(("127.0.0.1", self._upstream), 10)
            inner = opened.enter_context(self._trust.wrap_socket(raw, server_hostname="localhost") if context else raw)
            self._open |= {outer, inner}
            try:
                self._forward(outer, inner)
            finally:
                self._open -= {outer, inner}

    def _forward(self, outer: socket.socket, inner: socket.socket) -> None:
        """In one thread: two may not use one TLS object at once."""
        for stream in (outer, inner):
            stream.setblocking(False)
        while True:
            ready = [stream for stream in (outer, inner) if isinstance(stream, ssl.SSLSocket) and stream.pending()]
            if not ready:
                ready = select.select([outer, inner], [], [], IDLE_SECONDS)[0]
            if not ready:
                return
            for source in ready:
                try:
                    data = source.recv(65536)
                except ssl.SSLWantReadError:
                    continue
                if not data:
                    return
                self._pass_on(data, source is outer, inner if source is outer else outer)

    def _pass_on(self, data: bytes, from_client: bool, target: socket.socket) -> None:
        self.seen += data
        if from_client:
            self.on_request(data)
        target.settimeout(IDLE_SECONDS)
        target.sendall(data)
        target.setblocking(False)

    def __enter__(self) -> Recorder:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._thread.join(5)
