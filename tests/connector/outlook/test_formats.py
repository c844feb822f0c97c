"""What is written is read again, and what nobody could have written is refused by property and offset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.outlook import blobs
from dovetail.connector.outlook.appointment_recurrence import (
    ExceptionInfo,
    ExtendedException,
    read_appointment_recurrence,
)
from dovetail.connector.outlook.binary import MAX_BYTES, MalformedProperty
from dovetail.connector.outlook.global_object_id import CLASS_ID, GlobalObjectId, read_global_object_id
from dovetail.connector.outlook.recurrence_pattern import Frequency, PatternType
from dovetail.connector.outlook.time_zones import (
    Biases,
    SystemTime,
    ZoneDefinition,
    ZoneRegistration,
    ZoneRule,
    read_zone_definition,
    read_zone_registration,
)

SECRET = "Oncologist, second opinion"
FUZZ = settings(max_examples=150, deadline=None)


class Written(Protocol):
    def to_bytes(self) -> bytes: ...


def _definition(data: bytes) -> ZoneDefinition:
    return read_zone_definition(data, "PidLidAppointmentTimeZoneDefinitionRecur")


EASTERN = Biases(300, 0, -60, SystemTime(0, 11, 0, 1, 2), SystemTime(0, 3, 0, 2, 2))
WEEKLY = blobs.series(
    Frequency.WEEKLY,
    PatternType.WEEK,
    1,
    date(2027, 3, 1),
    weekdays=2,
    exceptions=(
        ExceptionInfo(
            start=blobs.minutes_of(date(2027, 3, 9)) + 600,
            end=blobs.minutes_of(date(2027, 3, 9)) + 660,
            original_start=blobs.minutes_of(date(2027, 3, 8)) + 540,
            subject=SECRET.encode(),
            extended=ExtendedException(times=(1, 2, 3), subject=SECRET),
        ),
    ),
)
FORMATS: list[Any] = [
    pytest.param(blobs.recurrences(), read_appointment_recurrence, WEEKLY, id="AppointmentRecurrencePattern"),
    pytest.param(
        blobs.definitions(),
        _definition,
        ZoneDefinition("Eastern Standard Time", (ZoneRule(EASTERN, 2007),)),
        id="TZDEFINITION",
    ),
    pytest.param(blobs.registrations, read_zone_registration, ZoneRegistration(EASTERN), id="TZREG"),
    pytest.param(
        blobs.global_object_ids, read_global_object_id, GlobalObjectId(1, b"x" * 16, 2011, 1, 18), id="GlobalObjectId"
    ),
]


@pytest.mark.parametrize(("values", "read", "_example"), FORMATS)
def test_what_is_written_is_read_again(
    values: st.SearchStrategy[Written], read: Callable[[bytes], object], _example: Written
) -> None:
    @FUZZ
    @given(values)
    def check(value: Written) -> None:
        assert read(value.to_bytes()) == value

    check()


@pytest.mark.parametrize(("_values", "read", "example"), FORMATS)
def test_every_truncation_is_refused(_values: object, read: Callable[[bytes], object], example: Written) -> None:
    whole = example.to_bytes()
    for size in range(len(whole)):
        with pytest.raises(MalformedProperty) as error:
            read(whole[:size])
        assert 0 <= error.value.offset <= size
        assert error.value.property in str(error.value)
        assert f"byte {error.value.offset}" in str(error.value)


@pytest.mark.parametrize(("values", "read", "_example"), FORMATS)
def test_damaged_bytes_are_refused_or_kept_as_they_are(
    values: st.SearchStrategy[Written], read: Callable[[bytes], Written], _example: Written
) -> None:
    @FUZZ
    @given(values, st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=4))
    def check(value: Written, damage: list[tuple[int, int]]) -> None:
        data = bytearray(value.to_bytes())
        for at, byte in damage:
            data[at % len(data)] = byte
        _refused_or_kept(read, bytes(data))

    check()


@pytest.mark.parametrize(("_values", "read", "example"), FORMATS)
def test_junk_is_refused_or_kept_as_it_is(_values: object, read: Callable[[bytes], Written], example: Written) -> None:
    @FUZZ
    @given(st.binary(max_size=300), st.integers(0, 60))
    def check(junk: bytes, good: int) -> None:
        _refused_or_kept(read, example.to_bytes()[:good] + junk)

    check()


def _refused_or_kept(read: Callable[[bytes], Written], data: bytes) -> None:
    refused: MalformedProperty | None = None
    try:
        kept = read(data).to_bytes()
    except MalformedProperty as error:
        refused, kept = error, data
    assert kept == data
    assert refused is None or 0 <= refused.offset <= len(data)


@pytest.mark.parametrize(("_values", "read", "example"), FORMATS)
def test_what_is_larger_than_any_appointment_is_refused(
    _values: object, read: Callable[[bytes], object], example: Written
) -> None:
    with pytest.raises(MalformedProperty, match="too many"):
        read(example.to_bytes() + bytes(MAX_BYTES))


HEAD = 22  # bytes before the type-specific part
DAMAGE = [
    pytest.param(0, "0530", "reader version 0x3005", id="reader version"),
    pytest.param(2, "0030", "writer version 0x3000", id="writer version"),
    pytest.param(4, "0920", "frequency 0x2009", id="frequency"),
    pytest.param(6, "0000", "pattern type 0x0", id="a type that the frequency does not have"),
    pytest.param(6, "0900", "pattern type 0x9", id="unknown type"),
    pytest.param(14, "00000000", "a period of 0", id="no period"),
    pytest.param(22, "00000000", "mask of weekdays 0x0", id="no weekday"),
    pytest.param(22, "80000000", "mask of weekdays 0x80", id="an eighth weekday"),
    pytest.param(26, "24200000", "end type 0x2024", id="end type"),
    pytest.param(34, "07000000", "first day of the week 0x7", id="first day of the week"),
    pytest.param(38, "FFFFFFFF", "17179869180 bytes wanted", id="absurd number of deleted instances"),
    pytest.param(46, "02000000", "2 modified instances of 1", id="more modified than removed"),
    pytest.param(62, "07300000", "second reader version 0x3007", id="second reader version"),
    pytest.param(66, "00000000", "second writer version 0x0", id="second writer version"),
    pytest.param(70, "A0050000", "start offset 0x5a0", id="a start on the next day"),
    pytest.param(74, "FFFFFFFF", "end offset 0xffffffff", id="an end in 8000 years"),
    pytest.param(74, "00000000", "end offset 0x0", id="an end before the start"),
    pytest.param(78, "FFFF", "65535 exceptions for 1 modified", id="absurd number of exceptions"),
    pytest.param(78, "0000", "0 exceptions for 1 modified", id="fewer exceptions than modified"),
    pytest.param(84, "DE80E95A", "years later", id="an exception of 2400 years"),
    pytest.param(84, "00000000", "ends before it starts", id="an exception that ends before it starts"),
    pytest.param(94, "FFFF", "that says 65534", id="a text longer than its length"),
]


@pytest.mark.parametrize(("at", "written", "problem"), DAMAGE)
def test_a_series_that_cannot_be_is_refused_where_it_goes_wrong(at: int, written: str, problem: str) -> None:
    data = bytearray(WEEKLY.to_bytes())
    data[at : at + len(written) // 2] = bytes.fromhex(written)

    with pytest.raises(MalformedProperty) as error:
        read_appointment_recurrence(bytes(data))

    assert problem in error.value.problem
    assert at <= error.value.offset <= at + 4
    assert error.value.property == "PidLidAppointmentRecur"


@pytest.mark.parametrize(
    ("damaged", "problem"),
    [
        (replace(EASTERN, bias=100_000), "a bias of 100000"),
        (replace(EASTERN, standard_date=SystemTime(0, 13, 0, 1)), "change of clocks"),
        (replace(EASTERN, standard_date=SystemTime(0, 11, 7, 1)), "change of clocks"),
        (replace(EASTERN, standard_date=SystemTime(0, 11, 0, 6)), "change of clocks"),
        (replace(EASTERN, daylight_date=SystemTime(2027, 3, 0, 0)), "change of clocks"),
        (replace(EASTERN, daylight_date=SystemTime(0, 3, 0, 2, 25)), "change of clocks"),
    ],
)
def test_a_zone_that_cannot_be_is_refused(damaged: Biases, problem: str) -> None:
    for read, value in (
        (read_zone_registration, ZoneRegistration(damaged)),
        (_definition, ZoneDefinition("Mars Standard Time", (ZoneRule(damaged, 2007),))),
    ):
        with pytest.raises(MalformedProperty, match=problem):
            read(value.to_bytes())


@pytest.mark.parametrize(
    ("at", "written", "problem"),
    [
        (0, "03", "major version 0x3"),
        (2, "0400", "header of 4 bytes"),
        (6, "FFFF", "length of the name 0xffff"),
        (50, "FFFF", "number of rules 0xffff"),
        (54, "3D00", "a rule of 61 bytes"),
    ],
)
def test_a_zone_definition_with_wrong_sizes_is_refused(at: int, written: str, problem: str) -> None:
    data = bytearray(ZoneDefinition("Eastern Standard Time", (ZoneRule(EASTERN, 2007),)).to_bytes())
    data[at : at + len(written) // 2] = bytes.fromhex(written)

    with pytest.raises(MalformedProperty, match=problem):
        _definition(bytes(data))


def test_another_class_of_id_is_refused() -> None:
    with pytest.raises(MalformedProperty, match="PidLidGlobalObjectId, byte 0: not the class"):
        read_global_object_id(bytes(40))


def test_an_id_from_an_icalendar_file_tells_its_uid() -> None:
    foreign = GlobalObjectId(0, b"vCal-Uid\x01\0\0\0" + b"20270301T090000-42@example.org\0")
    assert read_global_object_id(foreign.to_bytes()).uid == "20270301T090000-42@example.org"


def test_an_id_of_outlooks_own_is_its_uid_without_the_date_of_the_exception() -> None:
    exception = GlobalObjectId(7, bytes(range(16)), 2011, 1, 18)
    assert exception.clean() == GlobalObjectId(7, bytes(range(16)))
    assert exception.uid == exception.clean().to_bytes().hex().upper()
    assert exception.to_bytes()[:20] == CLASS_ID + bytes.fromhex("07DB0112")


@pytest.mark.parametrize("where", blobs.MICROSOFT_EXAMPLES)
def test_the_examples_of_the_specification_are_written_back(where: str) -> None:
    data = bytes.fromhex(blobs.MICROSOFT_EXAMPLES[where])
    assert read_appointment_recurrence(data).to_bytes() == data


def test_neither_an_error_nor_a_repr_shows_what_an_appointment_says() -> None:
    whole = WEEKLY.to_bytes()
    assert SECRET.encode() in whole
    assert SECRET not in repr(read_appointment_recurrence(whole))
    for size in range(len(whole)):
        with pytest.raises(MalformedProperty) as error:
            read_appointment_recurrence(whole[:size])
        assert not set(SECRET.split()) & set(str(error.value).split())
