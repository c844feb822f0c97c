from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from queue import Empty, SimpleQueue

import pytest

from dovetail.connector.link.port import (
    Blocked,
    Disconnected,
    LinkError,
    RetryLater,
    Unreachable,
    WrongCredentials,
)
from dovetail.connector.sync.runs import Outcome, RunReport
from dovetail.connector.sync.scheduler import (
    BACKOFF_LAST,
    IMPATIENCE,
    LONGEST_TRY,
    QUIET,
    SETTLE,
    Mail,
    Scheduler,
)
from dovetail.protocol.messages import SyncMode

HOUR = 3600.0


@dataclass
class FakeClock:
    """Time passes only while somebody waits. `script`: what happens when, in seconds from the beginning."""

    script: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    time: float = 0.0
    asleep: float = 0.0
    wall_start: float = 1_800_000_000.0

    def monotonic(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.wall_start + self.time + self.asleep

    def at(self, when: float, what: Callable[[], None]) -> None:
        self.script.append((when, what))
        self.script.sort(key=lambda step: step[0])

    def receive(self, mail: SimpleQueue[Mail], timeout: float) -> Mail | None:
        until = self.time + timeout
        while self.script and self.script[0][0] <= until and mail.empty():
            when, what = self.script.pop(0)
            self.time = max(self.time, when)
            what()
        try:
            return mail.get(block=False)
        except Empty:
            self.time = max(self.time, until)
            return None

    def sleeps(self, seconds: float) -> None:
        """The computer is suspended: the monotonic clock stands still."""
        self.asleep += seconds


class Bench:
    """A scheduler whose syncs take `takes` seconds and come to what `outcomes` say, in turn; then all is well."""

    def __init__(self, mode: SyncMode = SyncMode.AUTO, interval: int = 5, chance: float = 0.5) -> None:
        self.clock = FakeClock()
        self.syncs: list[tuple[float, str]] = []
        self.outcomes: list[RunReport | Exception] = []
        self.told: list[RunReport | Exception] = []
        self.takes = 0.0
        self.during: Callable[[], None] = lambda: None
        self.watched = False
        self.scheduler = Scheduler(self.sync, mode, interval, watch=self.watch, clock=self.clock, chance=lambda: chance)

    @contextmanager
    def watch(self, changed: Callable[[], None]) -> Iterator[None]:
        self.watched = True
        try:
            yield
        finally:
            self.watched = False

    def sync(self, trigger: str) -> RunReport:
        self.syncs.append((self.clock.time, trigger))
        self.clock.time += self.takes
        self.during()
        outcome = self.outcomes.pop(0) if self.outcomes else done()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def run(self, seconds: float) -> list[tuple[float, str]]:
        self.clock.at(seconds, self.scheduler.stop)
        self.scheduler.run(self.told.append)
        return self.syncs


def done(outcome: Outcome = Outcome.OK, to_repeat: int = 0) -> RunReport:
    return RunReport("test", datetime(2027, 3, 1, tzinfo=UTC), outcome=outcome, to_repeat=to_repeat)


def test_auto_mode_syncs_at_once_and_then_on_the_interval() -> None:
    assert Bench(interval=5).run(1000) == [(0, "start"), (300, "interval"), (600, "interval"), (900, "interval")]


def test_the_interval_is_jittered_so_that_connectors_do_not_march_in_step() -> None:
    early, late = Bench(interval=10, chance=0.0), Bench(interval=10, chance=0.999)
    assert early.run(HOUR / 4)[1][0] == pytest.approx(540)
    assert late.run(HOUR / 4)[1][0] == pytest.approx(660, abs=1)


@pytest.mark.parametrize("minutes", [0, 61])
def test_an_interval_is_one_to_sixty_minutes(minutes: int) -> None:
    with pytest.raises(ValueError, match="1 to 60"):
        Bench(interval=minutes)


def test_manual_mode_syncs_at_the_start_and_when_asked() -> None:
    bench = Bench(SyncMode.MANUAL)
    bench.clock.at(2 * HOUR, bench.scheduler.hint)
    bench.clock.at(3 * HOUR, bench.scheduler.ask)
    assert bench.run(5 * HOUR) == [(0, "start"), (3 * HOUR, "manual")]


def test_a_change_in_the_calendar_is_synced_when_it_has_been_quiet() -> None:
    bench = Bench()
    for when in (100, 104, 106):
        bench.clock.at(when, bench.scheduler.hint)
    assert bench.run(200) == [(0, "start"), (106 + QUIET, "calendar")]


def test_a_user_who_never_rests_does_not_keep_the_sync_away() -> None:
    bench = Bench(interval=60)
    for second in range(100, 200, 2):
        bench.clock.at(second, bench.scheduler.hint)
    syncs = bench.run(300)
    assert syncs[1] == (100 + IMPATIENCE, "calendar")
    assert len(syncs) == 5


def test_requests_that_come_together_are_one_sync() -> None:
    bench = Bench()

    def many() -> None:
        for _ in range(20):
            bench.scheduler.ask()
            bench.scheduler.hint()
            bench.scheduler.wake()

    bench.clock.at(50, many)
    assert bench.run(200) == [(0, "start"), (50, "manual")]


def test_what_comes_during_a_sync_is_one_more_after_it() -> None:
    bench = Bench()
    bench.takes = 30

    def user_is_busy() -> None:
        if len(bench.syncs) == 1:
            for _ in range(5):
                bench.scheduler.hint()

    bench.during = user_is_busy
    assert bench.run(200) == [(0, "start"), (30 + QUIET, "calendar")]


def test_the_server_can_wake_it() -> None:
    bench = Bench()
    bench.clock.at(50, bench.scheduler.wake)
    assert bench.run(100) == [(0, "start"), (50, "server")]


def test_failures_are_spaced_further_and_further_up_to_five_minutes() -> None:
    bench = Bench(interval=10, chance=0.999999)
    bench.outcomes = [Unreachable("The server does not answer.")] * 14
    times = [when for when, _ in bench.run(3 * HOUR)]
    waits = [round(later - earlier) for earlier, later in pairwise(times)][:14]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, *[int(BACKOFF_LAST)] * 5]


