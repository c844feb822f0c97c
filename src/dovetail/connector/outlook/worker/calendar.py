"""A calendar whose program may hang, kept in a process of its own: this side implements the calendar port.

Every call has two deadlines: for silence, and in all. A worker that misses one, or dies, is ended at once; the call
fails as one that may be tried again, and the next call starts another worker. While a watch is entered the new worker
is told to look out again, and a hint is given, because nobody looked in between.

One call at a time: others wait for it. Hints come from a thread of their own.
"""

from __future__ import annotations

import multiprocessing
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, cast
from uuid import UUID

from dovetail.connector.calendars.port import (
    CalendarError,
    CalendarInfo,
    Capabilities,
    Draft,
    Item,
    Probe,
    Progress,
    Scan,
    ScanRequest,
    Stamp,
    no_progress,
)
from dovetail.connector.outlook.worker.messages import LOOK_AWAY, LOOK_OUT, Answer, Call, Failure, Note, Step
from dovetail.connector.outlook.worker.process import Build, main
from dovetail.schedule.intervals import Interval

_GOODBYE, _AT_ONCE = 5.0, 1.0
_DIED = "The program that reads the calendar ended unexpectedly. It is started again at the next sync."


@dataclass(frozen=True)
class Deadlines:
    """Seconds. `silence`: without an answer, or a sign that the worker is at it; `start`: the same for a worker that
    starts, or starts its program. `whole`: for a call in all."""

    silence: float = 60.0
    start: float = 180.0
    whole: float = 1800.0


@dataclass(frozen=True)
class Silence:
    """A worker that had to be ended. `asked`: after it had gone to read what may bring up a prompt."""

    seconds: float
    asked: bool


def _plainly(silence: Silence) -> str:
    return f"The calendar program did not answer for {silence.seconds:.0f} seconds. It is tried again at the next sync."


class WorkerCalendar:
    """Implements CalendarPort. `build` makes the calendar in the worker, told whether the User closed the program
    since it was last seen running; `explain` says what a silence means."""

    def __init__(
        self,
        build: Callable[[bool], Build],
        *,
        deadlines: Deadlines = Deadlines(),
        explain: Callable[[Silence], str] = _plainly,
    ) -> None:
        self._build, self._deadlines, self._explain = build, deadlines, explain
        self._turn = threading.Lock()
        self._numbers = count(1)
        self._worker: _Running | None = None
        self._capabilities: Capabilities | None = None
        self._closed_by_user = False
        self._watchers: list[Callable[[], None]] = []

    def capabilities(self) -> Capabilities:
        if self._capabilities is None:
            self._capabilities = cast(Capabilities, self._call("capabilities"))
        return self._capabilities

    def list_calendars(self) -> list[CalendarInfo]:
        return cast(list[CalendarInfo], self._call("list_calendars"))

    def scan(self, request: ScanRequest, progress: Progress = no_progress) -> Scan:
        return cast(Scan, self._call("scan", request, progress=progress))

    def probe(self, calendar: str, handle: str, window: Interval) -> Probe:
        return cast(Probe, self._call("probe", calendar, handle, window))

    def find_by_booking(self, calendar: str, booking: UUID, window: Interval) -> list[Item]:
        return cast(list[Item], self._call("find_by_booking", calendar, booking, window))

    def create(self, calendar: str, draft: Draft, stamp: Stamp) -> Item:
        return cast(Item, self._call("create", calendar, draft, stamp))

    def update(self, calendar: str, handle: str, version: str, draft: Draft, stamp: Stamp) -> Item:
        return cast(Item, self._call("update", calendar, handle, version, draft, stamp))

    def delete(self, calendar: str, handle: str, version: str, stamp: Stamp) -> None:
        self._call("delete", calendar, handle, version, stamp)

    def make_scratch(self) -> str:
        return cast(str, self._call("make_scratch"))

    def remove_scratch(self, calendar: str, bookings: Iterable[UUID]) -> None:
        self._call("remove_scratch", calendar, tuple(bookings))

    @contextmanager
    def watch(self, changed: Callable[[], None]) -> Iterator[None]:
        """A worker that cannot look out now does so as soon as it can."""
        self._watchers.append(changed)
        try:
            if len(self._watchers) == 1:
                with suppress(CalendarError):
                    self._call(LOOK_OUT)
            yield
        finally:
            self._watchers.remove(changed)
            if not self._watchers and self._worker is not None and self._worker.is_alive():
                with suppress(CalendarError):
                    self._call(LOOK_AWAY)

    def close(self) -> None:
        with self._turn:
            if self._worker is not None:
                self._worker.leave()
                self._worker = None

    # ------------------------------------------------------------------------------------------------------------------

    def _call(self, method: str, *arguments: object, progress: Progress = no_progress) -> object:
        with self._turn:
            worker = self._worker
            if worker is None or not worker.is_alive():
                worker = self._start(looking_out=method != LOOK_OUT and bool(self._watchers))
            call = Call(next(self._numbers), method, arguments)
            return self._exchange(worker, call, progress)

    def _start(self, *, looking_out: bool) -> _Running:
        if self._worker is not None:
            self._worker.end()
        self._capabilities = None
        self._worker = worker = _Running(self._build(self._closed_by_user), self._note)
        if looking_out:
            self._exchange(worker, Call(next(self._numbers), LOOK_OUT), no_progress)
            self._hint()
        return worker

    def _exchange(self, worker: _Running, call: Call, progress: Progress) -> object:
        try:
            answer = worker.exchange(call, self._deadlines, progress)
        except _Lost as lost:
            worker.end()
            self._worker = None
            raise CalendarError(self._explain(lost.silence) if lost.silence else _DIED) from None
        if isinstance(answer, Failure):
            raise answer.error()
        return answer.value

    def _note(self, note: Note) -> None:
        if note is Note.CHANGED:
            self._hint()
        elif note in (Note.FOUND, Note.CLOSED):
            self._closed_by_user = note is Note.CLOSED

    def _hint(self) -> None:
        for changed in tuple(self._watchers):
            changed()


