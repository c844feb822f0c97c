"""One sync, from looking at the calendars to both ends agreeing.

1. Look up what became of writes that were under way when the process last ended.
2. When it is not known what to look at (first sync, or the days have jumped), ask the server: a request without report.
3. List the calendars and scan those that matter, reading again only what changed.
4. Look one by one at what is missing, and seek the items of bookings that vanished in all calendars.
5. Let the guards decide what to believe.
6. Send what differs from what the server holds, and what the User's changes ask of it, until the server agrees.
7. Remember, in one transaction: what was seen, what the server holds, its cursor, bookings and settings.
8. Write the bookings into the calendars.
9. If that or the answer changed anything, report again; if it changed what to look at, start over, once.

A sync with nothing to say is steps 1, 3–5 and one small request. Nothing is remembered of a sync that did not reach the
server: it sees the same again.

Which day it is, is taken from the server's clock: a PC whose clock is wrong looks at the right days all the same.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from dovetail.connector.calendars.port import CalendarInfo, CalendarPort, Progress, no_progress
from dovetail.connector.link.port import LinkError, NotTheServer, ServerPort
from dovetail.connector.sync import planner, reporting
from dovetail.connector.sync.executor import Done, Executor, Result
from dovetail.connector.sync.guards import View
from dovetail.connector.sync.journal import Journal
from dovetail.connector.sync.looking import Looker
from dovetail.connector.sync.planner import Notice, Operation, Picture
from dovetail.connector.sync.reporting import Outgoing
from dovetail.connector.sync.runs import LocalProblem, Outcome, RunReport, outcome_of
from dovetail.connector.sync.state import Held, LinkKey, Memory, interval_of, window_from
from dovetail.protocol.messages import (
    ConnectorStatus,
    FeedbackAnswer,
    Health,
    ItemOutcome,
    ReportOutcome,
    Settings,
    SyncMode,
    SyncRequest,
    SyncResponse,
    Window,
)
from dovetail.protocol.report import calendars_digest

ROUNDS = 4
"""Requests until both ends agree: a first, one after a mismatch, one after a refusal, and one to spare."""
LOOKS = 2
MANUAL = "manual"


@dataclass(frozen=True)
class About:
    """What the server is told of this connector."""

    version: str
    platform: str
    mode: SyncMode
    interval_minutes: int = 5


def utc_now() -> datetime:
    return datetime.now(UTC)


class Engine:
    """Syncs one pairing's calendars with its server. Not for two threads at once: see `scheduler`."""

    def __init__(
        self,
        calendars: CalendarPort,
        server: ServerPort,
        journal: Journal,
        about: About,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._calendars = calendars
        self._server = server
        self._journal = journal
        self._about = about
        self._now = now

    def sync(self, trigger: str = MANUAL, progress: Progress = no_progress) -> RunReport:
        """One sync. `trigger` is kept in the report; ``"manual"`` also tries again what failed lately.

        Raises LinkError when the server could not be reached or will not; the journal keeps that too.
        """
        began = time.monotonic()
        looker = Looker(self._calendars, self._now, progress)
        run = _Run(looker, self._server, self._journal, self._about, self._now, trigger)
        run.executor = Executor(self._calendars, self._journal, self._journal.identity, lambda: run.now)
        try:
            run.run()
        except LinkError as error:
            self._record(run, began, outcome_of(error), error.reason, error.retry_after)
            raise
        except Exception as error:
            self._record(run, began, Outcome.DEFECT, f"The program failed ({type(error).__name__}).")
            raise
        return self._record(run, began, run.outcome)

    def _record(
        self, run: _Run, began: float, outcome: Outcome, reason: str = "", retry_after: float | None = None
    ) -> RunReport:
        report = replace(
            run.told(),
            seconds=round(time.monotonic() - began, 3),
            outcome=outcome,
            reason=reason,
            retry_after=retry_after,
        )
        self._journal.record(report)
        return report


class _Run:
    """The state of one sync. `memory` is what holds now, `saved` what the journal has of it."""

    executor: Executor

    def __init__(
        self,
        looker: Looker,
        server: ServerPort,
        journal: Journal,
        about: About,
        now: Callable[[], datetime],
        trigger: str,
    ) -> None:
        self.looker = looker
        self.server = server
        self.journal = journal
        self.identity = journal.identity
        self.about = about
        self.clock = now
        self.report = RunReport(trigger=trigger, started=now())
        self.memory = self.saved = Memory()
        self.views: dict[str, View] = {}
        self.strays: dict[UUID, bool] = {}
        self.answers: tuple[FeedbackAnswer, ...] = ()
        self.refused: frozenset[str] = frozenset()
        self.results: Counter[Result] = Counter()
        self.stale = False
        self.unsettled = False

    def run(self) -> None:
        self.memory = self.saved = self.journal.load()
        self.memory, unknown = self.executor.recover(self.memory)  # 1
        self.saved = self.memory
        self._list()
        if self.memory.settings is None or self._days_jumped():
            self._ask()  # 2
        for _ in range(LOOKS):
            self._look()  # 3, 4, 5
            self._agree()  # 6, 7
            self._write(unknown)  # 8
            if self.stale and self._compose(self._notice()).then.root != self.memory.acknowledged.root:
                self._agree()  # 9
            if self.views.keys() == set(self._watched()) and self.looked_in == self._window():
                break

    # --- what to look at ----------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.clock() + self.memory.skew

    @property
    def settings(self) -> Settings:
        if self.memory.settings is None:
            raise RuntimeError("the settings are asked for first")
        return self.memory.settings

    def _window(self) -> Window:
        return window_from(self.now.date(), self.settings.window_days)

    def _days_jumped(self) -> bool:
        """Neither the day of the last sync nor the one after: a clock was changed, or the PC was away."""
        window = self.memory.window
        today = self.now.date()
        return window is None or today - window.first_day not in (timedelta(days=1), timedelta(days=2))

    def _watched(self) -> dict[str, CalendarInfo]:
        """The calendars with a role, and those that bookings were written to."""
        if self.memory.settings is None:
            return {}
        roles = self.memory.settings.roles
        keys = {roles.main, *roles.busy, *roles.additional}
        keys.update(key for wanted in self.memory.desired.values() for key in wanted.calendars)
        return {info.id: info for info in self.memory.calendars if self.identity.key(info.id) in keys}

    def _list(self) -> None:
        watched = self._watched()
        self.memory = replace(
            self.memory, calendars=self.looker.listed(self.memory.calendars, lambda calendar: calendar in watched)
        )

    def _look(self) -> None:
        self.looked_in = self._window()
        window = interval_of(self.looked_in)
        self.memory = self.memory.without_past(window)
        self.views = {
            calendar: self.looker.look(info, self.memory, window) for calendar, info in self._watched().items()
        }
        self.strays = self.looker.seek(self._picture(), self.memory.calendars, window)

    def _picture(self) -> Picture:
        return Picture(self.identity, self.memory, self.settings, self.views, self.now)

    # --- talking to the server ----------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Settings and bookings, without a report."""
        calendars = reporting.calendar_reports(self.memory.calendars, self.identity.key)
        answer = self._exchange(
            SyncRequest(
                epoch=self.identity.epoch,
                connector=self._status(),
                cursor=self.memory.cursor,
                calendars=calendars,
            )
        )
        before = self.memory.acknowledged
        with_calendars = replace(before, calendars=calendars_digest(calendars))
        if answer.report.digests is not None:
            self.memory = replace(self.memory, acknowledged=reporting.acknowledged(answer.report.digests))
        elif answer.report.root == with_calendars.root:
            self.memory = replace(self.memory, acknowledged=with_calendars)

    def _agree(self) -> None:
        """Report until the server holds what we see, and remember that."""
        for _ in range(ROUNDS):
            basis = self.memory
            notice = self._notice()
            outgoing = self._compose(notice)
            answered = {answer.booking for answer in self.answers}
            answer = self._exchange(
                SyncRequest(
                    epoch=self.identity.epoch,
                    connector=self._status(),
                    cursor=self.memory.cursor,
                    report=outgoing.report,
                    feedback=tuple(f for key, f in notice.feedback.items() if key[0] not in answered),
                )
            )
            self.answers += answer.feedback
            self.report = replace(
                self.report,
                chunks_sent=self.report.chunks_sent + len(outgoing.report.chunks),
                feedback=self.report.feedback + len(answer.feedback),
            )
            if answer.report.outcome is ReportOutcome.APPLIED:
                self.stale = (basis.desired, basis.settings) != (self.memory.desired, self.memory.settings)
                self._remember(notice, outgoing)
                return
            if answer.report.outcome is ReportOutcome.REFUSED:
                self.refused |= set(answer.report.refused)
            elif answer.report.digests is not None:
                # One side has lost its memory or gone back in time: ask for all bookings again, too.
                held = reporting.acknowledged(answer.report.digests)
                self.memory = replace(self.memory, acknowledged=held, cursor="")
        self.unsettled = True
        self.journal.commit(self.saved, self.memory, acknowledged=False)
        self.saved = self.memory

    def _remember(self, notice: Notice, outgoing: Outgoing) -> None:
        bases = {}
        for calendar, view in self.views.items():
            if self.identity.key(calendar) not in self.refused:
                bases[calendar] = view.remembered()
            elif calendar in self.memory.bases:
                bases[calendar] = self.memory.bases[calendar]
        self.memory = replace(
            self.memory,
            bases=bases,
            links=notice.settled(self.answers),
            acknowledged=outgoing.then,
            window=self.looked_in,
            refused={key: self.memory.refused.get(key, Held(self.now)) for key in self.refused},
        ).without_past(interval_of(self.looked_in))
        self.journal.commit(self.saved, self.memory, acknowledged=True)
        self.saved = self.memory

    def _notice(self) -> Notice:
        return planner.notice(self._picture(), self.strays)

    def _compose(self, notice: Notice) -> Outgoing:
        return reporting.compose(self._picture(), notice.links, self.looked_in, self.refused)

    def _exchange(self, request: SyncRequest) -> SyncResponse:
        """Send, and take over what the answer says of settings, bookings and time."""
        answer = self.server.exchange(request)
        if answer.epoch != self.identity.epoch:
            raise NotTheServer("The server speaks of another pairing. Connect this computer again.")
        self.report = replace(
            self.report,
            requests=self.report.requests + 1,
            bytes_sent=self.report.bytes_sent + len(request.model_dump_json()),
            bytes_received=self.report.bytes_received + len(answer.model_dump_json()),
        )
        desired = {} if answer.full else dict(self.memory.desired)
        desired.update((wanted.booking, wanted) for wanted in answer.bookings)
        self.memory = replace(
            self.memory,
            settings=answer.settings,
            cursor=answer.cursor,
            skew=answer.server_time - self.clock(),
            desired=desired,
        ).without_past(interval_of(self._window_of(answer)))
        return answer

    def _window_of(self, answer: SyncResponse) -> Window:
        return window_from(answer.server_time.date(), answer.settings.window_days)

    def _status(self) -> ConnectorStatus:
        picture = self._picture() if self.views else None
        problems = reporting.problems(picture) if picture else ()
        held = sum(len(view.held) for view in self.views.values()) + len(self.refused | self.memory.refused.keys())
        health = Health.HELD if held else Health.DEGRADED if problems or self.looker.failure else Health.OK
        return ConnectorStatus(
            version=self.about.version,
            platform=self.about.platform,
            mode=self.about.mode,
            interval_minutes=self.about.interval_minutes,
            health=health,
            held_deletions=held,
            problems=problems,
        )

    # --- writing to the calendars -------------------------------------------------------------------------------------

    def _write(self, unknown: set[LinkKey]) -> None:
        """Twice, because an item that was found instead of made may have to be updated."""
        waiting = set(unknown)
        for _ in range(2):
            for operation in planner.operations(self._picture(), urgent=self.report.trigger == MANUAL):
                if operation.key not in waiting:
                    done = self.executor.perform(operation, self.memory.links.get(operation.key))
                    self._take_over(operation, done)
                    if done.result is not Result.ADOPTED:
                        waiting.add(operation.key)

    def _take_over(self, operation: Operation, done: Done) -> None:
        if done.link is not None:
            self.memory = self.saved = self.memory.with_item(operation.key, done.link, done.item)
        if done.item is not None:
            calendar = operation.key[1]
            self.views[calendar] = self.views[calendar].put(done.item)
        self.results[done.result] += 1
        self.stale = True

    # --- what it came to ----------------------------------------------------------------------------------------------

    @property
    def held(self) -> int:
        return sum(len(view.held) for view in self.views.values())

    @property
    def outcome(self) -> Outcome:
        if self.unsettled:
            return Outcome.UNSETTLED
        if self.held or self.refused:
            return Outcome.HELD
        return Outcome.DEGRADED if self.problems() or self.results[Result.FAILED] else Outcome.OK

    def problems(self) -> list[LocalProblem]:
        names = {info.id: info.name for info in self.memory.calendars}
        found = [LocalProblem("", "calendars_unreadable", self.looker.failure)] if self.looker.failure else []
        for calendar, view in self.views.items():
            name = names.get(calendar, "")
            if view.failure and view.failure != self.looker.failure:
                found.append(LocalProblem(name, "calendar_unreadable", view.failure))
            elif not view.failure and not view.complete:
                found.append(LocalProblem(name, "scan_incomplete", "Not everything could be read."))
            found += [LocalProblem(name, problem.code, problem.reason, problem.where) for problem in view.problems]
        for (_, calendar), link in self.memory.links.items():
            if link.outcome is ItemOutcome.FAILED:
                found.append(LocalProblem(names.get(calendar, ""), "booking_not_written", link.reason))
        return found

    def told(self) -> RunReport:
        """The report of this run, so far as it came."""
        names = {self.identity.key(info.id): info.name for info in self.memory.calendars}
        return replace(
            self.report,
            items_seen=self.looker.seen,
            items_read=self.looker.read,
            created=self.results[Result.CREATED],
            updated=self.results[Result.UPDATED],
            adopted=self.results[Result.ADOPTED],
            failed=self.results[Result.FAILED],
            to_repeat=self.results[Result.CHANGED],
            held=self.held,
            refused=tuple(names.get(key, key) for key in sorted(self.refused)),
            problems=tuple(self.problems()),
            busy_as_of={
                names.get(self.identity.key(calendar), ""): view.as_of
                for calendar, view in self.views.items()
                if view.as_of is not None
            },
        )
