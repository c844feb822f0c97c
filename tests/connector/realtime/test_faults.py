"""Hints over a link that resets, swallows, delays and throttles: each that was sent is heard, once (XEP-0198)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from connector.realtime.wire import Forwarder, wait_until

HINTS, EVERY = 10, 0.04


def send(hint: Callable[[], None]) -> None:
    for _ in range(HINTS):
        hint()
        time.sleep(EVERY)


@contextmanager
def resets(way: Forwarder) -> Iterator[None]:
    way.cut()
    yield
    way.cut()


@contextmanager
def swallows(way: Forwarder) -> Iterator[None]:
    """As a firewall that has forgotten the connection: both ends believe in it until the pings say otherwise."""
    way.swallows = True
    yield
    way.cut()
    way.swallows = False


@contextmanager
def delays(way: Forwarder) -> Iterator[None]:
    way.delay = 0.1
    yield
    way.delay = 0.0


@contextmanager
def throttles(way: Forwarder) -> Iterator[None]:
    """To what a modem carried: less than the hints need, which come faster than anybody would send them."""
    way.rate = 3000.0
    yield
    way.rate = None


@pytest.mark.parametrize("rung", ["direct-tls", "starttls", "websocket"])
@pytest.mark.parametrize("fault", [resets, swallows, delays, throttles])
def test_every_hint_that_was_sent_is_heard_once(network, connect, hint: Callable[[], None], fault, rung):
    way = network.only(rung)
    connector = connect()
    connector.live(rung)
    wait_until(lambda: connector.wakes == 1)
    send(hint)
    with fault(way):
        send(hint)
    send(hint)

    hub = network.online.hub
    (session,) = hub.sessions.values()
    wait_until(lambda: session.link is not None and not session.unacknowledged and session.waiting is None)
    counts = hub.counts
    assert counts["hint-sent"] + counts["hint-kept"] + counts["hint-merged"] >= 3 * HINTS
    wait_until(lambda: connector.wakes >= 1 + counts["hint-sent"])
    assert connector.wakes == 1 + counts["hint-sent"], "one for the session's beginning, one for each hint"
    assert connector.state.sessions == 1
    if fault in (resets, swallows):
        assert connector.state.resumed >= 1