class _Lost(Exception):
    """The worker is of no use any more; `silence` unless it died."""

    def __init__(self, silence: Silence | None = None) -> None:
        self.silence = silence


class _Running:
    """One worker process."""

    def __init__(self, build: Build, noted: Callable[[Note], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(target=main, args=(theirs, build), daemon=True)
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._noted = noted
        self._starts = True
        try:
            self._process.start()
        finally:
            theirs.close()
        threading.Thread(target=self._receive, args=(self._connection,), daemon=True).start()

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def exchange(self, call: Call, deadlines: Deadlines, progress: Progress) -> Answer | Failure:
        """Raises _Lost, and whatever `progress` raises."""
        self._send(call)
        last_moment = time.monotonic() + deadlines.whole
        asked = False
        while True:
            silence = deadlines.start if self._starts else deadlines.silence
            try:
                message = self._hear(min(time.monotonic() + silence, last_moment))
            except queue.Empty:
                raise _Lost(Silence(min(silence, deadlines.whole), asked)) from None
            self._starts = message is Note.STARTING
            asked = message is Note.ASKING
            if message is None:
                raise _Lost
            if isinstance(message, Step) and message.number == call.number:
                progress(message.done, message.total)
            elif isinstance(message, Answer | Failure) and message.number == call.number:
                return message

    def leave(self) -> None:
        """Ask it to end, and see that it does."""
        with suppress(_Lost):
            self._send(None)
            self._process.join(_GOODBYE)
        self.end()

    def end(self) -> None:
        """At once."""
        self._process.kill()
        self._process.join(_GOODBYE)
        self._connection.close()

    def _hear(self, until: float) -> Any:
        """The next message; queue.Empty if none comes. In short waits, because on Windows Ctrl-C ends no long one."""
        while True:
            left = max(until - time.monotonic(), 0.0)
            try:
                return self._inbox.get(timeout=min(left, _AT_ONCE))
            except queue.Empty:
                if left <= _AT_ONCE:
                    raise

    def _send(self, call: Call | None) -> None:
        try:
            self._connection.send(call)
        except OSError:
            raise _Lost from None

    def _receive(self, connection: Connection) -> None:
        while True:
            try:
                message = connection.recv()
            except (EOFError, OSError):
                self._inbox.put(None)
                return
            if isinstance(message, Note):
                self._noted(message)
            self._inbox.put(message)
