"""One sync, from looking at the calendars to both ends agreeing.

1. Look up what became of writes that were under way when the process last ended.
2. When it is not known what to look at (first sync, or the days have jumped), or whether enough time has passed to
   believe what is held, ask the server: a request without report.
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
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from dovetail.connector.calendars.port import CalendarInfo, CalendarPort, Progress, no_progress
from dovetail.connector.link.port import LinkError, ServerPort
from dovetail.connector.sync import planner, reporting
from dovetail.connector.sync.conversation import About, Conversation
from dovetail.connector.sync.executor import Done, Executor, Result
from dovetail.connector.sync.guards import SECOND_LOOK, View
from dovetail.connector.sync.journal import Journal
from dovetail.connector.sync.looking import Looker
from dovetail.connector.sync.planner import Notice, Operation, Picture
from dovetail.connector.sync.reporting import Outgoing
from dovetail.connector.sync.runs import LocalProblem, Outcome, RunReport, local_problems, outcome_of
from dovetail.connector.sync.state import Held, LinkKey, Memory, Part, interval_of, window_from
from dovetail.protocol.messages import FeedbackAnswer, FeedbackOutcome, ReportOutcome, Settings, Window
from dovetail.protocol.report import calendars_digest

__all__ = ["MANUAL", "About", "Engine"]

MANUAL = "manual"
ROUNDS = 4
"""Requests until both ends agree: a first, one after a mismatch, one after a refusal, and one to spare."""
LOOKS = 2


def utc_now() -> datetime:
    return datetime.now(UTC)


class Engine:
    """Syncs one pairing's calendars with its server. Not for two threads at once: see `scheduler`.

    `about` may be replaced between two syncs.
    """

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
        self.about = about
        self._now = now

    def sync(self, trigger: str = MANUAL, progress: Progress = no_progress) -> RunReport:
        """One sync. `trigger` is kept in the report; ``"manual"`` also tries again what failed lately.

        Raises LinkError when the server could not be reached or will not; the journal keeps that too.
        """
        began = time.monotonic()
        looker = Looker(self._calendars, progress)
        conversation = Conversation(self._server, self._journal.identity, self.about, self._now)
        executor = Executor(self._calendars, self._journal)
        run = _Run(looker, conversation, executor, self._journal, self._now, urgent=trigger == MANUAL)

        def record(outcome: Outcome, reason: str = "", retry_after: float | None = None) -> RunReport:
            seconds = round(time.monotonic() - began, 3)
            report = run.told(RunReport(trigger, started, seconds, outcome, reason, retry_after))
            self._journal.record(report)
            return report

        started = self._now()
        try:
            run.run()
        except LinkError as error:
            record(outcome_of(error), error.reason, error.retry_after)
            raise
        except Exception as error:
            record(Outcome.DEFECT, f"The program failed ({type(error).__name__}).")
            raise
        return record(run.outcome)


class _Run:
    """The state of one sync. `memory` is what holds now, `saved` what the journal has of it; `stale`: the server may
    not hold all that we see."""

    looked_in: Window

    def __init__(
        self,
        looker: Looker,
        conversation: Conversation,
        executor: Executor,
        journal: Journal,
        clock: Callable[[], datetime],
        *,
        urgent: bool,
    ) -> None:
        self.looker = looker
        self.conversation = conversation
        self.executor = executor
        self.journal = journal
        self.identity = journal.identity
        self.clock = clock
        self.urgent = urgent
        self.memory = self.saved = Memory()
        self.views: dict[str, View] = {}
        self.strays: dict[UUID, bool] = {}
        self.answers: tuple[FeedbackAnswer, ...] = ()
        self.refused: frozenset[str] = frozenset()
        self.results: Counter[Result] = Counter()
        self.chunks_sent = 0
        self.stale = False
        self.unsettled = False

    def run(self) -> None:
        self.memory = self.saved = self.executor.recover(self.journal.load())  # 1
        self._list()
        if self.memory.settings is None or self._days_jumped() or self._holds_are_due():
            self._ask()  # 2
        if self.looker.failure and not self.memory.calendars:
            return  # nothing is known of any calendar: the contact was all there is to say
        for _ in range(LOOKS):
            self._look()  # 3, 4, 5
            self._agree()  # 6, 7
            self._write()  # 8
            if self.stale and self._compose(self._notice()).then.root != self.memory.acknowledged.root:
                self._agree()  # 9
            if self.views.keys() == self._watched().keys() and self.looked_in == self._window():
                break

    # --- what to look at ----------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The server's time."""
        return self.clock() + self.memory.skew

    @property
    def settings(self) -> Settings:
        assert self.memory.settings is not None, "they are asked for first"
        return self.memory.settings

    def _window(self) -> Window:
        return window_from(self.now.date(), self.settings.window_days)

    def _days_jumped(self) -> bool:
        """Neither the day of the last sync nor the one after: a clock was changed, or the PC was away."""
        window = self.memory.window
        return window is None or self.now.date() - window.first_day not in (timedelta(days=1), timedelta(days=2))

    def _holds_are_due(self) -> bool:
        """Removals are about to be believed because time has passed: by whose clock?"""
        holds = [hold for base in self.memory.bases.values() for hold in base.held.values()]
        holds += [hold for (_, part), hold in self.memory.refused.items() if part is Part.BUSY]
        return any(self.now - hold.since >= SECOND_LOOK for hold in holds)

    def _watched(self) -> dict[str, CalendarInfo]:
        """The calendars with a role, and those that bookings are written to."""
        if self.memory.settings is None:
            return {}
        roles = self.memory.settings.roles
        keys = {roles.main, *roles.busy, *roles.additional}
        keys.update(key for wanted in self.memory.desired.values() for key in wanted.calendars)
        return {info.id: info for info in self.memory.calendars if self.identity.key(info.id) in keys}

    def _list(self) -> None:
        calendars = self.looker.listed(self.memory.calendars, needed=self._watched().keys())
        self.memory = replace(self.memory, calendars=calendars)

    def _look(self) -> None:
        self.looked_in = self._window()
        window = interval_of(self.looked_in)
        self.views = {
            calendar: self.looker.look(info, self.memory, window, self.now)
            for calendar, info in self._watched().items()
        }
        vanished = planner.vanished(self._picture())
        self.strays = self.looker.seek(self._picture(), self.memory.calendars, window)
        for booking, calendar in vanished:
            if booking not in self.strays:
                self.views[calendar] = self.views[calendar].doubting(self.memory.links[booking, calendar].handle)

    def _picture(self) -> Picture:
        return Picture(self.identity, self.memory, self.settings, self.views, self.now)

    # --- talking to the server ----------------------------------------------------------------------------------------

    def _ask(self) -> None:
        calendars = reporting.calendar_reports(self.memory.calendars, self.identity.key)
        self.memory, answer = self.conversation.ask(self.memory, None if self.looker.failure else calendars)
        with_calendars = replace(self.memory.acknowledged, calendars=calendars_digest(calendars))
        if answer.report.digests is not None:
            self.memory = replace(self.memory, acknowledged=reporting.acknowledged(answer.report.digests))
        elif answer.report.root == with_calendars.root:
            self.memory = replace(self.memory, acknowledged=with_calendars)

    def _agree(self) -> None:
        """Report until the server holds what we see, and remember that."""
        for _ in range(ROUNDS):
            self.refused |= reporting.incredible(self._picture(), self.looked_in)
            basis, notice = self.memory, self._notice()
            outgoing = self._compose(notice)
            self.conversation.held = self.waiting
            self.conversation.problems = reporting.problems(self._picture())
            answered = {answer.booking for answer in self.answers}
            feedback = [f for f in notice.feedback.values() if f.booking not in answered and not outgoing.vouched]
            self.memory, answer = self.conversation.tell(self.memory, outgoing.report, feedback)
            self.answers += answer.feedback
            self.chunks_sent += len(outgoing.report.chunks)
            if answer.report.outcome is ReportOutcome.APPLIED:
                self.stale = (basis.desired, basis.settings) != (self.memory.desired, self.memory.settings)
                self._remember(notice, outgoing)
                return
            if answer.report.outcome is ReportOutcome.REFUSED:
                self.refused |= set(answer.report.refused)
            elif answer.report.digests is not None:
                # One side has lost its memory or gone back in time: all bookings are asked for again, too.
                held = reporting.acknowledged(answer.report.digests)
                self.memory = replace(self.memory, acknowledged=held, cursor="")
        self.unsettled = True
        self.journal.commit(self.saved, self.memory, acknowledged=False)
        self.saved = self.memory

    def _notice(self) -> Notice:
        return planner.notice(self._picture(), self.strays)

    def _compose(self, notice: Notice) -> Outgoing:
        return reporting.compose(self._picture(), notice.links, self.looked_in, self.refused)

    def _remember(self, notice: Notice, outgoing: Outgoing) -> None:
        """What was seen becomes the base of the next sync, save where the server would not take it."""
        for calendar, view in self.views.items():
            is_refused = self.identity.key(calendar) in self.refused
            base = view.refused(self.now) if is_refused else view.remembered(self.now)
            self.views[calendar] = replace(view, base=base)
        waiting = {(key, Part.BUSY) for key in self.refused}
        if self.held_feedback and self.settings.roles.main is not None:
            waiting.add((self.settings.roles.main, Part.FEEDBACK))
        self.memory = replace(
            self.memory,
            bases={calendar: view.base for calendar, view in self.views.items()},
            links=notice.settled(self.answers),
            acknowledged=outgoing.then,
            window=self.looked_in,
            refused={key: self.memory.refused.get(key, Held(self.now)) for key in waiting},
        ).without_past(interval_of(self._window()))
        self.journal.commit(self.saved, self.memory, acknowledged=True)
        self.saved = self.memory

    # --- writing to the calendars -------------------------------------------------------------------------------------

    def _write(self) -> None:
        """Twice, because an item that was found instead of made may have to be updated."""
        tried: set[LinkKey] = set()
        for _ in range(2):
            for operation in planner.operations(self._picture(), urgent=self.urgent):
                if operation.key not in tried:
                    done = self.executor.perform(operation, self.memory.links.get(operation.key), self.now)
                    self._take_over(operation, done)
                    if done.result is not Result.ADOPTED:
                        tried.add(operation.key)

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
    def held_feedback(self) -> int:
        return sum(answer.outcome is FeedbackOutcome.HELD for answer in self.answers)

    @property
    def waiting(self) -> int:
        """What waits for the User: deletions held here, calendars and changes the server would not take."""
        refused = self.refused | {key for (key, part) in self.memory.refused if part is Part.BUSY}
        return sum(len(view.held) for view in self.views.values()) + len(refused) + self.held_feedback

    @property
    def outcome(self) -> Outcome:
        if self.unsettled:
            return Outcome.UNSETTLED
        if self.waiting:
            return Outcome.HELD
        return Outcome.DEGRADED if self._problems() else Outcome.OK

    def _problems(self) -> tuple[LocalProblem, ...]:
        return local_problems(self.memory, self.views, self.looker.failure)

    def told(self, report: RunReport) -> RunReport:
        """The report of this run, as far as it came."""
        names = {self.identity.key(info.id): info.name for info in self.memory.calendars}
        return replace(
            report,
            requests=self.conversation.requests,
            bytes_sent=self.conversation.sent,
            bytes_received=self.conversation.received,
            items_seen=self.looker.seen,
            items_read=self.looker.read,
            chunks_sent=self.chunks_sent,
            created=self.results[Result.CREATED],
            updated=self.results[Result.UPDATED],
            adopted=self.results[Result.ADOPTED],
            failed=self.results[Result.FAILED],
            to_repeat=self.results[Result.CHANGED],
            feedback=len(self.answers),
            held=self.waiting,
            refused=tuple(names.get(key, key) for key in sorted(self.refused)),
            problems=self._problems(),
            busy_as_of={
                names.get(self.identity.key(calendar), ""): view.as_of
                for calendar, view in self.views.items()
                if view.as_of is not None
            },
        )
