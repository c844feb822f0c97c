"""The server's hints reach the connector, or do not: once, twice, late, in the middle of a sync.

The scheduler is the real one, at work in real-time mode for a few seconds of the world's time. A hint that arrives is a
sync, one that is lost is nothing until the interval; what has been booked is in the calendar by the sync that follows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from connector.sync.world import START, World, hours
from dovetail.connector.calendars.memory import FINE
from dovetail.connector.sync.runs import RunReport
from dovetail.connector.sync.scheduler import Mail, Scheduler
from dovetail.protocol.messages import SyncMode

FATES = {
    "arrives": (["server"], 1),
    "is lost": ([], 0),
    "arrives twice": (["server"], 2),
    "overtakes an older one": (["server", "server"], 1),
    "arrives during the sync of another": (["server", "server"], 1),
}
"""The syncs that follow, and how often it is in the scheduler's mail."""


class Clock:
    """The world's; it goes on only while the scheduler waits. `script`: what happens when, in seconds from now."""

    def __init__(self, world: World, script: list[tuple[float, Callable[[], object]]]) -> None:
        self.world = world
        self.script = [(self.monotonic() + after, what) for after, what in script]

    def monotonic(self) -> float:
        return (self.world.time - START).total_seconds()

    def wall(self) -> float:
        return self.world.time.timestamp()

    def receive(self, mail: SimpleQueue[Mail], timeout: float) -> Mail | None:
        until = self.monotonic() + timeout
        while self.script and self.script[0][0] <= until and mail.empty():
            when, what = self.script.pop(0)
            self._goes_on(when)
            what()
        try:
            return mail.get(block=False)
        except Empty:
            self._goes_on(until)
            return None

    def _goes_on(self, until: float) -> None:
        self.world.passes(timedelta(seconds=max(0.0, until - self.monotonic())))


class Hints:
    """Rules for :class:`connector.sync.machine.Syncing`."""

    world: World
    server: Any
    calendar: Any
    syncs_at: Callable[[str], RunReport]

    @rule(fate=st.sampled_from(sorted(FATES)), day=st.integers(0, 18), hour=st.integers(0, 23))
    def a_customer_books_and_the_hint(self, fate: str, day: int, hour: int) -> None:
        expected, copies = FATES[fate]
        runs: list[RunReport] = []
        booked: list[UUID] = []

        def sync(trigger: str) -> RunReport:
            if fate == "arrives during the sync of another" and trigger == "server" and len(runs) == 1:
                scheduler.wake()
            runs.append(self.syncs_at(trigger))
            return runs[-1]

        def book() -> None:
            start = self.world.time.replace(hour=hour, minute=0, second=0) + timedelta(days=day + 1)
            if self.server.is_free(start, start + hours(1)) and (made := self.server.book(start, start + hours(1))):
                booked.append(made)

        def hint() -> None:
            for _ in range(copies):
                scheduler.wake()

        script: list[tuple[float, Callable[[], object]]] = [(1, book), (2, hint), (5, lambda: scheduler.stop())]
        if fate == "overtakes an older one":
            script.insert(2, (3, hint))
        clock = Clock(self.world, script)
        scheduler = Scheduler(sync, SyncMode.REAL_TIME, clock=clock, chance=lambda: 0.5)
        scheduler.run()
        self.world.time = (self.world.time + timedelta(seconds=59)).replace(second=0, microsecond=0)

        if runs[0].outcome.is_done:  # else a retry may come between
            assert [run.trigger for run in runs] == ["start", *expected]
        main = self.calendar._calendars["main"]
        if booked and main.trouble is FINE and not main.hidden and runs[-1].outcome.is_done:
            assert bool(self.calendar.items_of(booked[0], "main")) is bool(expected)
