from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dovetail.connector.outlook.properties import (
    APPOINTMENT_SET,
    MEETING_SET,
    PROPERTIES,
    PropertyType,
    from_filetime,
    is_appointment,
    read_property_names,
)


def test_every_property_is_in_the_table_once() -> None:
    assert all(name == found.name for name, found in PROPERTIES.items())
    assert len({(found.set, found.id) for found in PROPERTIES.values()}) == len(PROPERTIES)
    assert all(found.source.startswith("MS-OX") for found in PROPERTIES.values())
    assert all(found.unit == "UTC" for found in PROPERTIES.values() if found.type is PropertyType.TIME)


@pytest.mark.parametrize(
    ("name", "property_set", "number", "kind"),
    [
        ("PidLidAppointmentRecur", APPOINTMENT_SET, 0x8216, PropertyType.BINARY),
        ("PidLidAppointmentStartWhole", APPOINTMENT_SET, 0x820D, PropertyType.TIME),
        ("PidLidBusyStatus", APPOINTMENT_SET, 0x8205, PropertyType.INTEGER),
        ("PidLidAppointmentSubType", APPOINTMENT_SET, 0x8215, PropertyType.BOOLEAN),
        ("PidLidGlobalObjectId", MEETING_SET, 0x0003, PropertyType.BINARY),
    ],
)
def test_named_properties_have_a_set_and_a_number(name: str, property_set: object, number: int, kind: object) -> None:
    found = PROPERTIES[name]
    assert (found.set, found.id, found.type) == (property_set, number, kind)
    with pytest.raises(ValueError, match=name):
        _ = found.tag


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("PidTagMessageClass", 0x001A001F),
        ("PidTagLastModificationTime", 0x30080040),
        ("PidTagChangeKey", 0x65E20102),
        ("PidTagIpmAppointmentEntryId", 0x36D00102),
    ],
)
def test_tagged_properties_have_the_tag_of_mapi(name: str, tag: int) -> None:
    assert PROPERTIES[name].tag == tag


def test_a_filetime_is_an_instant_unless_no_calendar_reaches_it() -> None:
    assert from_filetime(0) == datetime(1601, 1, 1, tzinfo=UTC)
    assert from_filetime(133_000_000_000_000_000) == datetime(2022, 6, 18, 4, 26, 40, tzinfo=UTC)
    assert from_filetime(2**64 - 1) is None


@pytest.mark.parametrize(
    ("message_class", "expected"),
    [
        ("IPM.Appointment", True),
        ("ipm.appointment.form", True),
        ("IPM.Schedule.Meeting.Request", False),
        ("IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}", False),
        ("", False),
        (None, False),
        (7, False),
    ],
)
def test_only_appointments_are_appointments(message_class: str | int | None, expected: bool) -> None:
    assert is_appointment(message_class) is expected


def test_names_by_a_text_or_of_a_set_that_is_missing_are_left_out() -> None:
    entries = bytes.fromhex("1682000006000000") + bytes.fromhex("1000000005000100") + bytes.fromhex("0582000012000200")
    assert read_property_names(APPOINTMENT_SET.bytes_le, entries + b"half") == {(APPOINTMENT_SET, 0x8216): 0x8000}
