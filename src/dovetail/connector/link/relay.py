"""A plain socket for what runs inside TLS: a tunnel through a proxy that is itself reached over TLS.

Python begins TLS on a socket of the system only, not on another TLS stream. So whoever wants the tunnel gets one end of
a pair of sockets, and a thread of its own carries the bytes between the other end and the proxy until either closes.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading

MOST_WAITING = 1 << 18
"""Bytes taken from one side before the other has to take some."""
_PIECE = 65536


def plain(secured: ssl.SSLSocket) -> socket.socket:
    """The caller's end, blocking. Closing it closes `secured`, which is the relay's from here on."""
    inner, outer = socket.socketpair()
    threading.Thread(target=_Relay(secured, inner).run, name="tls-proxy", daemon=True).start()
    return outer


class _Relay:
    """One thread, for two may not use one TLS stream at once."""

    def __init__(self, secured: ssl.SSLSocket, inner: socket.socket) -> None:
        self._secured, self._inner = secured, inner
        self._to_proxy, self._to_caller = bytearray(), bytearray()
        self._is_over = False

    def run(self) -> None:
        self._secured.setblocking(False)
        self._inner.setblocking(False)
        with contextlib.suppress(OSError), selectors.DefaultSelector() as selector, self._inner, self._secured:
            selector.register(self._secured, selectors.EVENT_READ)
            selector.register(self._inner, selectors.EVENT_READ)
            while not (self._is_over and not self._to_caller and not self._to_proxy):
                self._wait(selector)
                self._move()

    def _wait(self, selector: selectors.BaseSelector) -> None:
        if self._secured.pending() and len(self._to_caller) < MOST_WAITING:
            return
        sides = (self._secured, self._to_proxy, self._to_caller), (self._inner, self._to_caller, self._to_proxy)
        for stream, leaving, coming in sides:
            wanted = selectors.EVENT_WRITE if leaving else 0
            wanted |= selectors.EVENT_READ if len(coming) < MOST_WAITING and not self._is_over else 0
            if wanted:
                selector.modify(stream, wanted) if stream in selector.get_map() else selector.register(stream, wanted)
            elif stream in selector.get_map():
                selector.unregister(stream)
        selector.select()

    def _move(self) -> None:
        for source, waiting, target in (
            (self._secured, self._to_caller, self._inner),
            (self._inner, self._to_proxy, self._secured),
        ):
            if not self._is_over and len(waiting) < MOST_WAITING:
                self._take(source, waiting)
            if waiting:
                with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    del waiting[: target.send(waiting[:_PIECE])]

    def _take(self, source: socket.socket, waiting: bytearray) -> None:
        try:
            data = source.recv(_PIECE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        waiting += data
        self._is_over = not data
