"""How often something may be done: a token bucket of this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Bucket:
    """`rate` per second in the long run, `size` at once."""

    def __init__(self, rate: float, size: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.size = size
        self._clock = clock
        self._left = size
        self._at = clock()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether once more is allowed."""
        with self._lock:
            now = self._clock()
            self._left = min(self.size, self._left + (now - self._at) * self.rate)
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True
