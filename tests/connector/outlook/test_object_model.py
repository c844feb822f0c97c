"""Outlook's object model as a calendar, on a model Outlook: the contract of every calendar, and what is read when."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.calendars.contract import DRAFT, HOUR, NINE, TEN, WINDOW, CalendarContract, stamp
from connector.outlook import written
from connector.outlook.model_outlook import ModelOutlook
from connector.outlook.model_store import (
    ACCESS_DENIED,
    BODY,
    Mailbox,
)
from connector.outlook.outlook_hand import OutlookHand, opened, scan, settled
from dovetail.connector.calendars.port import (
    CalendarError,
    ItemChanged,
    Present,
)
from dovetail.connector.outlook.object_model.calendar import ObjectModelCalendar
from dovetail.protocol.messages import Access, ShowAs


@pytest.fixture
def hand() -> OutlookHand:
    return OutlookHand(ModelOutlook())


class TestContract(CalendarContract):
    pass


class TestContractWithShortTermIds(CalendarContract):
    """An Exchange mailbox: a row's id names its item until Outlook is closed."""

    @pytest.fixture
    def hand(self) -> OutlookHand:
        hand = OutlookHand(ModelOutlook())
        hand.mailbox.stores[0].short_term_ids = True
        return hand


class TestContractFarEast(CalendarContract):
    """A PC whose clock is far from UTC."""

    @pytest.fixture
    def hand(self) -> OutlookHand:
        return OutlookHand(ModelOutlook(Mailbox(ZoneInfo("Asia/Tokyo"), "Tokyo Standard Time")))


# --- change detection -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("short_term_ids", [False, True])
def test_a_scan_in_which_nothing_changed_opens_no_item_and_makes_few_calls(
    hand: OutlookHand, short_term_ids: bool
) -> None:
    hand.mailbox.stores[0].short_term_ids = short_term_ids
    for number in range(250):
        hand.adds(hand.main, NINE + number * HOUR, TEN + number * HOUR, weeks=1 + number % 2)
    known = settled(hand)
    hand.outlook.log.clear()

    again = scan(hand, known)

    assert (again.complete, len(again.unchanged), again.items) == (True, 250, ())
    assert opened(hand) == 0
    assert not [name for kind, name in hand.outlook.log if kind == "AppointmentItem"]
    assert len(hand.outlook.log) < 50


def test_a_scan_opens_the_one_item_that_changed(hand: OutlookHand) -> None:
    handles = [hand.adds(hand.main, NINE + number * HOUR, TEN + number * HOUR) for number in range(20)]
    known = settled(hand)
    hand.frees(hand.main, handles[7])
    hand.outlook.log.clear()

    again = scan(hand, known)

    assert opened(hand) == 1
    assert [item.handle for item in again.items] == [handles[7]]


def test_ids_of_rows_that_ended_with_their_session_cost_one_reading_and_no_item(hand: OutlookHand) -> None:
    hand.mailbox.stores[0].short_term_ids = True
    handle = hand.adds(hand.main, NINE, TEN)
    known = settled(hand)
    hand.outlook.close()
    hand.outlook.start()

    again = scan(hand, known)

    assert (again.complete, again.unchanged, again.items) == (True, {handle}, ())


def test_an_id_that_names_another_item_in_the_next_session_misleads_nobody(hand: OutlookHand) -> None:
    hand.mailbox.stores[0].short_term_ids = True
    first, second = (hand.adds(hand.main, NINE, TEN) for _ in range(2))
    known = settled(hand)
    hand.deletes(hand.main, first)
    hand.outlook.close()
    hand.outlook.start()

    again = scan(hand, known)

    assert (again.complete, again.unchanged, again.items) == (True, {second}, ())


def test_only_appointments_block(hand: OutlookHand) -> None:
    request = written.appointment(NINE, TEN) | {"PidTagMessageClass": "IPM.Schedule.Meeting.Request"}
    hand.mailbox.add(hand.folders[0], request)

    assert (scan(hand).items, opened(hand)) == ((), 0)


def test_what_lies_outside_the_window_is_not_opened(hand: OutlookHand) -> None:
    for days in (-60, 90):
        hand.adds(hand.main, NINE + timedelta(days=days), TEN + timedelta(days=days))

    assert scan(hand).complete
    assert opened(hand) == 0


def test_items_are_let_go_one_by_one(hand: OutlookHand) -> None:
    for number in range(120):
        hand.adds(hand.main, NINE + number * HOUR, TEN + number * HOUR)

    assert len(scan(hand).items) == 120
    assert hand.outlook.most_opened <= 2


# --- calendars and writing --------------------------------------------------------------------------------------------


