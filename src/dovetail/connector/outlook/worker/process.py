"""Inside the worker: one thread owns the calendar, answers calls in turn, and serves its messages in between.

Calls come in through a second thread, which does nothing else and ends the process at once when its parent is gone,
however stuck the first one is. Hints are told once they have settled: a program that changes a hundred items is one
hint.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection

from dovetail.connector.calendars.port import CalendarError, CalendarPort, Progress
from dovetail.connector.outlook.worker.messages import LOOK_AWAY, LOOK_OUT, Answer, Call, Failure, Note, Step
from dovetail.connector.outlook.worker.pump import Pump, open_pump

SLICE, REST = 0.2, 0.02
"""Seconds of work at a stretch, and of serving messages after it: the program has a User to answer to as well."""

SETTLED = 1.0
"""Seconds after the first of many hints until they are told as one."""

ALIVE_EVERY, STEP_EVERY = 0.5, 0.1

_UNEXPECTED = "The calendar program gave an answer that Dovetail does not understand."
_log = logging.getLogger(__name__)


class Manners:
    """How a calendar in a worker behaves: what it calls between its own calls into the program, and instead of
    sleeping."""

    def __init__(self, pump: Pump, tell: Callable[[object], None]) -> None:
        self._pump, self._tell = pump, tell
        self._begun = self._told = time.monotonic()
        self._hint_due: float | None = None

    def breathe(self) -> None:
        """Between two calls into the program: after a slice of work, its messages and its User come first."""
        if time.monotonic() - self._begun >= SLICE:
            self.rest(REST)

    def rest(self, seconds: float) -> None:
        """Sleep with open ears."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.wait(min(left, ALIVE_EVERY))
            self._say_alive()
        self.begin()

    def asking(self, member: str) -> None:
        """Before what may bring up a question to the User."""
        self._tell(Note.ASKING)

    def starting(self) -> None:
        """Before the program is started."""
        self._tell(Note.STARTING)

    def found(self) -> None:
        """The program runs, and is connected."""
        self._tell(Note.FOUND)

    def closed(self) -> None:
        """The User closed the program."""
        self._tell(Note.CLOSED)

    def hint(self) -> None:
        """Something may have changed. From any thread."""
        if self._hint_due is None:
            self._hint_due = time.monotonic() + SETTLED
            self._pump.wake()

    def begin(self) -> None:
        """A new slice."""
        self._begun = time.monotonic()

    def wait(self, seconds: float | None) -> None:
        """On the pump, telling hints when they are due."""
        due = self._hint_due
        if due is not None:
            left = max(due - time.monotonic(), 0.0)
            seconds = left if seconds is None else min(seconds, left)
        self._pump.wait(seconds)
        if self._hint_due is not None and time.monotonic() >= self._hint_due:
            self._hint_due = None
            self._tell(Note.CHANGED)

    def _say_alive(self) -> None:
        if time.monotonic() - self._told >= ALIVE_EVERY:
            self._told = time.monotonic()
            self._tell(Note.ALIVE)


Build = Callable[[Manners], CalendarPort]
"""Makes the calendar, in the worker's main thread. It has a name that another process can import."""


def main(connection: Connection, build: Build) -> None:
    """What the process runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this in good order
    worker = _Worker(connection, build, open_pump())
    with suppress(OSError):  # the parent has gone
        worker.run()
    worker.close()


class _Worker:
    def __init__(self, connection: Connection, build: Build, pump: Pump) -> None:
        self._connection, self._build, self._pump = connection, build, pump
        self._port: CalendarPort | None = None
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._manners = Manners(pump, connection.send)
        self._watching = ExitStack()

    def run(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        while (call := self._next()) is not None:
            self._manners.begin()
            self._connection.send(self._outcome(call))

    def close(self) -> None:
        self._watching.close()
        if self._port is not None:
            self._port.close()
        self._pump.close()

    def _listen(self) -> None:
        while True:
            try:
                call = self._connection.recv()
            except (EOFError, OSError):
                os._exit(0)
            self._calls.put(call)
            self._pump.wake()

    def _next(self) -> Call | None:
        while True:
            try:
                return self._calls.get_nowait()
            except queue.Empty:
                self._manners.wait(None)

    def _outcome(self, call: Call) -> Answer | Failure:
        try:
            if self._port is None:
                self._port = self._build(self._manners)
            return Answer(call.number, self._do(self._port, call))
        except CalendarError as error:
            return Failure.of(call.number, error)
        except Exception as error:
            # Its text may quote an appointment.
            _log.error("%s failed with %s", call.method, type(error).__name__)
            return Failure.of(call.number, CalendarError(_UNEXPECTED))

    def _do(self, port: CalendarPort, call: Call) -> object:
        if call.method == LOOK_OUT:
            self._watching.enter_context(port.watch(self._manners.hint))
            return None
        if call.method == LOOK_AWAY:
            self._watching.close()
            return None
        if call.method == "scan":
            (request,) = call.arguments
            return port.scan(request, self._progress(call.number))
        return getattr(port, call.method)(*call.arguments)

    def _progress(self, number: int) -> Progress:
        last = 0.0

        def progress(done: int, total: int | None) -> None:
            nonlocal last
            if done == total or time.monotonic() - last >= STEP_EVERY:
                last = time.monotonic()
                self._connection.send(Step(number, done, total))

        return progress