@pytest.mark.parametrize("interval", [1, 2, 5, 60])
def test_a_wait_and_the_try_before_it_end_within_one_interval(interval: int) -> None:
    bench = Bench(interval=interval, chance=0.999999)
    bench.outcomes = [Unreachable("The server does not answer.")] * 30
    times = [when for when, _ in bench.run(3 * HOUR)]
    waits = [later - earlier for earlier, later in pairwise(times[:30])]
    assert max(waits) + LONGEST_TRY <= interval * 60


def test_the_jitter_of_the_back_off_is_full() -> None:
    bench = Bench(chance=0.0)
    bench.outcomes = [Unreachable("The server does not answer.")] * 5
    assert [when for when, _ in bench.run(5.5)] == [0, 1, 2, 3, 4, 5]


def test_after_a_success_the_back_off_begins_anew() -> None:
    bench = Bench(interval=1, chance=0.5)
    gone = Unreachable("The server does not answer.")
    bench.outcomes = [gone, gone, gone, done(), gone]
    times = [when for when, _ in bench.run(90)]
    assert times[5] - times[4] == times[1] - times[0] == 1


def test_the_server_is_left_alone_for_as_long_as_it_asked_even_when_the_user_asks() -> None:
    bench = Bench(chance=0.0)
    bench.outcomes = [RetryLater("The server is busy.", retry_after=120)]
    bench.clock.at(10, bench.scheduler.ask)
    assert bench.run(200)[:2] == [(0, "start"), (120, "manual")]


def test_a_user_who_asks_does_not_wait_for_the_back_off() -> None:
    bench = Bench(chance=0.999)
    bench.outcomes = [Unreachable("The server does not answer.")] * 9
    bench.clock.at(300, bench.scheduler.ask)
    assert (300, "manual") in bench.run(310)


def test_a_block_is_waited_out() -> None:
    bench = Bench(chance=0.0)
    bench.outcomes = [Blocked("Too many wrong tries.")]
    assert bench.run(2000)[:2] == [(0, "start"), (1801, "retry")]


@pytest.mark.parametrize("error", [WrongCredentials("Wrong token."), Disconnected("It was ended.")])
def test_what_only_the_user_can_mend_ends_it(error: LinkError) -> None:
    bench = Bench()
    bench.outcomes = [error]
    with pytest.raises(type(error)):
        bench.run(HOUR)
    assert len(bench.syncs) == 1
    assert not bench.watched


def test_a_defect_is_told_and_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(chance=0.0)
    bench.outcomes = [KeyError("Oncologist, second opinion")]
    bench.run(10)
    assert [type(outcome) for outcome in bench.told] == [KeyError, RunReport]
    assert "KeyError" in caplog.text
    assert "Oncologist" not in caplog.text


def test_after_sleep_there_is_one_sync_once_the_network_has_settled() -> None:
    bench = Bench(interval=5)
    bench.clock.at(100, lambda: bench.clock.sleeps(9 * HOUR))
    assert bench.run(300)[:3] == [(0, "start"), (120 + SETTLE, "resume")]


def test_sleep_is_noticed_too_where_the_monotonic_clock_counts_it() -> None:
    bench = Bench(interval=5)

    def sleep() -> None:
        bench.clock.time += 9 * HOUR

    bench.clock.at(100, sleep)
    assert bench.run(10 * HOUR)[:2] == [(0, "start"), (100 + 9 * HOUR + SETTLE, "resume")]


def test_a_sync_that_the_user_outran_is_repeated_soon_but_not_for_ever() -> None:
    bench = Bench(interval=60)
    bench.outcomes = [done(to_repeat=1)] * 9
    assert bench.run(HOUR / 2) == [(0, "start"), (10, "repeat"), (20, "repeat"), (30, "repeat")]


def test_a_sync_without_agreement_counts_as_a_failure() -> None:
    bench = Bench(chance=0.0)
    bench.outcomes = [done(Outcome.UNSETTLED)]
    assert bench.run(10) == [(0, "start"), (1, "retry")]


def test_it_says_when_the_next_sync_is() -> None:
    bench = Bench(interval=5)
    bench.run(100)
    due = bench.scheduler.next_sync()
    assert due is not None
    assert due.timestamp() == pytest.approx(bench.clock.wall_start + 300)


def test_while_hints_come_in_real_time_the_interval_is_a_quarter_of_an_hour() -> None:
    bench = Bench(SyncMode.REAL_TIME)
    bench.clock.at(60, lambda: bench.scheduler.pace(live=True))
    assert bench.run(HOUR) == [
        (0, "start"),
        (300, "interval"),
        (1200, "interval"),
        (2100, "interval"),
        (3000, "interval"),
    ]


def test_when_they_come_no_more_the_next_sync_is_brought_forward() -> None:
    bench = Bench(SyncMode.REAL_TIME)
    bench.clock.at(60, lambda: bench.scheduler.pace(live=True))
    bench.clock.at(400, lambda: bench.scheduler.pace(live=False))
    assert bench.run(1100) == [(0, "start"), (300, "interval"), (700, "interval"), (1000, "interval")]
