"""Which way into Outlook is taken, what is said of it, and that it makes no other difference."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connector.calendars.contract import DRAFT, NINE, TEN, WINDOW, CalendarContract, stamp
from connector.outlook.mapi_hand import MapiHand
from connector.outlook.model_outlook import ModelOutlook
from connector.outlook.model_store import Mailbox
from connector.outlook.outlook_hand import scan
from connector.outlook.test_diagnosis import USUAL
from dovetail.connector.calendars.joined import JoinedCalendars
from dovetail.connector.calendars.port import CalendarError, CalendarPort, Way
from dovetail.connector.outlook.choice import (
    EXTENDED_MAPI,
    OBJECT_MODEL,
    OutlookCalendar,
    by_the_open_way,
    choose,
    while_it_answers,
)
from dovetail.connector.outlook.extended_mapi.calendar import ExtendedMapiCalendar


@pytest.fixture
def hand() -> MapiHand:
    return MapiHand()


def chosen(hand: MapiHand, office: int | None = 64, python: int = 64) -> tuple[CalendarPort, Way]:
    return choose(office, python, lambda: hand.port, hand.by_object_model)


def test_extended_mapi_is_taken_where_the_bits_fit_and_the_profile_opens(hand: MapiHand) -> None:
    port, way = chosen(hand)

    assert (port, way.name) == (hand.port, EXTENDED_MAPI)
    assert "64-bit" in way.reason


@pytest.mark.parametrize(("office", "python"), [(32, 64), (64, 32), (None, 64)])
def test_extended_mapi_is_not_even_tried_where_it_might_bring_up_a_dialogue(
    hand: MapiHand, office: int | None, python: int
) -> None:
    port, way = chosen(hand, office, python)

    assert (port, way.name) == (hand.by_object_model, OBJECT_MODEL)
    assert hand.mapi.log == []
    told = ["guess"] if office is None else [f"{office}-bit", f"{python}-bit"]
    assert all(words in way.reason for words in told)


def test_a_profile_that_does_not_open_leaves_the_object_model(hand: MapiHand) -> None:
    hand.mapi.profiles.clear()

    port, way = chosen(hand)

    assert (port, way.name) == (hand.by_object_model, OBJECT_MODEL)
    assert "profile" in way.reason
    assert "Oncologist" not in way.reason


def test_so_does_a_python_without_extended_mapi(hand: MapiHand) -> None:
    def missing() -> ExtendedMapiCalendar:
        raise ImportError("win32com.mapi.mapi")

    _, way = choose(64, 64, missing, hand.by_object_model)

    assert way.name == OBJECT_MODEL
    assert "installed" in way.reason


def calendar(hand: MapiHand, office: int) -> OutlookCalendar:
    return OutlookCalendar(lambda: chosen(hand, office), hand.by_object_model)


@pytest.mark.parametrize(("office", "name"), [(64, EXTENDED_MAPI), (32, OBJECT_MODEL)])
def test_what_was_chosen_is_told_among_what_the_calendar_can_do(hand: MapiHand, office: int, name: str) -> None:
    port = calendar(hand, office)

    (way,) = port.capabilities().ways
    (among_others,) = JoinedCalendars({1: port, 2: hand.by_object_model}).capabilities().ways

    assert way == among_others
    assert way.name == name


def test_the_choice_is_made_at_the_first_use_and_once(hand: MapiHand) -> None:
    port = calendar(hand, 64)
    assert hand.mapi.logons == []

    port.list_calendars()
    hand.mapi.profiles.clear()
    port.close()

    assert port.capabilities().ways[0].name == EXTENDED_MAPI


def test_a_connector_that_changes_its_way_finds_its_calendars_and_bookings_again(hand: MapiHand) -> None:
    mark, own = stamp(), hand.adds(hand.main, NINE, TEN)
    before, after = calendar(hand, 64), calendar(hand, 32)
    booked = before.create(hand.main, DRAFT, mark)
    hand.lets_time_pass()

    assert [info.id for info in after.list_calendars()] == [info.id for info in before.list_calendars()]
    assert [item.stamp for item in after.find_by_booking(hand.main, mark.booking, WINDOW)] == [booked.stamp]
    assert {item.handle for item in scan(hand).items} == {own, booked.handle}


def test_writing_goes_through_outlook_while_it_answers(hand: MapiHand) -> None:
    answering = while_it_answers(hand.by_object_model)
    assert answering() is hand.by_object_model

    hand.outlook.close()

    assert answering() is None


class ChosenHand(MapiHand):
    """MAPI to look, Outlook to write, as on a PC where both are open: closing Outlook is enough to take both away."""

    def __init__(self) -> None:
        super().__init__(ModelOutlook(Mailbox()), kind=0)
        self.mailbox.time = datetime.now(UTC)
        self.port = by_the_open_way(  # type: ignore[assignment]
            self.by_object_model,
            lambda: replace(USUAL, office_bits=64, python_bits=64),
            is_running=lambda: self.outlook.running,
            surface=lambda: self.mapi.surface,
        )

    def takes_store_away(self) -> None:
        self.outlook.close()

    def puts_store_back(self) -> None:
        self.outlook.start()


def test_a_closed_outlook_is_not_read_behind_its_back() -> None:
    hand = ChosenHand()
    hand.adds(hand.main, NINE, TEN)
    assert len(scan(hand).items) == 1
    hand.outlook.close()

    with pytest.raises(CalendarError, match="not running"):
        scan(hand)
    assert hand.mapi.log[-1] == ("Session", "Logoff")
    assert hand.port.capabilities().ways[0].name == EXTENDED_MAPI


def test_bookings_are_outlooks_own_work_where_it_answers() -> None:
    hand = ChosenHand()

    hand.port.create(hand.main, DRAFT, stamp())

    assert ("AppointmentItem", "Save") in hand.outlook.log
    assert "SaveChanges" not in {name for _, name in hand.mapi.log}


def test_a_calendar_to_try_things_in_is_made_through_outlook_and_seen_through_mapi() -> None:
    hand = ChosenHand()
    port: OutlookCalendar = hand.port  # type: ignore[assignment]
    scratch = port.make_scratch()

    mark = stamp()
    port.create(scratch, DRAFT, mark)
    assert len(port.find_by_booking(scratch, mark.booking, WINDOW)) == 1
    port.remove_scratch(scratch, [mark.booking])

    assert scratch not in {info.id for info in port.list_calendars()}


class TestContract(CalendarContract):
    @pytest.fixture
    def hand(self) -> ChosenHand:
        return ChosenHand()
