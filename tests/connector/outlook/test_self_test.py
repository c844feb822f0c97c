"""The trial that a person runs on a real Outlook, on a model of one: it finds what is wrong and leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from connector.calendars.contract import NINE, SECRET, TEN
from connector.outlook.model_objects import AppointmentItem
from connector.outlook.model_outlook import ModelOutlook
from connector.outlook.model_store import ACCESS_DENIED
from connector.outlook.model_worker import WorkerHand, build
from connector.outlook.outlook_hand import OutlookHand
from dovetail.connector.calendars.port import CalendarError
from dovetail.connector.outlook.object_model.clock import Clock
from dovetail.connector.outlook.self_test import SelfTest, run_self_test
from dovetail.connector.outlook.worker.calendar import WorkerCalendar

STEPS = [
    "list the calendars",
    "make a calendar to try things in",
    "write a booking and read it back",
    "hear of the change",
    "keep the hour in summer and winter",
    "see it in a scan",
    "see that nothing changed",
    "move it",
    "find it by its booking",
    "cancel it",
    "delete it",
    "remove the calendar again",
]


@pytest.fixture
def hand() -> Iterator[OutlookHand]:
    hand = OutlookHand(ModelOutlook())
    hand.adds(hand.main, NINE, TEN, subject=SECRET)
    hand.deletes(hand.other, hand.adds(hand.other, NINE, TEN, subject=SECRET))
    before = everything(hand)
    yield hand
    assert everything(hand) == before, "something was left, or taken"


def everything(hand: OutlookHand) -> list[object]:
    return [
        (
            folder.entry_id,
            folder.name,
            [(kept.entry_id, kept.properties, kept.user) for kept in folder.messages.values()],
        )
        for store in hand.mailbox.stores
        for folder in store.all_folders()
    ]


def failed(report: SelfTest) -> list[str]:
    return [step.name for step in report.steps if not step.ok]


def test_all_goes_well_with_an_outlook_that_does(hand: OutlookHand) -> None:
    report = run_self_test(hand.port, lambda: hand.mailbox.time)

    assert [step.name for step in report.steps] == STEPS
    assert report.ok, report
    assert report.steps[0].note == "2 bookable"
    assert SECRET not in repr(report)


def test_nothing_of_the_users_own_is_read(hand: OutlookHand) -> None:
    hand.outlook.log.clear()
    run_self_test(hand.port, lambda: hand.mailbox.time)

    assert ("AppointmentItem", "Body") not in hand.outlook.log
    assert hand.outlook.prompts == []


def test_a_calendar_that_refuses_writes_is_found_out(hand: OutlookHand) -> None:
    hand.folders[0].refuses = ACCESS_DENIED

    report = run_self_test(hand.port, lambda: hand.mailbox.time)

    assert failed(report) == ["make a calendar to try things in"]
    assert "refuses" in report.steps[-1].note


def test_an_outlook_that_shifts_times_is_found_out(hand: OutlookHand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clock, "to_utc", lambda clock, at: at + timedelta(hours=1))

    report = run_self_test(hand.port, lambda: hand.mailbox.time)

    assert failed(report) == ["write a booking and read it back"]
    assert "off by 1:00:00" in next(step.note for step in report.steps if not step.ok)
    assert report.steps[-1].name == STEPS[-1], "it cleaned up"


def test_an_outlook_that_loses_stamps_is_found_out(hand: OutlookHand, monkeypatch: pytest.MonkeyPatch) -> None:
    save = AppointmentItem.Save

    def forgetful(item: AppointmentItem) -> None:
        item.user.clear()
        save(item)

    monkeypatch.setattr(AppointmentItem, "Save", forgetful)
    report = run_self_test(hand.port, lambda: hand.mailbox.time)
    monkeypatch.undo()

    assert failed(report) == ["write a booking and read it back"]


def test_an_outlook_that_dies_half_way_is_told_of(hand: OutlookHand) -> None:
    hand.outlook.dies_in = 150
    report = run_self_test(hand.port, lambda: hand.mailbox.time)

    assert not report.ok
    assert all(step.note for step in report.steps if not step.ok)
    hand.outlook.start()
    for info in hand.port.list_calendars():
        if "self-test" in info.name:
            hand.port.remove_scratch(info.id, ())
    hand.mailbox.stores[0].deleted.folders.clear()
    clear_bookings(hand)


def clear_bookings(hand: OutlookHand) -> None:
    for folder in hand.mailbox.stores[0].all_folders():
        for kept in list(folder.messages.values()):
            if kept.user:
                del folder.messages[kept.entry_id]


@pytest.mark.parametrize("events", [True, False])
def test_without_events_it_says_that_changes_are_seen_by_the_clock(
    events: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dovetail.connector.outlook.self_test.HINT_SECONDS", 0.1)
    outlook = ModelOutlook()
    hand = OutlookHand(outlook, listen=outlook.listen if events else None)

    report = run_self_test(hand.port, lambda: hand.mailbox.time)

    assert report.ok
    assert (report.steps[3].note == "told") == events


def test_no_calendar_but_a_scratch_one_is_removed(hand: OutlookHand) -> None:
    with pytest.raises(CalendarError, match="not a calendar that was made to try things in"):
        hand.port.remove_scratch(hand.main, ())


def test_it_goes_through_a_worker_as_well() -> None:
    with closing(WorkerCalendar(lambda closed: build)) as port:
        hand = WorkerHand(port)
        report = run_self_test(port, lambda: NINE)

        assert report.ok, report
        assert len(port.list_calendars()) == 2
        assert hand.main in {info.id for info in port.list_calendars()}
