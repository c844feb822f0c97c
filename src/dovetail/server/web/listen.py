"""Listening sockets bound before anything else starts, with errors that say what to do.

Every address of a name is bound (localhost is 127.0.0.1 and ::1), without a name all interfaces are. With
port 0 the system chooses one, the same for all addresses.
"""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BACKLOG = 512


class ListenError(Exception):
    """A port cannot be listened on; the text says why and what to do."""


@contextmanager
def bound(host: str | None, port: int | None) -> Iterator[list[socket.socket]]:
    """Sockets listening on `port` at every address of `host` (None: all interfaces); none for port None.

    Raises ListenError.
    """
    sockets: list[socket.socket] = []
    try:
        if port is not None:
            bind(host, port, sockets)
        yield sockets
    finally:
        for sock in sockets:
            sock.close()


def bind(host: str | None, port: int, sockets: list[socket.socket]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ListenError(f"There is no address to listen on for {host!r}: {error.strerror}") from error
    for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
        chosen = port or (port_of(sockets) if sockets else 0)
        sock = bind_one(family, (address[0], chosen, *address[2:]))
        if sock is not None:
            sockets.append(sock)
    if not sockets:
        raise ListenError(f"This machine has none of the addresses of {host!r}.")


def bind_one(family: int, address: tuple[str | int, ...]) -> socket.socket | None:
    """None where this machine does not have the address, as with IPv6 switched off."""
    try:
        # The protocol is named, for else asyncio leaves Nagle's algorithm on, and a short answer waits 40 ms.
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError:
        return None
    try:
        if sys.platform == "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRNOTAVAIL:
            return None
        raise explained(error, int(address[1])) from error
    return sock


def port_of(sockets: list[socket.socket]) -> int:
    return int(sockets[0].getsockname()[1])


def explained(error: OSError, port: int) -> ListenError:
    if error.errno == errno.EADDRINUSE:
        return ListenError(
            f"Port {port} is already in use, perhaps by another web server or another Dovetail. "
            "Stop that program or choose another port."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return ListenError(
            f"No permission to listen on port {port}. Choose a port above 1023, such as 8443, or give the right: "
            "on Linux with AmbientCapabilities=CAP_NET_BIND_SERVICE in the service unit. "
            "On Windows the port may be reserved for another program."
        )
    return ListenError(f"Cannot listen on port {port}: {error.strerror}")
