"""From whoever changed something to whoever has the connector's session.

*Hint* and *kick* are asked for in any thread, after the commit, and promise nothing: a connector that is not online
syncs when it is. Without a server in this process (a command, a worker of its own) they go nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from dovetail.protocol.hints import Hint
from dovetail.server.realtime.hub import Hub


class HintBus(Protocol):
    """The seam between the rest of the server and its sessions, for a process that has them and for one that reaches
    them some other way."""

    def hint(self, connector_id: str, hint: Hint) -> None:
        """Wake this connector."""

    def kick(self, connector_id: str) -> None:
        """The credential of this connector is revoked: end its session."""


class Nowhere:
    def hint(self, connector_id: str, hint: Hint) -> None:
        return

    def kick(self, connector_id: str) -> None:
        return


class InProcess:
    """To the hub of this process, in the thread of its loop."""

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        self._hub = hub
        self.loop = loop

    def hint(self, connector_id: str, hint: Hint) -> None:
        self._soon(lambda: self._hub.hint(connector_id, hint))

    def kick(self, connector_id: str) -> None:
        self._soon(lambda: self._hub.kick(connector_id))

    def _soon(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self.loop.call_soon_threadsafe(call)


NOWHERE = Nowhere()
_current: HintBus = NOWHERE


def current() -> HintBus:
    return _current


def use(bus: HintBus) -> None:
    """Of this process, from here on."""
    global _current
    _current = bus
