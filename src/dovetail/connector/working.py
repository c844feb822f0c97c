"""A connector at work in the mode that its profile names: a scheduler and, in real-time mode, a listener beside it.

Another mode counts at once: both are replaced, and the first sync tells the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import datetime, timedelta

from dovetail.connector.link.port import RetryLater, WrongCredentials
from dovetail.connector.profile import Home, Profile
from dovetail.connector.realtime.state import RealtimeState, write_state
from dovetail.connector.running import Connector
from dovetail.connector.sync.runs import RunReport
from dovetail.connector.sync.scheduler import Scheduler
from dovetail.protocol.messages import SyncMode

HEARING_SECONDS = 0.5
"""A main thread that waits for longer at a time hears no Ctrl-C on Windows."""
SAME_TIME = timedelta(seconds=1)
"""Two readings of when a sync is due differ by less, though nothing has changed."""

Told = Callable[[RunReport | Exception, datetime | None], None]


class Work:
    """`told` hears of every sync and when the next one is due, `noted` of real time's state, both in other threads."""

    def __init__(
        self,
        home: Home,
        connector: Connector,
        told: Told,
        noted: Callable[[RealtimeState], None] = lambda state: None,
        every: float | None = None,
    ) -> None:
        self._home = home
        self._connector = connector
        self._told = told
        self._noted = noted
        self._every = every
        self._scheduler = connector.scheduler(every)
        self._is_stopped = False
        self._next_sync: datetime | None = None

    def stop(self) -> None:
        """End `run` once the sync under way is done. May be called by a signal handler."""
        self._is_stopped = True
        self._scheduler.stop()

    def run(self) -> None:
        """Until `stop`. Raises WrongCredentials and Disconnected: neither mends itself."""
        while not self._is_stopped:
            self._work_in_one_mode(self._scheduler)
            self._connector.use_mode(self._chosen().mode)
            self._scheduler = self._connector.scheduler(self._every)

    def _work_in_one_mode(self, scheduler: Scheduler) -> None:
        with self._listening(scheduler) as synced, ThreadPoolExecutor(1, "scheduler") as pool:

            def told(outcome: RunReport | Exception) -> None:
                synced(outcome)
                self._told(outcome, scheduler.next_sync())

            work = pool.submit(scheduler.run, told)
            while not wait([work], HEARING_SECONDS).done:
                self._note_next_sync(scheduler.next_sync())
                if self._is_stopped or self._chosen().mode is not self._connector.profile.mode:
                    scheduler.stop()
        try:
            work.result()
        except WrongCredentials as error:
            raise WrongCredentials(
                "The security token is wrong by now: the connection was ended on the server, or has a new token. Run"
                " `dovetail connect` with a new one to go on."
            ) from error

    def _note_next_sync(self, due: datetime | None) -> None:
        """Not only after a sync: it also changes when hints stop coming, or begin to."""
        before = self._next_sync
        if due is not before and (due is None or before is None or abs(due - before) > SAME_TIME):
            self._home.note_next_sync(due)
            self._next_sync = due

    def _chosen(self) -> Profile:
        return self._home.read() or self._connector.profile

    @contextmanager
    def _listening(self, scheduler: Scheduler) -> Iterator[Callable[[RunReport | Exception], None]]:
        """In real-time mode. Gives what is to hear of every sync."""
        connector, file = self._connector, self._home.realtime_file
        if connector.profile.mode is not SyncMode.REAL_TIME:
            file.unlink(missing_ok=True)
            yield lambda outcome: None
            return

        last = RealtimeState()

        def note(state: RealtimeState) -> None:
            nonlocal last
            connector.note_realtime(state)
            scheduler.pace(live=state.is_live)
            if state.is_live:
                if state.resumed > last.resumed and state.rung is not last.rung:
                    scheduler.wake()  # it begins with no sync, and its User's page is to name the way
                last = state
            write_state(file, state)
            self._noted(state)

        def synced(outcome: RunReport | Exception) -> None:
            if isinstance(outcome, RunReport) and outcome.outcome.is_done:
                listener.aim(connector.announced())
            elif isinstance(outcome, RetryLater) and outcome.retry_after is not None:
                listener.leave_alone(outcome.retry_after)

        listener = connector.listener(scheduler.wake, note, self._every)
        announced = connector.announced()
        listener.start()
        try:
            if announced is not None:
                listener.aim(announced)
            yield synced
        finally:
            listener.stop()
            file.unlink(missing_ok=True)
