"""A TCP stream straight to a host, by the first of its addresses that answers (Happy Eyeballs, RFC 8305).

Sockets are plain and blocking: whoever gets one may wrap it in TLS or hand it to an asyncio loop. They are made without
asyncio, for on Windows a socket that one loop has used cannot be given to another.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from itertools import chain, zip_longest
from queue import Empty, SimpleQueue

NEXT_ADDRESS_SECONDS = 0.25
"""RFC 8305 section 8: so long an address may keep the next one waiting."""
DEAD_AFTER_SECONDS = 20
"""So long sent data may stay without acknowledgement, and so long an idle peer is believed in."""

_STARTED = {0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", errno.EWOULDBLOCK)}
_TCP_MAXRT = 5  # of Windows' ws2ipdef.h: seconds of retransmission

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


def left(deadline: float) -> float:
    """Seconds until the monotonic clock shows `deadline`. Raises TimeoutError if it is past."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the time for this connection is over")
    return seconds


def connect(host: str, port: int, deadline: float) -> socket.socket:
    """A connected, blocking socket. Raises OSError: gaierror, TimeoutError, ConnectionRefusedError …"""
    race = _Race(resolve(host, port, deadline))
    try:
        winner = race.run(deadline)
    finally:
        race.close()
    winner.settimeout(left(deadline))
    _notice_death(winner)
    return winner


def resolve(host: str, port: int, deadline: float) -> list[Address]:
    """Addresses, the families taking turns; found in a thread, for the system's look-up knows no time limit."""
    answers: SimpleQueue[list[Address] | OSError] = SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else socket.gaierror(socket.EAI_NONAME, str(error)))
        else:
            answers.put(_taking_turns([(family, address) for family, _, _, _, address in found]))

    threading.Thread(target=look_up, name=f"look-up-{host}", daemon=True).start()
    try:
        answer = answers.get(timeout=left(deadline))
    except Empty:
        raise socket.gaierror(socket.EAI_AGAIN, f"no answer to the look-up of {host}") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _taking_turns(addresses: list[Address]) -> list[Address]:
    first = addresses[0][0] if addresses else None
    ours = [address for address in addresses if address[0] == first]
    others = [address for address in addresses if address[0] != first]
    return [address for address in chain.from_iterable(zip_longest(ours, others)) if address is not None]


class _Race:
    def __init__(self, addresses: list[Address]) -> None:
        self._waiting = deque(addresses)
        self._selector = selectors.DefaultSelector()
        self._running: dict[socket.socket, socket.AddressFamily] = {}
        self._failures: list[tuple[socket.AddressFamily, OSError]] = []
        self._next_start = 0.0

    def run(self, deadline: float) -> socket.socket:
        while self._waiting or self._running:
            now = time.monotonic()
            if now >= deadline:
                self._failures += [(family, TimeoutError("no answer")) for family in self._running.values()]
                break
            if self._waiting and (now >= self._next_start or not self._running):
                self._start(*self._waiting.popleft())
                continue
            until = min(deadline, self._next_start) if self._waiting else deadline
            for key, _ in self._selector.select(until - now):
                winner = self._finish(key.fileobj)  # type: ignore[arg-type]
                if winner is not None:
                    return winner
        raise self._telling()

    def _start(self, family: socket.AddressFamily, address: object) -> None:
        try:
            runner = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:  # a family that this computer does not have
            self._failures.append((family, error))
            return
        runner.setblocking(False)
        code = runner.connect_ex(address)  # type: ignore[arg-type]
        if code in _STARTED:
            self._running[runner] = family
            self._selector.register(runner, selectors.EVENT_WRITE)
            self._next_start = time.monotonic() + NEXT_ADDRESS_SECONDS
        else:
            runner.close()
            self._failures.append((family, OSError(code, os.strerror(code))))

    def _finish(self, runner: socket.socket) -> socket.socket | None:
        self._selector.unregister(runner)
        family = self._running.pop(runner)
        code = runner.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code == 0:
            return runner
        runner.close()
        self._failures.append((family, OSError(code, os.strerror(code))))
        self._next_start = 0.0
        return None

    def _telling(self) -> OSError:
        """IPv4's failure where there is one: many networks have no IPv6, and that is not what is wrong."""
        ranked = sorted(self._failures, key=lambda failure: failure[0] != socket.AF_INET)
        return ranked[0][1] if ranked else socket.gaierror(socket.EAI_NONAME, "the name has no address")

    def close(self) -> None:
        self._selector.close()
        for runner in self._running:
            runner.close()


def _notice_death(connected: socket.socket) -> None:
    """Let the system end a stream whose other side has vanished, instead of waiting for hours."""
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {"TCP_KEEPIDLE": DEAD_AFTER_SECONDS // 2, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 2}
    for name, value in {**options, "TCP_USER_TIMEOUT": DEAD_AFTER_SECONDS * 1000}.items():
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    if sys.platform == "win32":
        with suppress(OSError):  # not every Windows has it, nor has Wine
            connected.setsockopt(socket.IPPROTO_TCP, _TCP_MAXRT, DEAD_AFTER_SECONDS)
