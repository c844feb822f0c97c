"""What the doctor says of an Outlook: on a PC without one, on one that works, on one that does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from connector.calendars.contract import NINE, SECRET, TEN
from connector.outlook.model_outlook import ModelOutlook
from connector.outlook.model_store import ACCESS_DENIED, transport_error
from connector.outlook.outlook_hand import OutlookHand
from connector.outlook.test_diagnosis import USUAL
from dovetail.cli.app import app
from dovetail.cli.exit_codes import ExitCode
from dovetail.connector.outlook import doctor
from dovetail.connector.outlook.diagnosis import Facts
from dovetail.connector.outlook.doctor import Report, examine

Doctor = Callable[..., Any]


@pytest.fixture
def hand() -> OutlookHand:
    hand = OutlookHand(ModelOutlook())
    hand.adds(hand.main, NINE, TEN, subject=SECRET)
    hand.mailbox.add_store("Grace Hopper", kind=1).add("Calendar of Grace Hopper")
    return hand


def examined(hand: OutlookHand, facts: Facts = USUAL, **options: Any) -> Report:
    return examine(facts=lambda: facts, open_port=lambda: hand.port, **options)


def test_an_outlook_that_works_is_fine_and_its_calendars_are_counted(hand: OutlookHand) -> None:
    report = examined(hand)

    assert (report.ok, report.code) == (True, "fine")
    assert report.calendars is not None
    assert [(kind.access, kind.count) for kind in report.calendars] == [("bookable", 2), ("busy_only", 1)]
    assert report.calendars[1].reason
    assert report.self_test is None


def test_an_outlook_that_answers_is_fine_whatever_was_thought_of_it(hand: OutlookHand) -> None:
    assert examined(hand, replace(USUAL, running=False)).code == "fine"


def test_an_outlook_that_was_closed_is_not_started(hand: OutlookHand) -> None:
    hand.outlook.dies()

    report = examined(hand, replace(USUAL, running=False))

    assert (report.ok, report.code, report.calendars) == (False, "not_running", None)
    assert not hand.outlook.running


def test_an_outlook_that_ought_to_answer_and_does_not_is_told_with_its_reason(hand: OutlookHand) -> None:
    hand.outlook.rejects = 10_000

    report = examined(hand)

    assert (report.ok, report.code) == (False, "does_not_answer")
    assert "busy" in report.verdict


def test_where_no_outlook_is_registered_none_is_asked() -> None:
    def never() -> Any:
        raise AssertionError("Outlook was asked")

    report = examine(facts=lambda: Facts("Windows", new_installed=True), open_port=never)

    assert (report.ok, report.code) == (False, "new_outlook_only")


def test_the_self_test_decides_where_it_was_asked_for(hand: OutlookHand) -> None:
    well = examined(hand, self_test=True)
    hand.folders[0].refuses = ACCESS_DENIED
    badly = examined(hand, self_test=True)

    assert well.ok
    assert (badly.ok, badly.code) == (False, "self_test_failed")
    assert not examine(self_test=True, facts=lambda: Facts("Linux")).ok, "it was not even tried"


@pytest.fixture
def command(hand: OutlookHand, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    monkeypatch.setattr(doctor, "examine", lambda **options: examined(hand, replace(USUAL, office_bits=32), **options))
    return lambda *arguments: CliRunner().invoke(app, ["doctor", "outlook", *arguments])


def test_the_command_prints_a_report_with_nothing_private_in_it(command: Doctor) -> None:
    words, facts = command("--self-test"), command("--self-test", "--json")

    assert words.exit_code == facts.exit_code == ExitCode.OK
    assert "all went well" in words.output
    for private in (SECRET, "ada@example.org", "Grace", "Calendar of", "Team"):
        assert private not in words.output + facts.output


def test_the_report_in_json_is_one_object_with_everything_in_it(command: Doctor) -> None:
    told = json.loads(command("--self-test", "--json").output)

    assert (told["ok"], told["exit_code"], told["code"]) == (True, 0, "fine")
    assert told["facts"]["profiles"] == 1
    assert [note["code"] for note in told["notes"]] == ["bitness_mismatch"]
    assert told["calendars"][0] == {"access": "bookable", "count": 2, "reason": ""}
    assert told["self_test"]["ok"]
    assert {"name", "ok", "ms", "note"} == set(told["self_test"]["steps"][0])


def test_without_the_option_nothing_is_written(command: Doctor, hand: OutlookHand) -> None:
    command()

    assert hand.outlook.history == []


def test_a_failed_step_is_shown_with_its_reason(command: Doctor, hand: OutlookHand) -> None:
    hand.folders[0].refuses = ACCESS_DENIED
    done = command("--self-test")

    assert done.exit_code == ExitCode.CALENDAR
    assert "make a calendar to try things in" in done.output
    assert "FAILED" in done.output
    assert "refuses access" in done.output


def test_a_fault_that_has_no_words_of_its_own_still_has_a_report(hand: OutlookHand) -> None:
    def fails() -> Any:
        raise transport_error(0x80004005)

    hand.outlook.connect = fails  # type: ignore[method-assign]
    hand.port._connect = fails

    assert examined(hand).code == "does_not_answer"
