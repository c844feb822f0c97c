"""Bookings written by MAPI alone are appointments as Outlook makes them, and those written through it are its own."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tzlocal.windows_tz import tz_win

from connector.calendars.contract import DRAFT, HOUR, LATER, NINE, TEN, WINDOW, stamp
from connector.outlook.mapi_hand import MapiHand
from connector.outlook.outlook_hand import scan
from dovetail.connector.calendars.port import (
    CalendarError,
    CalendarPort,
    Gone,
    Item,
    ItemChanged,
    ItemGone,
    ScanRequest,
)
from dovetail.connector.outlook.appointment_zone import START_DISPLAY
from dovetail.connector.outlook.extended_mapi.calendar import ExtendedMapiCalendar
from dovetail.connector.outlook.field_definition import text_field
from dovetail.connector.outlook.global_object_id import read_global_object_id
from dovetail.connector.outlook.time_zones import ZoneRule, read_zone_definition
from dovetail.connector.outlook.zone_description import describe_zone
from dovetail.connector.outlook.zone_rules import RuleZone
from dovetail.protocol.messages import ShowAs


@pytest.fixture(params=[3, 0], ids=["data file", "mailbox"])
def hand(request: pytest.FixtureRequest) -> MapiHand:
    return MapiHand(kind=request.param)


# --- by MAPI alone ----------------------------------------------------------------------------------------------------


def test_a_booking_has_all_that_outlook_would_write_itself(hand: MapiHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())

    found = hand.message(created.handle).properties
    assert {name: found[name] for name in found if name.startswith("PidLid") and type(found[name]) is datetime} == {
        **dict.fromkeys(("PidLidAppointmentStartWhole", "PidLidCommonStart", "PidLidClipStart"), NINE),
        **dict.fromkeys(("PidLidAppointmentEndWhole", "PidLidCommonEnd", "PidLidClipEnd"), TEN),
    }
    assert found["PidTagMessageClass"] == "IPM.Appointment"
    assert found["PidLidAppointmentDuration"] == 60
    assert (found["PidLidBusyStatus"], found["PidTagSensitivity"], found["PidTagIconIndex"]) == (2, 0, 1024)
    plain = ("AppointmentSubType", "Recurring", "ReminderSet", "AppointmentStateFlags", "FInvited", "Private")
    assert not any(found[f"PidLid{name}"] for name in plain)
    assert (found["PidLidIntendedBusyStatus"], found["PidLidSideEffects"]) == (-1, 0x171)
    assert (found["PidTagSubject"], found["PidLidLocation"]) == (DRAFT.subject, DRAFT.location)


def test_every_booking_has_an_id_of_its_own_that_outlook_can_read(hand: MapiHand) -> None:
    items = [hand.message(hand.port.create(hand.main, DRAFT, stamp()).handle).properties for _ in range(2)]
    ids = []
    for found in items:
        whole, clean = found["PidLidGlobalObjectId"], found["PidLidCleanGlobalObjectId"]
        assert isinstance(whole, bytes)
        ids.append(read_global_object_id(whole))
        assert clean == ids[-1].clean().to_bytes()
        assert len(ids[-1].data) == 16
    assert ids[0] != ids[1]


def test_a_booking_is_told_in_the_zone_of_the_pc(hand: MapiHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())

    blob = hand.message(created.handle).properties[START_DISPLAY]
    assert isinstance(blob, bytes)
    definition = read_zone_definition(blob, START_DISPLAY)
    assert definition.name == "W. Europe Standard Time"
    (rule,) = definition.rules
    assert isinstance(rule, ZoneRule)
    assert (rule.biases.bias, rule.biases.daylight_bias) == (-60, -60)
    assert rule.biases.daylight_date[1:6] == (3, 0, 5, 2, 0)
    assert rule.biases.standard_date[1:6] == (10, 0, 5, 3, 0)


_ORDINARY = [
    *("Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata", "America/Santiago", "Asia/Tokyo"),
    *("Pacific/Auckland", "Europe/Dublin", "Australia/Lord_Howe", "America/Phoenix", "UTC", "Asia/Kathmandu"),
]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(_ORDINARY), st.integers(2024, 2034), st.integers(0, 365 * 24 * 4))
def test_the_description_of_a_zone_keeps_its_clocks(name: str, year: int, quarters: int) -> None:
    definition = describe_zone(ZoneInfo(name), year)
    assert definition is not None
    assert definition.name == tz_win[name]
    told = RuleZone((rule.year, rule.biases) for rule in definition.rules if isinstance(rule, ZoneRule))
    at = datetime(year, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * quarters)
    if at.year == year:
        assert at.astimezone(told).utcoffset() == at.astimezone(ZoneInfo(name)).utcoffset()


def test_a_zone_that_windows_has_no_name_for_is_not_told(hand: MapiHand) -> None:
    port = ExtendedMapiCalendar(hand.mapi.surface, local=timezone(timedelta(minutes=37)), now=lambda: hand.mailbox.time)
    created = port.create(hand.main, DRAFT, stamp())

    assert START_DISPLAY not in hand.message(created.handle).properties
    assert created.current == DRAFT


def test_the_field_of_the_stamp_is_defined_as_microsofts_sample_defines_one() -> None:
    sample = (
        "030101000000450000000800000000000A0054006500780074004600690065006C00640031000A546578744669656C6431"
        "0000000000000000150000000A54006500780074004600690065006C0064003100 00000000"
    )

    assert text_field("TextField1") == bytes.fromhex(sample)


def test_an_item_bears_its_stamp_from_its_first_save_on_and_never_goes_without(hand: MapiHand) -> None:
    booking = uuid.uuid4()
    hand.port.create(hand.main, DRAFT, stamp(booking))

    assert [list(fields) for _, fields in hand.mapi.history] == [["Dovetail booking"]] * 2
    assert all(str(booking) in text for _, fields in hand.mapi.history for text in fields.values())


def test_each_way_finds_and_updates_the_bookings_of_the_other(hand: MapiHand) -> None:
    moved = replace(DRAFT, start=LATER, end=LATER + HOUR, subject="Moved", body="Other words")
    for one, other in ((hand.port, hand.by_object_model), (hand.by_object_model, hand.port)):
        mark = stamp()
        created = one.create(hand.main, DRAFT, mark)
        hand.lets_time_pass()
        (found,) = other.find_by_booking(hand.main, mark.booking, WINDOW)
        assert (found.handle, found.stamp, found.current) == (created.handle, created.stamp, DRAFT)
        assert found.stamp is not None

        updated = other.update(hand.main, found.handle, found.version, moved, replace(found.stamp, revision=2))

        (seen,) = one.find_by_booking(hand.main, mark.booking, WINDOW)
        assert (seen.current, seen.stamp) == (updated.current, updated.stamp) == (moved, updated.stamp)
        assert seen.is_original()


def test_notes_around_the_text_stay_when_the_text_is_replaced(hand: MapiHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    hand.decorates(hand.main, created.handle)
    (seen,) = scan(hand).items
    assert seen.stamp is not None
    hand.mapi.most_in_getprops = 100

    hand.port.update(hand.main, seen.handle, seen.version, replace(DRAFT, body="New\ntext"), seen.stamp)

    body = str(hand.message(created.handle).properties["PidTagBody"])
    assert body.startswith("Park in the yard\r\n")
    assert body.endswith("\r\nBring coffee")
    assert "New\r\ntext" in body
    assert "ada@example.org" not in body


def test_a_field_that_fits_already_is_not_written(hand: MapiHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    assert created.stamp is not None
    before = dict(hand.message(created.handle).properties)

    canceled = replace(DRAFT, subject=f"CANCELED: {DRAFT.subject}", show_as=ShowAs.FREE)
    hand.mapi.log.clear()
    hand.port.update(hand.main, created.handle, created.version, canceled, created.stamp)

    after = hand.message(created.handle).properties
    assert {name for name in after if after[name] != before[name]} <= {
        *("PidTagSubject", "PidLidBusyStatus", "PidTagLastModificationTime"),
    }
    assert hand.mapi.log.count(("Message", "SetProps")) == 2, "the fields, and the stamp"


def test_a_store_that_keeps_other_times_than_it_was_given_takes_no_booking(hand: MapiHand) -> None:
    off = timedelta(minutes=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connector.outlook.model_mapi_values._milliseconds", lambda at: at + off)
        with pytest.raises(CalendarError):
            hand.port.create(hand.main, DRAFT, stamp())
    assert hand.folders[0].messages == {}


# --- deleting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keeps_deleted", [True, False])
def test_a_deleted_booking_lies_in_the_deleted_items_where_there_are_any(hand: MapiHand, keeps_deleted: bool) -> None:
    hand.mapi.keeps_deleted = keeps_deleted
    created = hand.port.create(hand.main, DRAFT, stamp())
    assert created.stamp is not None

    hand.port.delete(hand.main, created.handle, created.version, created.stamp)

    assert isinstance(hand.port.probe(hand.main, created.handle, WINDOW), Gone)
    assert (created.handle in hand.mailbox.stores[0].deleted.messages) is keeps_deleted


def test_what_is_not_ours_changed_or_not_to_be_deleted_is_not_deleted(hand: MapiHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())
    own = hand.adds(hand.main, NINE, TEN)
    assert created.stamp is not None
    (seen,) = [item for item in scan(hand).items if item.handle == own]

    with pytest.raises(ItemChanged):
        hand.port.delete(hand.main, own, seen.version, stamp())
    with pytest.raises(ItemChanged):
        hand.port.delete(hand.main, created.handle, "another version", created.stamp)
    hand.mapi.rights[created.handle] = 0x3
    with pytest.raises(CalendarError, match="may not"):
        hand.port.delete(hand.main, created.handle, created.version, created.stamp)
    assert set(hand.folders[0].messages) == {own, created.handle}


@pytest.mark.parametrize("keeps_deleted", [True, False])
def test_a_booking_that_somebody_deletes_at_the_same_time_is_gone(hand: MapiHand, keeps_deleted: bool) -> None:
    """MAPI says so in a success: something could not be done."""
    hand.mapi.keeps_deleted = keeps_deleted
    created = hand.port.create(hand.main, DRAFT, stamp())
    assert created.stamp is not None
    method = "CopyMessages" if keeps_deleted else "DeleteMessages"
    hand.mapi.meanwhile["Folder", method] = lambda: hand.deletes(hand.main, created.handle)

    with pytest.raises(ItemGone):
        hand.port.delete(hand.main, created.handle, created.version, created.stamp)


# --- through the object model -----------------------------------------------------------------------------------------


def through_outlook(hand: MapiHand) -> ExtendedMapiCalendar:
    outlook: CalendarPort = hand.by_object_model
    return ExtendedMapiCalendar(
        hand.mapi.surface,
        object_model=lambda: outlook if hand.outlook.running else None,
        local=hand.mailbox.local,
        now=lambda: hand.mailbox.time,
    )


def test_outlook_writes_what_is_read_through_mapi(hand: MapiHand) -> None:
    port, mark = through_outlook(hand), stamp()
    moved = replace(DRAFT, start=LATER, end=LATER + HOUR)

    created = port.create(hand.main, DRAFT, mark)
    updated = port.update(hand.main, created.handle, created.version, moved, replace(mark, revision=2))

    assert "SetProps" not in {name for _, name in hand.mapi.log}
    assert hand.outlook.log.count(("AppointmentItem", "Save")) == 3
    (seen,) = scan_of(port, hand)
    assert (seen.handle, seen.version, seen.current) == (created.handle, updated.version, moved)


def test_while_outlook_is_closed_mapi_writes_alone(hand: MapiHand) -> None:
    port = through_outlook(hand)
    hand.outlook.close()

    created = port.create(hand.main, DRAFT, stamp())

    assert created.current == DRAFT
    assert ("Message", "SaveChanges") in hand.mapi.log


def test_a_change_between_the_two_is_not_written_over(hand: MapiHand) -> None:
    port = through_outlook(hand)
    created = port.create(hand.main, DRAFT, stamp())
    assert created.stamp is not None
    hand.mapi.log.clear()
    outlook = hand.by_object_model
    original = outlook.probe

    def meanwhile(*given: object) -> object:
        hand.changes(created.handle, PidTagSubject="Moved by Grace")
        return original(*given)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outlook, "probe", meanwhile)
        with pytest.raises(ItemChanged):
            port.update(hand.main, created.handle, created.version, replace(DRAFT, subject="X"), created.stamp)
    assert hand.message(created.handle).properties["PidTagSubject"] == "Moved by Grace"


def scan_of(port: ExtendedMapiCalendar, hand: MapiHand) -> tuple[Item, ...]:
    return port.scan(ScanRequest(hand.main, WINDOW)).items
