"""What goes wrong with Outlook, and what must not go wrong with it: faults, half-truths, the object model guard."""

from __future__ import annotations

import ast
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from connector.calendars.contract import DRAFT, HOUR, LATER, NINE, SECRET, TEN, WINDOW, stamp
from connector.outlook.model_outlook import GUARDED, ModelOutlook
from connector.outlook.model_store import (
    ACCESS_DENIED,
    DISCONNECTED,
    NOT_FOUND,
    OBJECT_CHANGED,
    RETRY_LATER,
    TOO_BIG,
    ComError,
    outlook_error,
    transport_error,
)
from connector.outlook.outlook_hand import OutlookHand, is_completely_scanned, scan, settled
from dovetail.connector.calendars.port import (
    CalendarError,
    Gone,
    ItemGone,
    Present,
    Unknown,
)
from dovetail.connector.outlook import object_model
from dovetail.connector.outlook.object_model.automation import MEMBERS, PATIENCE
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault, outcome_of
from dovetail.schedule.instants import to_minutes


@pytest.fixture
def hand() -> OutlookHand:
    return OutlookHand(ModelOutlook())


def test_calls_that_outlook_rejects_are_tried_again_with_patience(hand: OutlookHand) -> None:
    hand.adds(hand.main, NINE, TEN)
    hand.outlook.rejects = 4

    assert len(scan(hand).items) == 1
    assert hand.waited == [0.1, 0.2, 0.4, 0.8]


def test_an_outlook_that_rejects_for_ever_is_given_up_after_a_minute(hand: OutlookHand) -> None:
    hand.outlook.rejects = 10_000

    with pytest.raises(CalendarError, match="busy") as raised:
        hand.port.list_calendars()
    assert raised.value.transient
    assert PATIENCE <= sum(hand.waited) < PATIENCE + 10


@pytest.mark.parametrize("as_attribute_error", [False, True])
def test_outlook_may_die_anywhere_in_a_scan_and_nothing_is_missing_for_that(
    hand: OutlookHand, as_attribute_error: bool
) -> None:
    for number in range(3):
        hand.adds(hand.main, NINE + number * HOUR, TEN + number * HOUR, weeks=1 + number % 2)
    assert scan(hand).complete
    hand.outlook.log.clear()
    assert scan(hand).complete
    calls = len(hand.outlook.log)
    hand.outlook.dies_as_attribute_error = as_attribute_error

    for call in range(calls):
        hand.outlook.dies_in = call
        assert not is_completely_scanned(hand)
        hand.outlook.start()
        assert scan(hand).complete


def test_an_empty_table_where_something_was_is_no_complete_scan(hand: OutlookHand) -> None:
    hand.adds(hand.main, NINE, TEN)
    known = settled(hand)
    hand.folders[0].shows = 0

    assert not scan(hand, known).complete
    with pytest.raises(CalendarError, match="empty"):
        hand.port.find_by_booking(hand.main, uuid.uuid4(), WINDOW)


def test_a_table_with_fewer_rows_than_the_folder_has_items_is_no_complete_scan(hand: OutlookHand) -> None:
    for number in range(5):
        hand.adds(hand.main, NINE + number * HOUR, TEN + number * HOUR)
    hand.folders[0].shows, hand.folders[0].counts_all = 2, True

    assert not scan(hand).complete


def test_a_calendar_that_the_user_emptied_is_completely_seen(hand: OutlookHand) -> None:
    handle = hand.adds(hand.main, NINE, TEN)
    known = settled(hand)
    hand.deletes(hand.main, handle)

    seen = scan(hand, known)

    assert (seen.complete, seen.items, seen.unchanged) == (True, (), frozenset())


def test_a_deleted_item_is_gone_though_it_still_opens_from_the_deleted_items(hand: OutlookHand) -> None:
    booked = hand.port.create(hand.main, DRAFT, stamp())
    hand.deletes(hand.main, booked.handle)

    assert hand.mailbox.message(booked.handle) is not None
    assert isinstance(hand.port.probe(hand.main, booked.handle, WINDOW), Gone)


@pytest.mark.parametrize("scrambles", [False, True])
def test_gone_and_out_of_reach_are_two_things(hand: OutlookHand, scrambles: bool) -> None:
    hand.outlook.scrambles = scrambles
    handle = hand.adds(hand.main, NINE, TEN)
    store = hand.mailbox.stores[0]

    store.offline = True
    with pytest.raises(CalendarError):
        scan(hand)
    assert isinstance(hand.port.probe(hand.main, handle, WINDOW), Unknown)
    store.offline = False
    assert isinstance(hand.port.probe(hand.main, handle, WINDOW), Present)
    del hand.folders[0].messages[handle]
    assert isinstance(hand.port.probe(hand.main, handle, WINDOW), Gone)
    hand.outlook.connection_mode = 100
    assert isinstance(hand.port.probe(hand.main, handle, WINDOW), Unknown)
    hand.mailbox.stores.remove(store)
    hand.outlook.connection_mode = 700
    assert isinstance(hand.port.probe(hand.main, handle, WINDOW), Unknown), "the data file was closed"


