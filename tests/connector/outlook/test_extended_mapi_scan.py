"""What a scan through Extended MAPI reads when: nothing that is unchanged, and nothing overlooked."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from connector.calendars.contract import DRAFT, HOUR, NINE, TEN, WINDOW, stamp
from connector.outlook import appointments, written
from connector.outlook.mapi_hand import MapiHand, opened
from connector.outlook.outlook_hand import scan, settled
from dovetail.connector.calendars.port import (
    ScanRequest,
)
from dovetail.connector.outlook.extended_mapi.calendar import ExtendedMapiCalendar
from dovetail.schedule.instants import to_minutes


@pytest.fixture(params=[3, 0], ids=["data file", "mailbox"])
def hand(request: pytest.FixtureRequest) -> MapiHand:
    return MapiHand(kind=request.param)


def test_a_scan_in_which_nothing_changed_opens_no_item_and_makes_few_calls(hand: MapiHand) -> None:
    for number in range(250):
        hand.adds(hand.main, NINE + number * HOUR, TEN + number * HOUR, weeks=1 + number % 2)
    known = settled(hand)
    hand.mapi.log.clear()

    again = scan(hand, known)

    assert (again.complete, len(again.unchanged), again.items) == (True, 250, ())
    assert "Message" not in {kind for kind, _ in hand.mapi.log}
    assert len(hand.mapi.log) < 20


def test_a_scan_opens_the_one_item_that_changed(hand: MapiHand) -> None:
    handles = [hand.adds(hand.main, NINE + number * HOUR, TEN + number * HOUR) for number in range(20)]
    known = settled(hand)
    hand.frees(hand.main, handles[7])
    hand.mapi.log.clear()

    again = scan(hand, known)

    assert opened(hand) == 1
    assert [item.handle for item in again.items] == [handles[7]]


def test_ids_that_are_good_for_a_session_only_cost_no_item_within_it_and_mislead_nobody_after_it() -> None:
    hand = MapiHand(kind=0)
    hand.mapi.hides_lasting_ids = True
    first, second = (hand.adds(hand.main, NINE, TEN) for _ in range(2))
    hand.deletes(hand.main, hand.adds(hand.main, NINE, TEN))
    known = settled(hand)
    assert set(known) == {first, second}
    hand.mapi.log.clear()

    assert (scan(hand, known).unchanged, opened(hand)) == ({first, second}, 0)
    hand.deletes(hand.main, first)
    hand.port.close()

    again = scan(hand, known)

    assert (again.complete, again.unchanged, again.items) == (True, {second}, ())


def test_what_lies_outside_the_window_or_is_no_appointment_is_not_opened(hand: MapiHand) -> None:
    for days in (-60, 90):
        hand.adds(hand.main, NINE + timedelta(days=days), TEN + timedelta(days=days))
    request = written.appointment(NINE, TEN) | {"PidTagMessageClass": "IPM.Schedule.Meeting.Request"}
    hand.mailbox.add(hand.folders[0], request)

    for cannot_restrict in (False, True):
        hand.mapi.cannot_restrict = cannot_restrict
        seen = scan(hand)
        assert (seen.complete, seen.items, opened(hand)) == (True, (), 0)


def test_a_series_is_looked_at_wherever_its_first_occurrence_lies(hand: MapiHand) -> None:
    hand.adds(hand.main, NINE - timedelta(days=700), TEN - timedelta(days=700), weeks=200)

    (item,) = scan(hand).items

    assert item.busy


def test_an_item_that_does_not_say_whether_it_recurs_or_when_is_not_overlooked(hand: MapiHand) -> None:
    for name in ("PidLidRecurring", "PidLidAppointmentEndWhole"):
        properties = written.appointment(NINE, TEN) | {"PidLidAppointmentDuration": 60}
        del properties[name]
        hand.mailbox.add(hand.folders[0], properties)

    assert [block.end for item in scan(hand).items for block in item.busy] == [to_minutes(TEN)] * 2


@pytest.mark.parametrize("cannot_restrict", [False, True])
def test_a_store_that_cannot_filter_costs_time_and_nothing_else(hand: MapiHand, cannot_restrict: bool) -> None:
    hand.mapi.cannot_restrict = cannot_restrict
    handle = hand.adds(hand.main, NINE, TEN)
    booking = uuid.uuid4()
    created = hand.port.create(hand.main, DRAFT, stamp(booking))
    hand.mapi.log.clear()

    assert [item.handle for item in hand.port.find_by_booking(hand.main, booking, WINDOW)] == [created.handle]
    assert hand.mapi.log.count(("MsgStore", "OpenEntry")) == 2, "the folder and the item"
    assert {item.handle for item in scan(hand).items} == {handle, created.handle}


def test_a_change_of_the_zone_of_the_pc_is_a_change_of_what_is_known(hand: MapiHand) -> None:
    hand.adds(hand.main, NINE, TEN)
    known = settled(hand)
    port = ExtendedMapiCalendar(hand.mapi.surface, local=appointments.ZoneInfo("Asia/Tokyo"))

    assert len(port.scan(ScanRequest(hand.main, WINDOW, known)).items) == 1
