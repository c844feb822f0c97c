"""Outlook in a process of its own: the contract of every calendar across it, and what happens when it hangs or dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from connector.calendars.contract import NINE, SECRET, TEN, WINDOW, CalendarContract
from connector.outlook.model_worker import WorkerHand, build, build_dying
from dovetail.connector.calendars.port import CalendarError, ScanRequest
from dovetail.connector.outlook.worker import process
from dovetail.connector.outlook.worker.calendar import Deadlines, Silence, WorkerCalendar
from dovetail.connector.outlook.worker.process import Build, Manners
from dovetail.connector.outlook.worker.pump import PlainPump

PATIENT = Deadlines(silence=30.0, whole=60.0)
HASTY = Deadlines(silence=3.0, start=30.0, whole=7.0)


@pytest.fixture(scope="module")
def shared() -> Iterator[WorkerCalendar]:
    port = WorkerCalendar(lambda closed: build, deadlines=PATIENT)
    yield port
    port.close()


@pytest.fixture
def hand(shared: WorkerCalendar) -> WorkerHand:
    return WorkerHand(shared)


@pytest.fixture
def own() -> Iterator[WorkerCalendar]:
    """One that may come to harm."""
    port = WorkerCalendar(lambda closed: build, deadlines=HASTY)
    port.capabilities()
    yield port
    port.close()


class TestContract(CalendarContract):
    pass


# --- a worker that is stuck, and one that dies ------------------------------------------------------------------------


def test_a_call_that_hangs_is_ended_at_its_deadline_and_the_next_one_works(own: WorkerCalendar) -> None:
    before, begun = own._call("pid"), time.monotonic()

    with pytest.raises(CalendarError, match="did not answer for 3 seconds") as raised:
        own._call("hangs", 60.0)

    assert raised.value.transient
    assert 3 <= time.monotonic() - begun < 7
    assert is_gone(before)
    assert len(own.list_calendars()) == 2
    assert own._call("pid") != before


def test_a_worker_that_is_at_it_for_long_is_not_taken_for_stuck(own: WorkerCalendar) -> None:
    assert own._call("rests", 4.0) is None


def test_a_program_that_starts_is_given_more_time(own: WorkerCalendar) -> None:
    assert own._call("starts_the_program", 4.0) is None


def test_a_call_without_end_is_ended_however_lively_it_looks(own: WorkerCalendar) -> None:
    begun = time.monotonic()

    with pytest.raises(CalendarError):
        own._call("rests", 60.0)
    assert 7 <= time.monotonic() - begun < 12


def test_a_silence_after_a_guarded_member_was_asked_for_is_told_from_others() -> None:
    heard: list[Silence] = []

    def explain(silence: Silence) -> str:
        heard.append(silence)
        return "Outlook asks you something."

    quick = Deadlines(silence=1.0, start=30.0, whole=30.0)
    with closing(WorkerCalendar(lambda closed: build, deadlines=quick, explain=explain)) as own:
        own._call("pid")
        with pytest.raises(CalendarError, match="asks you"):
            own._call("reads_a_guarded_text", 60.0)
        own._call("pid")
        with pytest.raises(CalendarError):
            own._call("hangs", 60.0)

    assert [silence.asked for silence in heard] == [True, False]


def test_a_worker_that_crashes_costs_one_call(own: WorkerCalendar) -> None:
    with pytest.raises(CalendarError, match="unexpectedly") as raised:
        own._call("crashes")

    assert raised.value.transient
    assert len(own.list_calendars()) == 2


def test_a_worker_that_was_killed_between_two_calls_is_not_even_noticed(own: WorkerCalendar) -> None:
    os.kill(own._call("pid"), signal.SIGKILL)
    wait_for(lambda: not own._worker.is_alive())

    assert len(own.list_calendars()) == 2


def test_a_scan_in_whose_middle_the_worker_dies_says_nothing_of_what_is_there(tmp_path: Path) -> None:
    mark = tmp_path / "died"
    with closing(WorkerCalendar(lambda closed: partial(build_dying, mark), deadlines=PATIENT)) as port:
        calendar = port.list_calendars()[0].id
        with pytest.raises(CalendarError) as raised:
            port.scan(ScanRequest(calendar, WINDOW))
        assert raised.value.transient
        assert mark.exists()

        calendar = port.list_calendars()[0].id
        assert len(port.scan(ScanRequest(calendar, WINDOW)).items) == 5


def test_what_trips_in_the_worker_is_told_without_what_it_says(
    own: WorkerCalendar, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CalendarError) as raised:
        own._call("trips")

    assert SECRET not in repr(raised.value) + raised.value.reason
    assert SECRET not in "".join(capfd.readouterr())


def test_a_worker_ends_when_its_calendar_is_closed(own: WorkerCalendar) -> None:
    pid = own._call("pid")
    own.close()

    assert is_gone(pid)


def test_a_stuck_worker_ends_with_its_parent(tmp_path: Path) -> None:
    """The parent is killed, so that it can end nothing itself."""
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import sys, threading, time
            sys.path[:0] = {[path for path in sys.path if path]!r}
            from connector.outlook.model_worker import build
            from dovetail.connector.outlook.worker.calendar import WorkerCalendar

            if __name__ == "__main__":
                port = WorkerCalendar(lambda closed: build)
                print(port._call("pid"), flush=True)
                threading.Thread(target=port._call, args=("hangs", 60.0), daemon=True).start()
                time.sleep(60)
            """
        )
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        time.sleep(0.3)
        assert not is_gone(worker)
        parent.kill()

    wait_for(lambda: is_gone(worker))


