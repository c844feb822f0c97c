"""Proxies that misbehave on demand, which real ones cannot be told to, and count the credentials they are sent."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Behave = Callable[[socket.socket, bytes, int], None]


class Misfit:
    """`behave(client, head, number)` answers each request; `number` counts them over the life of the proxy."""

    def __init__(self, behave: Behave) -> None:
        self.behave = behave
        self.heads: list[bytes] = []
        self.connections = 0
        self.port = 0

    def credentials(self) -> int:
        return sum(b"proxy-authorization" in head.lower() for head in self.heads)

    def serve(self, client: socket.socket) -> None:
        self.connections += 1
        with client, contextlib.suppress(OSError):
            client.settimeout(5)
            while head := _head(client):
                self.heads.append(head)
                self.behave(client, head, len(self.heads))


def _head(client: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = client.recv(1)
        if not piece:
            return b""
        head += piece
    return head


@contextmanager
def misfit(behave: Behave) -> Iterator[Misfit]:
    proxy = Misfit(behave)

    def accept(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=proxy.serve, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.port = int(listener.getsockname()[1])
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield proxy
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def ask_basic(body: bytes = b"", headers: bytes = b"Content-Length: 0\r\n") -> bytes:
    return (
        b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\n' + headers + b"\r\n"
    ) + body
