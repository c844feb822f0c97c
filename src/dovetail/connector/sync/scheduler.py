"""When to sync: on the interval, after a change in the calendar, when asked to; never twice at once, never hammering.

:class:`Agenda` decides and knows no clock; :class:`Scheduler` waits and calls. Requests that come together are one
sync; those that come during one are another after it.

* A change in the calendar waits for quiet (10 s), but not for ever (30 s).
* Failures are spaced by one back-off with full jitter, 1 s to 5 min, and never so far that the end of what was wrong is
  not told within one interval. A Retry-After is obeyed, also when asked by hand.
* After sleep there is one sync, when the network has had time to settle.
* While the server's hints come in real time, the interval is RECONCILE: a full look at both ends, in case one was lost.
* A wrong credential and an ended connection end it: only the User can help. A block is waited out.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from queue import Empty, SimpleQueue
from typing import Protocol

from dovetail.connector.link.port import Blocked, Disconnected, LinkError, RetryLater, WrongCredentials
from dovetail.connector.sync.engine import MANUAL
from dovetail.connector.sync.runs import RunReport
from dovetail.protocol.messages import SyncMode

QUIET = 10.0
IMPATIENCE = 30.0
SETTLE = 45.0
RECONCILE = 15 * 60.0
BACKOFF_FIRST, BACKOFF_LAST = 1.0, 300.0
LONGEST_TRY = 30.0
"""So long a sync may take to fail."""
BLOCKED_FOR = 30 * 60.0
JITTER = 0.1
REPEATS = 3
"""How often in a row a sync may ask for another at once."""
TICK = 60.0
"""No wait is longer, so that sleep is noticed."""
SLEPT = 30.0
"""A wait that took so much longer than asked, by either clock, was sleep."""

log = logging.getLogger(__name__)


class Agenda:
    """When the next sync is due, in seconds of a monotonic clock. `chance` gives a number in [0, 1).

    `every` is for trials: so many seconds instead of the interval, and no longer wait for quiet than that.
    """

    def __init__(
        self,
        mode: SyncMode,
        interval_minutes: int,
        now: float,
        chance: Callable[[], float] = random.random,
        every: float | None = None,
    ) -> None:
        if not 1 <= interval_minutes <= 60:
            raise ValueError("an interval is 1 to 60 minutes")
        self._manual = mode is SyncMode.MANUAL
        self._alone = interval_minutes * 60.0 if every is None else every
        self._live = max(RECONCILE, self._alone) if every is None else every
        self._interval = self._alone
        self._quiet = min(QUIET, self._interval)
        self._longest_wait = max(BACKOFF_FIRST, min(BACKOFF_LAST, self._alone - LONGEST_TRY))
        self._chance = chance
        self._failures = 0
        self._repeats = 0
        self._not_before = now
        self._first_hint: float | None = None
        self._due: float | None = now
        self.trigger = "start"

    def due(self) -> float | None:
        """None: nothing is planned."""
        return None if self._due is None else max(self._due, self._not_before)

    def asked(self, now: float) -> None:
        """Somebody wants a sync now."""
        self._plan(now, MANUAL)

    def woken(self, now: float) -> None:
        """The server says that there is something to fetch."""
        if not self._manual:
            self._plan(now, "server")

    def hinted(self, now: float) -> None:
        """Something may have changed in the calendar."""
        if self._manual or self._failures or self.trigger == "resume":
            return  # what is planned will see it
        if self._first_hint is None:
            self._first_hint = now
        when = min(now + self._quiet, self._first_hint + IMPATIENCE)
        if self._due is None or self._due >= now + self._quiet or self.trigger == "calendar":
            self._due, self.trigger = when, "calendar"

    def resumed(self, now: float) -> None:
        """The computer slept, or its clock was changed."""
        if not self._manual:
            self._due, self.trigger = now + SETTLE, "resume"

    def paced(self, now: float, *, live: bool) -> None:
        """The server's hints come in real time from now on, or no more: then what was to come is brought forward."""
        self._interval = self._live if live else self._alone
        if not live and self.trigger == "interval" and self._due is not None:
            self._due = min(self._due, now + self._spaced())

    def done(self, now: float, *, again: bool = False) -> None:
        """A sync went through. `again`: it left something that a look at the calendar would settle."""
        self._failures = 0
        self._first_hint = None
        self._repeats = self._repeats + 1 if again else 0
        if again and self._repeats <= REPEATS:
            self._due, self.trigger = now + self._quiet, "repeat"
        elif self._manual:
            self._due = None
        else:
            self._due, self.trigger = now + self._spaced(), "interval"

    def failed(self, now: float, retry_after: float | None = None) -> None:
        """A sync did not go through; the server may have said how long to leave it alone."""
        self._first_hint = None
        longest = min(self._longest_wait, BACKOFF_FIRST * 2.0**self._failures)
        self._failures = min(self._failures + 1, 30)
        wait = BACKOFF_FIRST + (longest - BACKOFF_FIRST) * self._chance()
        if retry_after is not None:
            self._not_before = now + retry_after
            wait += retry_after
        self._due, self.trigger = now + wait, "retry"

    def _spaced(self) -> float:
        return self._interval * (1 + JITTER * (2 * self._chance() - 1))

    def _plan(self, when: float, trigger: str) -> None:
        if self._due is None or when < self._due or trigger == MANUAL:
            self._due, self.trigger = when, trigger


