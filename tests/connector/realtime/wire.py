"""A network that can go wrong, and a connector's listener beyond it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from dovetail.connector.link.egress import Egress
from dovetail.connector.link.routes import NONE
from dovetail.connector.link.signin import Credential
from dovetail.connector.realtime.listener import Listener, Rhythm
from dovetail.connector.realtime.state import RealtimeState
from dovetail.connector.realtime.stream import Patience
from dovetail.demo.forwarder import Forwarder

__all__ = ["Forwarder"]

SECONDS = 15.0
QUICK = Rhythm(Patience(deadline=3.0, ping_every=0.3, ping_wait=0.3), better_every=0.3, halted=0.5)


def wait_until(true: Callable[[], object], seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.01)


class Connector:
    """A listener as a connector has it. `wakes` counts the syncs it asked for, `states` is what it told."""

    def __init__(self, origin: str, credential: Credential, ca_file: Any, rhythm: Rhythm = QUICK) -> None:
        self.wakes = 0
        self.states: list[RealtimeState] = []
        egress = Egress(NONE, ca_file=ca_file)
        self.listener = Listener(
            origin,
            credential,
            egress,
            self._woken,
            self.states.append,
            rhythm=rhythm,
            chance=lambda: 0.05,
        )

    def _woken(self) -> None:
        self.wakes += 1

    @property
    def state(self) -> RealtimeState:
        return self.states[-1] if self.states else RealtimeState()

    def live(self, rung: str | None = None) -> None:
        """Wait until it is, by that rung."""
        wait_until(lambda: self.state.is_live and rung in (None, self.state.rung))

    def trouble(self, rung: str) -> str | None:
        """The last verdict on that rung's port."""
        return next((port.trouble for port in self.state.ports if port.rung == rung), None)
