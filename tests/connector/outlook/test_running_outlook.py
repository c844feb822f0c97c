"""Outlook as a program: attached to, started where that is allowed, let go when it quits, found again."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from connector.calendars.contract import HOUR, NINE, TEN, WINDOW
from connector.outlook.model_launcher import ModelLauncher
from connector.outlook.model_outlook import ModelOutlook
from connector.outlook.model_store import DISCONNECTED, outlook_error, transport_error
from connector.outlook.outlook_hand import OutlookHand, scan
from dovetail.connector.calendars.port import CalendarError, ScanRequest
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault, outcome_of
from dovetail.connector.outlook.object_model.running import CLOSING_SECONDS, RunningOutlook


class Desk:
    """An Outlook, the program that comes and goes, and the calendar on it."""

    def __init__(self, **how: Any) -> None:
        self.outlook = ModelOutlook()
        self.launcher = ModelLauncher(self.outlook)
        self.now = 100.0
        self.found = 0
        self.running = RunningOutlook(self.launcher, found=self._is_found, monotonic=lambda: self.now, **how)
        self.hand = OutlookHand(self.outlook, connect=self.running.connect, between=self.running.must_be_there)
        self.running.gone = self.hand.port.close

    def _is_found(self) -> None:
        self.found += 1

    def lists(self) -> int:
        return len(self.hand.port.list_calendars())


def test_an_outlook_that_runs_is_attached_to_and_no_other_is_started() -> None:
    desk = Desk(may_start=True)

    assert desk.lists() == 2
    assert (desk.launcher.started, desk.found) == (0, 1)


def test_outlook_is_not_started_unless_that_is_allowed() -> None:
    desk = Desk()
    desk.outlook.dies()

    with pytest.raises(CalendarError, match="not running") as raised:
        desk.lists()
    assert raised.value.transient
    assert desk.launcher.started == 0


def test_outlook_is_started_where_it_may_be() -> None:
    told: list[bool] = []
    desk = Desk(may_start=True, starting=lambda: told.append(desk.outlook.running))
    desk.outlook.dies()

    assert desk.lists() == 2
    assert desk.launcher.started == 1
    assert told == [False], "because it takes long"


def test_an_outlook_that_cannot_be_attached_to_yet_is_reached_without_starting_another() -> None:
    desk = Desk()
    desk.launcher.hidden = True

    assert desk.lists() == 2
    assert desk.launcher.started == 0


def test_an_outlook_that_cannot_be_attached_to_for_a_known_reason_is_not_waited_for() -> None:
    def never() -> None:
        raise CalendarError("Outlook runs as administrator.")

    desk = Desk(may_be_started=never)
    assert desk.lists() == 2, "one that can be attached to is not asked about"
    desk.hand.port.close()
    desk.launcher.hidden = True

    with pytest.raises(CalendarError, match="as administrator"):
        desk.lists()


def test_what_would_only_bring_up_a_question_is_not_started() -> None:
    def never() -> None:
        raise CalendarError("Outlook has no profile yet.")

    desk = Desk(may_start=True, may_be_started=never)
    desk.outlook.dies()

    with pytest.raises(CalendarError, match="no profile"):
        desk.lists()
    assert desk.launcher.started == 0


def test_an_outlook_that_the_user_closed_stays_closed_and_is_used_again_once_it_is_back() -> None:
    desk = Desk(may_start=True)
    desk.lists()
    desk.outlook.close()
    for _ in range(3):
        desk.now += 3600
        with pytest.raises(CalendarError, match="not running"):
            desk.lists()
    assert desk.launcher.started == 0

    desk.outlook.start()

    assert desk.lists() == 2
    assert desk.launcher.started == 0


def test_that_the_user_closed_it_holds_for_the_next_worker_too() -> None:
    desk = Desk(may_start=True, closed=True)
    desk.outlook.dies()

    with pytest.raises(CalendarError):
        desk.lists()
    assert desk.launcher.started == 0


def test_an_outlook_that_crashed_may_be_started_again() -> None:
    desk = Desk(may_start=True)
    desk.lists()
    desk.outlook.dies()

    assert desk.lists() == 2
    assert desk.launcher.started == 1


def test_an_outlook_that_came_back_and_crashed_may_be_started_again() -> None:
    desk = Desk(may_start=True)
    desk.lists()
    desk.outlook.close()
    desk.now += 3600
    desk.outlook.start()
    desk.lists()
    desk.outlook.dies()

    assert desk.lists() == 2
    assert desk.launcher.started == 1


def test_each_run_of_outlook_is_listened_to_once() -> None:
    desk = Desk(may_start=True)
    for _ in range(3):
        desk.lists()
        desk.outlook.dies()

    desk.lists()

    assert len(desk.outlook.quitting) == 1


def test_an_outlook_that_is_about_to_go_is_not_held_back() -> None:
    desk = Desk(may_start=True)
    desk.lists()
    desk.outlook.close()
    desk.outlook.start()  # the old process still answers

    with pytest.raises(CalendarError):
        desk.lists()
    desk.now += CLOSING_SECONDS
    assert desk.lists() == 2


def test_everything_is_let_go_within_quit() -> None:
    desk = Desk()
    desk.hand.adds(desk.hand.main, NINE, TEN)
    with desk.hand.port.watch(lambda: None):
        assert scan(desk.hand).complete
        gc.collect()
        assert desk.outlook.references() > 0

        desk.outlook.close()

        assert desk.outlook.references() == 0
        assert desk.outlook.quitting == []
        assert not any(folder.listeners for folder in desk.hand.folders)


def test_quit_in_the_middle_of_a_scan_ends_it_before_the_next_call() -> None:
    desk = Desk()
    for number in range(5):
        desk.hand.adds(desk.hand.main, NINE + number * HOUR, TEN + number * HOUR)
    calls = 0

    def progress(done: int, total: int | None) -> None:
        nonlocal calls
        if done == 2:
            desk.outlook.close()
            desk.outlook.start()  # it is not asked, though it would answer
            calls = len(desk.outlook.log)

    seen = desk.hand.port.scan(ScanRequest(desk.hand.main, WINDOW), progress)

    assert not seen.complete
    assert len(desk.outlook.log) == calls


def test_an_outlook_without_a_quit_event_is_used_all_the_same() -> None:
    desk = Desk()

    def no_events(application: Any, told: Any) -> Any:
        raise transport_error(0x80040200)

    desk.launcher.quits = no_events  # type: ignore[method-assign]

    assert desk.lists() == 2


def test_a_profile_is_logged_on_to_where_outlook_is_started_for_it() -> None:
    desk = Desk(may_start=True, profile="Work")
    desk.outlook.dies()

    assert desk.lists() == 2
    assert desk.outlook.profile == "Work"


def test_an_outlook_that_is_open_with_another_profile_is_left_alone() -> None:
    desk = Desk(profile="Work")

    with pytest.raises(CalendarError, match="another profile"):
        desk.lists()


@pytest.mark.parametrize("code", [0x80080005, 0x80070005, 0x80040154])
def test_a_failure_to_reach_outlook_is_explained(code: int) -> None:
    asked: list[Outcome] = []

    def explain(outcome: Outcome) -> CalendarError:
        asked.append(outcome)
        return CalendarError("Explained.", transient=False)

    desk = Desk(may_start=True, explain=explain)
    desk.outlook.dies()
    desk.launcher.refuses = transport_error(code)

    with pytest.raises(CalendarError, match=r"^Explained\.$"):
        desk.lists()
    assert asked == [outcome_of(transport_error(code))]


def test_a_starting_outlook_that_rejects_calls_is_waited_for() -> None:
    desk = Desk(may_start=True)
    desk.outlook.rejects = 3

    assert desk.lists() == 2
    assert desk.hand.waited == [0.1, 0.2, 0.4]


# --- every error that is documented -----------------------------------------------------------------------------------

DOCUMENTED = {
    Outcome.REJECTED: (0x80010001, 0x8001010A),
    Outcome.DEAD: (0x800706BA, 0x800706BE, DISCONNECTED, 0x80010105),
    Outcome.BUG: (0x8001010E, 0x800401F0),
    Outcome.NOT_INSTALLED: (0x80040154, 0x800401F3, 0x80040155, 0x8002801D, 0x80029C4A),
    Outcome.REFUSED: (0x80070005, 0x80004004),
    Outcome.GONE: (0x8004010F, 0x8004010A, 0x80040107, 0x80040201),
    Outcome.CHANGED: (0x80040109,),
    Outcome.OFFLINE: (0x80040115, 0x8004011D, 0x80040126, 0x80040111),
    Outcome.TOO_MANY: (0x80040305,),
    Outcome.STORE: (0x8004060C, 0x80040604, 0x80040600),
    Outcome.ELEVATION: (0x80080005, 0x800702E4),
    Outcome.NOT_RUNNING: (0x800401E3,),
}


@pytest.mark.parametrize(
    ("code", "outcome"), [(code, outcome) for outcome, codes in DOCUMENTED.items() for code in codes], ids=str
)
def test_every_documented_error_has_its_outcome_from_com_and_from_within_outlook(code: int, outcome: Outcome) -> None:
    assert outcome_of(transport_error(code)) is outcome
    assert outcome_of(outlook_error(code)) is outcome


def test_what_cannot_be_mended_by_waiting_is_not_tried_for_ever() -> None:
    lasting = {outcome for outcome in Outcome if not OutlookFault(outcome).transient}

    assert lasting == {Outcome.REFUSED, Outcome.NOT_INSTALLED, Outcome.STORE, Outcome.BUG}