class Mail(Enum):
    """What the scheduler is told."""

    ASKED = auto()
    WOKEN = auto()
    HINT = auto()
    LIVE = auto()
    ALONE = auto()
    STOP = auto()


class Clock(Protocol):
    def monotonic(self) -> float: ...

    def wall(self) -> float: ...

    def receive(self, mail: SimpleQueue[Mail], timeout: float) -> Mail | None:
        """The next letter; None when none came within `timeout` seconds."""
        ...


class SystemClock:
    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)

    def receive(self, mail: SimpleQueue[Mail], timeout: float) -> Mail | None:
        try:
            return mail.get(timeout=timeout)
        except Empty:
            return None


class Scheduler:
    """Calls `sync` (with what triggered it) when it is time. `watch` is that of the calendar port.

    `ask`, `wake`, `hint`, `pace` and `stop` may be called from any thread and from a signal handler.
    """

    def __init__(
        self,
        sync: Callable[[str], RunReport],
        mode: SyncMode,
        interval_minutes: int = 5,
        watch: Callable[[Callable[[], None]], AbstractContextManager[None]] | None = None,
        clock: Clock | None = None,
        chance: Callable[[], float] = random.random,
        every: float | None = None,
    ) -> None:
        self._sync = sync
        self._clock = clock or SystemClock()
        self._agenda = Agenda(mode, interval_minutes, self._clock.monotonic(), chance, every)
        self._watch = watch if mode is not SyncMode.MANUAL else None
        # A SimpleQueue, because its put may interrupt its get: a signal handler may call it.
        self._mail: SimpleQueue[Mail] = SimpleQueue()

    def ask(self) -> None:
        """Sync now, for somebody asked."""
        self._mail.put(Mail.ASKED)

    def wake(self) -> None:
        """Sync now, for the server has something."""
        self._mail.put(Mail.WOKEN)

    def hint(self) -> None:
        """Sync soon, for the calendar may have changed."""
        self._mail.put(Mail.HINT)

    def pace(self, *, live: bool) -> None:
        """Whether the server's hints come in real time: then the interval is longer."""
        self._mail.put(Mail.LIVE if live else Mail.ALONE)

    def stop(self) -> None:
        """End `run` once the sync under way is done."""
        self._mail.put(Mail.STOP)

    def next_sync(self) -> datetime | None:
        """When the next one is due, by this computer's clock."""
        due = self._agenda.due()
        if due is None:
            return None
        return datetime.fromtimestamp(self._clock.wall(), UTC) + timedelta(seconds=due - self._clock.monotonic())

    def run(self, told: Callable[[RunReport | Exception], None] = lambda outcome: None) -> None:
        """Until `stop`. `told` hears of every sync. Raises WrongCredentials and Disconnected: neither mends itself."""
        with self._watch(self.hint) if self._watch else nullcontext():
            while True:
                due = self._agenda.due()
                letters = [self._wait(TICK if due is None else min(TICK, max(0.0, due - self._clock.monotonic())))]
                # What has come by now is one request; what comes later does not keep the sync from starting.
                letters += [self._clock.receive(self._mail, 0.0) for _ in range(self._mail.qsize())]
                if Mail.STOP in letters:
                    return
                for mail in filter(None, letters):
                    self._note(mail)
                due = self._agenda.due()
                if due is not None and due <= self._clock.monotonic():
                    self._sync_once(told)

    def _note(self, mail: Mail) -> None:
        now = self._clock.monotonic()
        if mail is Mail.ASKED:
            self._agenda.asked(now)
        elif mail is Mail.WOKEN:
            self._agenda.woken(now)
        elif mail is Mail.HINT:
            self._agenda.hinted(now)
        else:
            self._agenda.paced(now, live=mail is Mail.LIVE)

    def _wait(self, timeout: float) -> Mail | None:
        """Also notices sleep: some monotonic clocks stand still in it, others do not."""
        began, wall = self._clock.monotonic(), self._clock.wall()
        mail = self._clock.receive(self._mail, timeout)
        took = self._clock.monotonic() - began
        if took > timeout + SLEPT or self._clock.wall() - wall > took + SLEPT:
            self._agenda.resumed(self._clock.monotonic())
        return mail

    def _sync_once(self, told: Callable[[RunReport | Exception], None]) -> None:
        outcome: RunReport | Exception
        try:
            outcome = report = self._sync(self._agenda.trigger)
        except (WrongCredentials, Disconnected):
            raise
        except LinkError as error:
            outcome = error
            retry_after = error.retry_after if isinstance(error, Blocked | RetryLater) else None
            if isinstance(error, Blocked) and retry_after is None:
                retry_after = BLOCKED_FOR
            self._agenda.failed(self._clock.monotonic(), retry_after)
        except Exception as error:
            outcome = error
            # The message is left out: it might quote an appointment.
            log.error("A sync failed: %s", type(error).__name__)
            self._agenda.failed(self._clock.monotonic())
        else:
            if report.outcome.is_done:
                self._agenda.done(self._clock.monotonic(), again=bool(report.to_repeat))
            else:
                self._agenda.failed(self._clock.monotonic())
        told(outcome)
