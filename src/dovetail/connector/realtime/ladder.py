"""Which way to the server's hints is tried when: TLS from the first byte, then STARTTLS, then WebSocket on the port
that everything else uses.

Knows no clock and opens nothing; :mod:`~.listener` does. The way that was good last is tried first, for a session that
is still there is resumed over it; then all from the best on. Tries that fail are spaced by a back-off with full jitter.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urljoin, urlsplit

from dovetail.protocol.messages import Realtime

BACKOFF_FIRST, BACKOFF_LAST = 2.0, 300.0
STEADY_SECONDS = 60.0
"""A connection that lasted so long was good: what ended it does not count as a failure of the way."""


class Rung(StrEnum):
    """The best first (XEP-0368, RFC 6120 section 5, RFC 7395)."""

    DIRECT_TLS = "direct-tls"
    STARTTLS = "starttls"
    WEBSOCKET = "websocket"


@dataclass(frozen=True)
class Place:
    """Where a rung is. `host` is also the name in the certificate, `path` a WebSocket's."""

    rung: Rung
    host: str
    port: int
    path: str = ""


def places(realtime: Realtime, origin: str) -> tuple[Place, ...]:
    """What a server has announced; `origin` is the https origin that the connector syncs with."""
    parts = urlsplit(urljoin(origin, realtime.websocket))
    ports = {Rung.DIRECT_TLS: realtime.direct_tls_port, Rung.STARTTLS: realtime.starttls_port}
    found = [Place(rung, realtime.host, port) for rung, port in ports.items() if port is not None]
    return (*found, Place(Rung.WEBSOCKET, parts.hostname or "", parts.port or 443, parts.path))


class Ladder:
    """`places` from the best to the last resort; `chance` gives a number in [0, 1)."""

    def __init__(self, places: Sequence[Place], chance: Callable[[], float] = random.random) -> None:
        self._places = tuple(places)
        self._chance = chance
        self._good: Place | None = None
        self._failures = 0

    def order(self) -> tuple[Place, ...]:
        """What to try now, one after the other."""
        if self._good is None:
            return self._places
        return (self._good, *(place for place in self._places if place != self._good))

    def better(self, place: Place) -> tuple[Place, ...]:
        """What is worth another look while `place` is in use."""
        return self._places[: self._places.index(place)]

    def prefer(self, place: Place) -> None:
        """This one answers: it comes first now."""
        self._good = place

    def lost(self, lasted: float) -> float:
        """The connection ended after so many seconds: how long to wait before the next try."""
        if lasted >= STEADY_SECONDS:
            self._failures = 0
        return self.failed()

    def failed(self) -> float:
        """No way was open: how long to wait before the next try."""
        longest = min(BACKOFF_LAST, BACKOFF_FIRST * 2.0**self._failures)
        self._failures = min(self._failures + 1, 30)
        return longest * self._chance()