# --- the program that comes and goes ----------------------------------------------------------------------------------


def test_hints_settle_before_they_are_told(hand: WorkerHand) -> None:
    told: list[float] = []

    with hand.port.watch(lambda: told.append(time.monotonic())):
        hand.tells("adds_many", 30)
        wait_for(lambda: bool(told))
        time.sleep(1.5)

    assert len(told) == 1


def test_hints_come_again_from_the_worker_that_replaced_a_dead_one(own: WorkerCalendar) -> None:
    told = threading.Event()
    with own.watch(told.set):
        with pytest.raises(CalendarError):
            own._call("crashes")
        hand = WorkerHand(own, anew=False)
        assert told.wait(5), "nobody looked in between"
        hand.port.list_calendars()
        time.sleep(1.5)
        told.clear()

        hand.adds(hand.main, NINE, TEN)

        assert told.wait(5)


def test_an_outlook_that_came_back_is_listened_to_again(hand: WorkerHand) -> None:
    told = threading.Event()
    with hand.port.watch(told.set):
        hand.takes_store_away()
        hand.puts_store_back()
        hand.port.list_calendars()
        told.clear()
        hand.adds(hand.main, NINE, TEN)

        assert told.wait(5)


def test_a_new_worker_knows_that_the_user_closed_outlook() -> None:
    built: list[bool] = []

    def make(closed: bool) -> Build:
        built.append(closed)
        return build

    with closing(WorkerCalendar(make, deadlines=PATIENT)) as port:
        hand = WorkerHand(port)
        port.list_calendars()
        hand.takes_store_away()
        with suppress(CalendarError):
            port._call("crashes")
        port.list_calendars()
        with suppress(CalendarError):
            port._call("crashes")
        port.list_calendars()

    assert built == [False, True, False]


def test_work_is_done_in_slices_with_the_users_messages_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(process, "time", clock)
    manners = Manners(clock, lambda message: None)
    manners.begin()

    for _ in range(400):
        clock.now += 0.005  # one call into the program
        manners.breathe()

    stretches = [later - earlier for earlier, later in pairwise([0.0, *clock.served])]
    assert len(stretches) >= 8
    assert max(stretches) <= 0.2 + 0.005 + process.REST + 1e-6


def test_two_threads_may_call_at_once(hand: WorkerHand) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(hand.port.list_calendars()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert found == [2, 2, 2, 2]


class Clock(PlainPump):
    """Time, and a pump that lets it pass."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.served: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float | None) -> None:
        self.now += seconds or 0.0
        self.served.append(self.now)


def is_gone(pid: int) -> bool:
    """Also as a zombie that nobody collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came about"
        time.sleep(0.02)
