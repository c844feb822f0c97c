"""What is sent and read on one connection, over lines that are slow or dead."""

from __future__ import annotations

import socket
import threading
import time

import httpcore
import pytest

from dovetail.connector.link.transport import _Stream

LARGE = bytes(2 << 20)


def test_a_large_request_over_a_slow_line_takes_as_long_as_it_takes() -> None:
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, option, 65536)
    arrived = bytearray()

    def slowly() -> None:
        while len(arrived) < len(LARGE):
            arrived.extend(theirs.recv(65536))
            time.sleep(0.03)

    reading = threading.Thread(target=slowly, daemon=True)
    with ours, theirs:
        reading.start()
        began = time.monotonic()
        _Stream(ours, 443, None).write(LARGE, timeout=0.4)
        assert time.monotonic() - began > 0.4, "the line was not slow"
        reading.join(10)
    assert len(arrived) == len(LARGE)


def test_a_request_that_nobody_takes_is_given_up() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(httpcore.WriteTimeout):
        _Stream(ours, 443, None).write(LARGE, timeout=0.3)