def test_calendars_say_what_they_are_good_for_and_why(hand: OutlookHand) -> None:
    archive = hand.mailbox.add_store("Archive")
    shared = hand.mailbox.add_store("Grace Hopper", kind=1)
    feeds = hand.mailbox.add_store("Internet Calendars", file_path="C:\\x\\Internet Calendars.pst")
    hand.mailbox.add_store("Public Folders", kind=2).add("Everyone's")
    archive.add("Inbox", item_type=0)
    below = archive.add("Old", below=archive.add("Projects", item_type=0))
    archive.add("Thrown away", below=archive.deleted)
    shared.add("Calendar")
    feeds.add("Holidays")
    below.unreadable = ACCESS_DENIED

    listed = {info.name: info for info in hand.port.list_calendars()}

    assert {name: info.access for name, info in listed.items()} == {
        "Calendar (ada@example.org)": Access.BOOKABLE,
        "Team (ada@example.org)": Access.BOOKABLE,
        "Old (Archive)": Access.UNREADABLE,
        "Calendar (Grace Hopper)": Access.BUSY_ONLY,
        "Holidays (Internet Calendars)": Access.BUSY_ONLY,
    }
    assert all(info.reason for info in listed.values() if info.access is not Access.BOOKABLE)
    assert [info.name for info in listed.values() if info.default] == ["Calendar (ada@example.org)"]


def test_a_calendar_that_refused_a_booking_is_not_bookable_any_more(hand: OutlookHand) -> None:
    hand.folders[0].refuses = ACCESS_DENIED

    with pytest.raises(CalendarError) as raised:
        hand.port.create(hand.main, DRAFT, stamp())

    assert not raised.value.transient
    assert [info.access for info in hand.port.list_calendars()] == [Access.BUSY_ONLY, Access.BOOKABLE]
    assert hand.folders[0].messages == {}


def test_an_item_bears_its_stamp_from_its_first_save_on(hand: OutlookHand) -> None:
    booking = uuid.uuid4()
    hand.port.create(hand.main, DRAFT, stamp(booking))

    assert [list(user) for _, user in hand.outlook.history] == [["Dovetail booking"]] * 2
    assert all(str(booking) in text for _, user in hand.outlook.history for text in user.values())


def test_a_copy_made_before_the_handle_was_known_cannot_be_mistaken_after_it(hand: OutlookHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    copy = hand.copies(hand.main, created.handle)

    by_handle = {item.handle: item.is_original() for item in scan(hand).items}

    assert by_handle == {created.handle: True, copy: False}


def test_a_save_that_another_program_came_before_is_a_change_and_not_a_loss(hand: OutlookHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    assert created.stamp is not None
    mailbox, saved = hand.mailbox, hand.mailbox.time
    message = hand.message(created.handle)
    original = ObjectModelCalendar._clock

    def meanwhile(port: ObjectModelCalendar) -> object:
        message.saves += 1
        return original(port)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ObjectModelCalendar, "_clock", meanwhile)
        with pytest.raises(ItemChanged):
            hand.port.update(hand.main, created.handle, created.version, replace(DRAFT, subject="X"), created.stamp)
    assert message.properties["PidTagSubject"] == DRAFT.subject
    assert mailbox.time == saved


def test_notes_around_the_text_stay_when_the_text_is_replaced(hand: OutlookHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    hand.decorates(hand.main, created.handle)
    (seen,) = scan(hand).items
    assert seen.stamp is not None

    hand.port.update(hand.main, seen.handle, seen.version, replace(DRAFT, body="New\ntext"), seen.stamp)

    body = str(hand.message(created.handle).properties[BODY])
    assert body.startswith("Park in the yard\r\n")
    assert body.endswith("\r\nBring coffee")
    assert "New\r\ntext" in body
    assert "ada@example.org" not in body


def test_a_field_that_fits_already_is_not_written(hand: OutlookHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    assert created.stamp is not None
    hand.outlook.log.clear()

    canceled = replace(DRAFT, subject=f"CANCELED: {DRAFT.subject}", show_as=ShowAs.FREE)
    hand.port.update(hand.main, created.handle, created.version, canceled, created.stamp)

    assert sorted(name for _, name in hand.outlook.log if name.endswith("=")) == [
        "BusyStatus =",
        "Subject =",
        "Value =",
    ]


def test_a_booking_that_the_user_made_a_series_is_left_alone(hand: OutlookHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    series = written.appointment(NINE, TEN, weeks=3)
    hand.changes(created.handle, **{name: series[name] for name in ("PidLidRecurring", "PidLidAppointmentRecur")})
    probe = hand.port.probe(hand.main, created.handle, WINDOW)
    assert isinstance(probe, Present)
    assert probe.item.stamp is not None

    with pytest.raises(CalendarError, match="series"):
        hand.port.update(hand.main, created.handle, probe.item.version, DRAFT, probe.item.stamp)
