"""What goes wrong with Extended MAPI, and what must not go wrong with it: faults, half-truths, rights."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from connector.calendars.contract import DRAFT, HOUR, LATER, NINE, SECRET, TEN, WINDOW, stamp
from connector.outlook import model_mapi_values as values
from connector.outlook import written
from connector.outlook.mapi_hand import MapiHand
from connector.outlook.model_store import ACCESS_DENIED
from connector.outlook.outlook_hand import is_completely_scanned, scan, settled
from dovetail.connector.calendars.port import (
    CalendarError,
    Gone,
    ItemChanged,
    ItemGone,
    Present,
    ScanRequest,
    Unknown,
)
from dovetail.connector.outlook.extended_mapi.calendar import ExtendedMapiCalendar
from dovetail.protocol.messages import Access
from dovetail.schedule.busy import BusyStatus
from dovetail.schedule.instants import to_minutes


@pytest.fixture(params=[3, 0], ids=["data file", "mailbox"])
def hand(request: pytest.FixtureRequest) -> MapiHand:
    return MapiHand(kind=request.param)


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [values.NETWORK_ERROR, values.END_OF_SESSION])
def test_mapi_may_fail_anywhere_in_a_scan_and_nothing_is_missing_for_that(hand: MapiHand, code: int) -> None:
    for number in range(3):
        hand.adds(hand.main, NINE + number * HOUR, TEN + number * HOUR, weeks=1 + number % 2)
    hand.port.close()
    hand.mapi.log.clear()
    assert scan(hand).complete
    hand.mapi.fails_with = code

    for call in range(len(hand.mapi.log)):
        hand.port.close()
        hand.mapi.fails_in = call
        assert not is_completely_scanned(hand)
        assert hand.mapi.fails_in is None
        assert len(scan(hand).items) == 3


def test_a_session_that_was_lost_is_opened_again(hand: MapiHand) -> None:
    scan(hand)
    hand.mapi.fails_in, hand.mapi.fails_with = 0, values.END_OF_SESSION
    with pytest.raises(CalendarError):
        scan(hand)

    assert scan(hand).complete
    assert len(hand.mapi.logons) == 2


def test_an_empty_table_where_something_was_is_no_complete_scan(hand: MapiHand) -> None:
    handle = hand.adds(hand.main, NINE, TEN)
    known = settled(hand)
    hand.folders[0].shows = 0

    assert not scan(hand, known).complete
    hand.deletes(hand.main, handle)
    assert scan(hand, known).complete


def test_a_table_with_fewer_rows_than_the_folder_has_items_is_no_complete_scan(hand: MapiHand) -> None:
    for number in range(5):
        hand.adds(hand.main, NINE + number * HOUR, TEN + number * HOUR)
    hand.folders[0].shows, hand.folders[0].counts_all = 2, True

    assert not scan(hand).complete
    with pytest.raises(CalendarError, match="empty"):
        hand.port.find_by_booking(hand.main, uuid.uuid4(), WINDOW)


def test_a_table_that_ends_before_it_said_is_no_complete_scan(hand: MapiHand) -> None:
    for number in range(9):
        hand.port.create(hand.main, replace(DRAFT, start=NINE + number * HOUR, end=TEN + number * HOUR), stamp())
    hand.mapi.loses_rows_after = 4

    seen = scan(hand)

    assert (seen.complete, len(seen.items)) == (False, 4)


def test_a_booking_behind_the_end_of_a_short_table_is_not_taken_for_missing(hand: MapiHand) -> None:
    mark = stamp()
    hand.port.create(hand.main, DRAFT, mark)
    hand.mapi.loses_rows_after = 0

    with pytest.raises(CalendarError, match="empty"):
        hand.port.find_by_booking(hand.main, mark.booking, WINDOW)


def test_a_deleted_item_is_gone_though_it_still_opens_from_the_deleted_items(hand: MapiHand) -> None:
    booked = hand.port.create(hand.main, DRAFT, stamp())
    hand.deletes(hand.main, booked.handle)

    assert hand.mailbox.message(booked.handle) is not None
    assert isinstance(hand.port.probe(hand.main, booked.handle, WINDOW), Gone)


def test_an_item_that_does_not_say_where_it_lies_is_not_gone(hand: MapiHand) -> None:
    handle = hand.adds(hand.main, NINE, TEN)
    hand.mapi.most_in_getprops = 20  # less than an entry id

    assert isinstance(hand.port.probe(hand.main, handle, WINDOW), Unknown)


def test_gone_and_out_of_reach_are_two_things(hand: MapiHand) -> None:
    handle = hand.adds(hand.main, NINE, TEN)
    store = hand.mailbox.stores[0]

    store.offline = True
    with pytest.raises(CalendarError):
        scan(hand)
    with pytest.raises(CalendarError):
        hand.port.create(hand.main, DRAFT, stamp())
    assert isinstance(hand.port.probe(hand.main, handle, WINDOW), Unknown)
    store.offline = False
    assert isinstance(hand.port.probe(hand.main, handle, WINDOW), Present)
    hand.folders[0].shows, hand.folders[0].counts_all = 0, True
    del hand.folders[0].messages[handle]
    hand.adds(hand.main, LATER, LATER + HOUR)
    assert isinstance(hand.port.probe(hand.main, handle, WINDOW), Unknown), "the calendar does not show all it has"
    hand.folders[0].shows = None
    assert isinstance(hand.port.probe(hand.main, handle, WINDOW), Gone)


def test_a_booking_in_a_data_file_that_was_closed_is_not_gone(hand: MapiHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    assert created.stamp is not None
    hand.mailbox.add_store("Another")
    hand.mailbox.stores.pop(0)
    hand.port.close()

    with pytest.raises(CalendarError, match="not in Outlook") as raised:
        hand.port.update(hand.main, created.handle, created.version, DRAFT, created.stamp)
    assert not isinstance(raised.value, ItemGone)
    with pytest.raises(CalendarError, match="not in Outlook"):
        scan(hand)


def test_while_outlook_is_to_run_and_does_not_nothing_is_used_and_no_file_is_held(hand: MapiHand) -> None:
    handle = hand.adds(hand.main, NINE, TEN)

    def must_run() -> None:
        if not hand.outlook.running:
            raise CalendarError("Outlook is not running. Open Outlook.")

    port = ExtendedMapiCalendar(hand.mapi.surface, must_run=must_run, local=hand.mailbox.local)
    request = ScanRequest(hand.main, WINDOW)
    assert len(port.scan(request).items) == 1
    hand.outlook.close()

    for action in (
        port.list_calendars,
        lambda: port.scan(request),
        lambda: port.probe(hand.main, handle, WINDOW),
        lambda: port.find_by_booking(hand.main, uuid.uuid4(), WINDOW),
        lambda: port.create(hand.main, DRAFT, stamp()),
        lambda: port.update(hand.main, handle, "", DRAFT, stamp()),
        lambda: port.delete(hand.main, handle, "", stamp()),
    ):
        with pytest.raises(CalendarError, match="Open Outlook"):
            action()
    assert hand.mapi.log[-1] == ("Session", "Logoff")
    port.log_on()
    hand.outlook.start()
    assert port.scan(request).complete


def test_an_id_that_is_none_of_outlooks_is_a_calendar_that_is_not_there(hand: MapiHand) -> None:
    with pytest.raises(CalendarError, match="not in Outlook"):
        hand.port.scan(ScanRequest("/home/ada/calendar.ics", WINDOW))


@pytest.mark.parametrize("shown", [BusyStatus.TENTATIVE, BusyStatus.FREE])
def test_an_item_that_cannot_be_opened_still_blocks_as_its_row_says(hand: MapiHand, shown: BusyStatus) -> None:
    hand.breaks(hand.main, hand.adds(hand.main, NINE, TEN, shown))

    (problem,) = scan(hand).problems

    assert problem.busy is not None
    expected = [] if shown is BusyStatus.FREE else [(to_minutes(NINE), to_minutes(TEN), shown)]
    assert [tuple(block) for block in problem.busy] == expected


def test_exceptions_whose_blob_is_junk_still_block_as_their_own_messages_say(hand: MapiHand) -> None:
    handle = hand.adds(hand.main, NINE, TEN, weeks=4)
    hand.changes(handle, PidLidAppointmentRecur=b"junk")
    inside = written.appointment(LATER, LATER + HOUR, BusyStatus.OUT_OF_OFFICE)
    hand.mapi.attached[handle] = [{}, {name: inside[name] for name in inside if "Recur" not in name}]

    (problem,) = scan(hand).problems

    assert problem.busy is not None
    assert (to_minutes(LATER), to_minutes(LATER + HOUR), 3) in [tuple(block) for block in problem.busy]
    assert (to_minutes(NINE), to_minutes(TEN), 2) in [tuple(block) for block in problem.busy]


def test_what_mapi_says_in_an_error_stays_there(hand: MapiHand) -> None:
    hand.adds(hand.main, NINE, TEN, subject=SECRET)
    hand.folders[0].unreadable = ACCESS_DENIED

    with pytest.raises(CalendarError) as raised:
        scan(hand)
    assert SECRET in str(values.mapi_error(ACCESS_DENIED))
    assert SECRET not in repr(raised.value) + str(raised.value.__cause__) + str(raised.value.__context__)


# --- writing against others -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [("Message", "SetProps"), ("Message", "SaveChanges")])
def test_a_save_that_another_program_came_before_is_a_change_and_not_a_loss(
    hand: MapiHand, call: tuple[str, str]
) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    assert created.stamp is not None
    hand.mapi.meanwhile[call] = lambda: hand.changes(created.handle, PidTagSubject="Moved by Grace")

    with pytest.raises(ItemChanged):
        hand.port.update(hand.main, created.handle, created.version, replace(DRAFT, subject="X"), created.stamp)
    assert hand.message(created.handle).properties["PidTagSubject"] == "Moved by Grace"


def test_an_item_that_is_deleted_while_it_is_written_is_gone(hand: MapiHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    assert created.stamp is not None

    def destroy() -> None:
        del hand.folders[0].messages[created.handle]

    hand.mapi.meanwhile["Message", "SaveChanges"] = destroy
    with pytest.raises(ItemGone):
        hand.port.update(hand.main, created.handle, created.version, replace(DRAFT, subject="X"), created.stamp)


def test_a_calendar_that_refused_a_booking_is_not_bookable_any_more(hand: MapiHand) -> None:
    hand.folders[0].refuses = ACCESS_DENIED

    with pytest.raises(CalendarError) as raised:
        hand.port.create(hand.main, DRAFT, stamp())

    assert not raised.value.transient
    assert [info.access for info in hand.port.list_calendars()] == [Access.BUSY_ONLY, Access.BOOKABLE]
    assert hand.folders[0].messages == {}


def test_an_item_that_may_not_be_changed_is_not_touched(hand: MapiHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    assert created.stamp is not None
    before = hand.fingerprint(hand.main, created.handle)
    hand.mapi.rights[created.handle] = 0x2

    with pytest.raises(CalendarError, match="may not change") as raised:
        hand.port.update(hand.main, created.handle, created.version, replace(DRAFT, subject="X"), created.stamp)
    assert not raised.value.transient
    assert hand.fingerprint(hand.main, created.handle) == before


def test_a_booking_that_the_user_made_a_series_is_left_alone(hand: MapiHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    series = written.appointment(NINE, TEN, weeks=3)
    hand.changes(created.handle, **{name: series[name] for name in ("PidLidRecurring", "PidLidAppointmentRecur")})
    probe = hand.port.probe(hand.main, created.handle, WINDOW)
    assert isinstance(probe, Present)
    assert probe.item.stamp is not None

    with pytest.raises(CalendarError, match="series"):
        hand.port.update(hand.main, created.handle, probe.item.version, DRAFT, probe.item.stamp)


# --- rights and profiles ----------------------------------------------------------------------------------------------


def test_calendars_say_what_they_are_good_for_and_why(hand: MapiHand) -> None:
    mailbox, mapi = hand.mailbox, hand.mapi
    archive, disc = mailbox.add_store("Archive"), mailbox.add_store("Disc")
    shared = mailbox.add_store("Grace Hopper", kind=1)
    feeds = mailbox.add_store("Internet Calendars", file_path="C:\\x\\Internet Calendars.pst")
    mailbox.add_store("Public Folders", kind=2).add("Everyone's")
    mailbox.add_store("Away").offline = True
    archive.add("Inbox", item_type=0)
    hidden = archive.add("Old", below=archive.add("Projects", item_type=0))
    archive.add("Thrown away", below=archive.deleted)
    mapi.search_folders.add(archive.add("All appointments").entry_id)
    mapi.rights |= {shared.add("Calendar").entry_id: 0x2, shared.add("Nothing").entry_id: 0x0}
    shared.add("Team")
    feeds.add("Holidays")
    disc.add("Backup")
    mapi.read_only.append(disc)
    hidden.unreadable = ACCESS_DENIED

    listed = {info.name: info for info in hand.port.list_calendars()}

    assert {name: info.access for name, info in listed.items()} == {
        "Calendar (ada@example.org)": Access.BOOKABLE,
        "Team (ada@example.org)": Access.BOOKABLE,
        "Old (Archive)": Access.UNREADABLE,
        "Calendar (Grace Hopper)": Access.BUSY_ONLY,
        "Nothing (Grace Hopper)": Access.UNREADABLE,
        "Team (Grace Hopper)": Access.BOOKABLE,
        "Holidays (Internet Calendars)": Access.BUSY_ONLY,
        "Backup (Disc)": Access.BUSY_ONLY,
    }
    assert all(bool(info.reason) == (info.access is not Access.BOOKABLE) for info in listed.values())
    assert len({info.reason for info in listed.values()}) == 5
    assert [info.name for info in listed.values() if info.default] == ["Calendar (ada@example.org)"]


def test_both_ways_into_outlook_name_calendars_and_items_alike(hand: MapiHand) -> None:
    handle = hand.adds(hand.main, NINE, TEN)

    by_mapi, by_object_model = (port.list_calendars() for port in (hand.port, hand.by_object_model))

    assert [(info.id, info.name, info.default) for info in by_mapi] == [
        (info.id, info.name, info.default) for info in by_object_model
    ]
    assert isinstance(hand.by_object_model.probe(hand.main, handle, WINDOW), Present)


def test_a_data_file_opened_meanwhile_is_among_the_calendars(hand: MapiHand) -> None:
    hand.port.list_calendars()
    hand.port.list_calendars()
    assert len(hand.mapi.logons) == 1
    hand.mailbox.add_store("Archive").add("Old")
    hand.lets_time_pass()

    assert "Old (Archive)" in [info.name for info in hand.port.list_calendars()]
    assert len(hand.mapi.logons) == 2, "a session keeps the profile as it was"


def test_a_profile_is_the_default_one_or_the_one_that_was_chosen(hand: MapiHand) -> None:
    hand.port.list_calendars()
    chosen, missing = (ExtendedMapiCalendar(hand.mapi.surface, profile=name) for name in ("Outlook", "Old PC"))

    assert len(chosen.list_calendars()) == 2
    with pytest.raises(CalendarError):
        missing.list_calendars()
    (default, flags), (name, other_flags), _ = hand.mapi.logons
    assert (default, name) == ("", "Outlook")
    assert flags & 0x40
    assert not other_flags & 0x40
