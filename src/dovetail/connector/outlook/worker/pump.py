"""What a worker's main thread waits on: to be woken, while the messages of its apartment are served."""

from __future__ import annotations

import sys
import threading
from typing import Protocol


class Pump(Protocol):
    def wait(self, seconds: float | None) -> None:
        """Until woken, or something was served; at most so long. May come back too early."""

    def wake(self) -> None:
        """From any thread. Not lost where nobody waits yet."""

    def close(self) -> None: ...


class PlainPump:
    """Where there are no messages to serve."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def wait(self, seconds: float | None) -> None:
        self._woken.wait(None if seconds is None else max(seconds, 0.0))
        self._woken.clear()

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        pass


def open_pump() -> Pump:
    """For this thread, which enters an apartment where the system knows them."""
    if sys.platform == "win32":
        from dovetail.connector.outlook.windows.com import MessagePump

        return MessagePump()
    return PlainPump()