def test_a_booking_in_a_data_file_that_was_closed_is_not_gone(hand: OutlookHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    assert created.stamp is not None
    hand.mailbox.add_store("Another")
    hand.mailbox.stores.pop(0)

    with pytest.raises(CalendarError) as raised:
        hand.port.update(hand.main, created.handle, created.version, DRAFT, created.stamp)
    assert not isinstance(raised.value, ItemGone)


def test_a_mailbox_with_too_many_items_open_is_not_completely_seen(hand: OutlookHand) -> None:
    hand.adds(hand.main, NINE, TEN)
    hand.outlook.most_open = 0

    seen = scan(hand)

    assert (seen.complete, seen.problems) == (False, ())


def test_a_broken_item_still_blocks_the_times_in_its_row(hand: OutlookHand) -> None:
    hand.breaks(hand.main, hand.adds(hand.main, NINE, TEN))

    (problem,) = scan(hand).problems

    assert problem.busy is not None
    assert [(block.start, block.end) for block in problem.busy] == [(to_minutes(NINE), to_minutes(TEN))]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (transport_error(RETRY_LATER), Outcome.REJECTED),  # its low word is that of "deleted"
        (transport_error(DISCONNECTED), Outcome.DEAD),
        (outlook_error(0x8004010A), Outcome.GONE),
        (outlook_error(NOT_FOUND, scrambled=True), Outcome.GONE),
        (outlook_error(TOO_BIG, scrambled=True), Outcome.TOO_MANY),
        (outlook_error(OBJECT_CHANGED), Outcome.CHANGED),
        (outlook_error(ACCESS_DENIED), Outcome.REFUSED),
        (transport_error(0x80040154), Outcome.NOT_INSTALLED),
        (outlook_error(0x80040126), Outcome.OFFLINE),
        (outlook_error(0x80004005), Outcome.OTHER),
        (transport_error(0x80070057), Outcome.OTHER),
        (transport_error(0x8007010F), Outcome.OTHER),  # its low word is that of "not found"
        (AttributeError("<unknown>.Start"), Outcome.DEAD),
        (KeyError("ours"), None),
    ],
)
def test_an_error_is_known_by_its_number(error: Exception, outcome: Outcome | None) -> None:
    assert outcome_of(error) is outcome


def test_what_outlook_says_in_an_error_stays_there(hand: OutlookHand) -> None:
    hand.adds(hand.main, NINE, TEN, subject=SECRET)
    hand.folders[0].unreadable = ACCESS_DENIED

    with pytest.raises(OutlookFault) as raised:
        scan(hand)
    assert isinstance(outlook_error(ACCESS_DENIED), ComError)
    assert SECRET in str(outlook_error(ACCESS_DENIED))
    assert SECRET not in repr(raised.value) + str(raised.value.__cause__) + str(raised.value.__context__)


# --- the object model guard -------------------------------------------------------------------------------------------


def test_no_member_on_the_list_is_one_that_asks_the_user() -> None:
    assert not MEMBERS & {name for _, name in GUARDED - {("Columns", "Add")}}


def test_every_member_used_is_on_the_list_and_only_one_text_is_read_beyond_it() -> None:
    used: set[tuple[str, str]] = set()
    for path in Path(object_model.__path__[0]).glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and path.name != "automation.py":
                assert node.func.id not in ("getattr", "setattr") or path.name == "faults.py", path
            if isinstance(node, ast.Attribute) and node.attr in MEMBERS | {name for _, name in GUARDED}:
                pytest.fail(f"{path.name}: .{node.attr} passes by the list")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                verb, arguments = node.func.attr, node.args
                if verb in ("get", "put", "call", "guarded") and len(arguments) > 1:
                    name = arguments[1]
                    if isinstance(name, ast.Constant) and isinstance(name.value, str) and name.value[:1].isupper():
                        used.add((verb, name.value))

    assert {name for verb, name in used if verb == "guarded"} == {"Body"}
    assert {name for verb, name in used if verb in ("get", "call")} <= MEMBERS
    assert "Send" not in {name for _, name in used}


def test_nothing_asks_the_user_in_a_whole_life_of_a_booking(hand: OutlookHand) -> None:
    hand.outlook.guard_refuses = True
    hand.adds(hand.main, NINE, TEN, weeks=3)
    hand.port.list_calendars()
    created = hand.port.create(hand.main, DRAFT, stamp())
    moved = replace(DRAFT, start=LATER, end=LATER + HOUR, subject="Moved")
    assert created.stamp is not None
    updated = hand.port.update(hand.main, created.handle, created.version, moved, created.stamp)
    scan(hand)
    hand.port.find_by_booking(hand.main, created.stamp.booking, WINDOW)

    assert updated.current == moved
    assert hand.outlook.prompts == []


def test_a_text_that_outlook_refuses_to_show_is_not_overwritten(hand: OutlookHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    hand.outlook.guard_refuses = True
    before = hand.fingerprint(hand.main, created.handle)
    assert created.stamp is not None

    with pytest.raises(CalendarError, match="programmatic access") as raised:
        hand.port.update(hand.main, created.handle, created.version, replace(DRAFT, body="New"), created.stamp)
    assert not raised.value.transient
    assert hand.fingerprint(hand.main, created.handle) == before
    assert hand.outlook.prompts == ["AppointmentItem.Body"]
