"""httpx over streams that somebody else opened: httpcore's connection pool on a network backend of ours.

No HTTP client signs in to proxies as companies want it, and XMPP needs the same way out. Public names of httpx and
httpcore only; httpcore's errors become httpx's, with their causes kept.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import httpcore
import httpx

from dovetail.connector.link.verdicts import EgressError, Phase, Verdict

Open = Callable[[str, int, float], socket.socket]
DEFAULT_CONNECT_SECONDS = 10.0
_PIECE_BYTES = 65536


class Watcher(Protocol):
    """Who wants to know what a connection met."""

    def saw_tls(self, host: str, port: int, connected: ssl.SSLSocket) -> None: ...

    def saw_answer(self, headers: Iterable[tuple[bytes, bytes]]) -> None: ...


class EgressTransport(httpx.BaseTransport):
    """`open_stream(host, port, seconds)` gives a connected blocking socket."""

    def __init__(
        self, open_stream: Open, context: ssl.SSLContext, limits: httpx.Limits, watcher: Watcher | None = None
    ) -> None:
        self._watcher = watcher
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Backend(open_stream, watcher),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _as_httpx():
            answer = self._pool.handle_request(asked)
        if self._watcher is not None:
            self._watcher.saw_answer(answer.headers)
        assert isinstance(answer.stream, Iterable)
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._stream

    def close(self) -> None:
        if hasattr(self._stream, "close"):
            self._stream.close()


@contextlib.contextmanager
def _as_httpx() -> Iterator[None]:
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        kind = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise kind(str(error)) from error


class _Backend(httpcore.NetworkBackend):
    def __init__(self, open_stream: Open, watcher: Watcher | None) -> None:
        self._open = open_stream
        self._watcher = watcher

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        with _mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
            return _Stream(self._open(host, port, timeout or DEFAULT_CONNECT_SECONDS), port, self._watcher)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: socket.socket, port: int, watcher: Watcher | None) -> None:
        self._socket = stream
        self._port = port
        self._watcher = watcher

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _mapped(httpcore.ReadTimeout, httpcore.ReadError):
            self._socket.settimeout(timeout)
            return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """`timeout` is for each piece: a first sync over a slow line takes as long as it takes."""
        with _mapped(httpcore.WriteTimeout, httpcore.WriteError), memoryview(buffer) as whole:
            self._socket.settimeout(timeout)
            for start in range(0, len(whole), _PIECE_BYTES):
                self._socket.sendall(whole[start : start + _PIECE_BYTES])

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        with _mapped(httpcore.ConnectTimeout, httpcore.ConnectError):
            wrapped = handshake(self._socket, ssl_context, server_hostname or "", timeout)
        if self._watcher is not None:
            self._watcher.saw_tls(server_hostname or "", self._port, wrapped)
        return _Stream(wrapped, self._port, self._watcher)

    def get_extra_info(self, info: str) -> Any:
        match info:
            case "ssl_object" if isinstance(self._socket, ssl.SSLSocket):
                return self._socket
            case "client_addr":
                return self._socket.getsockname()
            case "server_addr":
                return self._socket.getpeername()
            case "socket":
                return self._socket
            case "is_readable":
                return _is_readable(self._socket)
        return None


def handshake(stream: socket.socket, context: ssl.SSLContext, name: str, seconds: float | None) -> ssl.SSLSocket:
    """TLS on a connected socket, which is closed if it fails. A silent peer is an EgressError (stalled, tls)."""
    try:
        stream.settimeout(seconds)
        return context.wrap_socket(stream, server_hostname=name)
    except TimeoutError as error:
        stream.close()
        raise EgressError(Verdict.STALLED, Phase.TLS, "no answer to the TLS greeting") from error
    except BaseException:
        stream.close()
        raise


@contextlib.contextmanager
def _mapped(timed_out: type[Exception], failed: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise timed_out(str(error)) from error
    except OSError as error:
        raise failed(str(error)) from error


def _is_readable(stream: socket.socket) -> bool:
    """Whether an idle connection has something to say: its end, mostly."""
    if stream.fileno() < 0:
        return True
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(stream, select.POLLIN)
        return bool(poller.poll(0))
    return bool(select.select([stream], [], [], 0)[0])
