"""From whoever changed something to whoever has the connector's session.

*Hint* and *kick* are asked for in any thread, after the commit, and promise nothing: a connector that is not online
syncs when it is. One process of an installation has the sessions; the others reach it by :mod:`~.between`. In one that
is no server (a command) they go nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from dovetail.protocol.hints import Hint


class HintBus(Protocol):
    """The seam between the rest of the server and its sessions, for a process that has them and for one that reaches
    them some other way."""

    def hint(self, connector_id: str, hint: Hint) -> None:
        """Wake this connector."""

    def kick(self, connector_id: str) -> None:
        """The credential of this connector is revoked: end its session."""


class Sessions(HintBus, Protocol):
    """Of the process that has them, or has the link to a server that does. Lives in the event loop's thread."""

    def missed(self) -> None:
        """Word from another process may have been lost: wake everybody, and look who is revoked."""


class Nowhere:
    def hint(self, connector_id: str, hint: Hint) -> None:
        return

    def kick(self, connector_id: str) -> None:
        return


class InProcess:
    """To the sessions of this process, in the thread of its loop."""

    def __init__(self, sessions: Sessions, loop: asyncio.AbstractEventLoop) -> None:
        self._sessions = sessions
        self.loop = loop

    def hint(self, connector_id: str, hint: Hint) -> None:
        self._soon(lambda: self._sessions.hint(connector_id, hint))

    def kick(self, connector_id: str) -> None:
        self._soon(lambda: self._sessions.kick(connector_id))

    def missed(self) -> None:
        self._soon(self._sessions.missed)

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
