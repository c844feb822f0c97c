"""Blobs in hex mean what mfcmapi reads in them, and are written back byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from connector.outlook import samples
from dovetail.connector.outlook.appointment_recurrence import (
    ExceptionInfo,
    Override,
    read_appointment_recurrence,
)
from dovetail.connector.outlook.binary import Cursor
from dovetail.connector.outlook.global_object_id import GlobalObjectId, read_global_object_id
from dovetail.connector.outlook.recurrence_pattern import (
    MONTH_DAY_TYPES,
    MONTH_NTH_TYPES,
    PatternType,
    RecurrencePattern,
    read_recurrence_pattern,
)
from dovetail.connector.outlook.time_zones import (
    Biases,
    SystemTime,
    ZoneRule,
    read_zone_definition,
    read_zone_registration,
)

Reading = list[tuple[str, int | str]]


@pytest.mark.parametrize("name", samples.names("mfcmapi/*.in.txt"))
def test_a_blob_means_what_mfcmapi_reads_in_it_and_is_written_back(name: str) -> None:
    data = bytes.fromhex(samples.hex_text(name).strip())
    told = _mfcmapi_reading(samples.hex_text(name.replace(".in.", ".out.")))

    written, found = _KINDS[re.sub(r".*/|-\d+\.in\.txt", "", name)](data)

    assert found == told
    assert written == data


def _mfcmapi_reading(text: str) -> Reading:
    """The fields in order: a name and its number, or the text or hex it has instead."""
    reading: Reading = []
    for line in text.splitlines():
        field = re.match(r"\s*(?:(\w[\w ]*?)(?:: | = ))?0x([0-9A-F]+)(:0x[0-9A-F]+)?", line)
        bytes_of = re.match(r"\s*cb: \d+ lpb: ([0-9A-F]*)", line)
        quoted = re.match(r'\s*(\w+): "(.*)"', line) or re.match(r"\s*(szKeyName) = (.*)", line)
        if bytes_of:
            reading.append(("bytes", bytes_of[1]))
        elif quoted:
            reading.append((quoted[1], quoted[2]))
        elif field and field[3]:
            reading.append((field[1], int(field[2] + field[3][3:], 16)))
        elif field:
            reading.append((field[1] or "", int(field[2], 16)))
    return reading


def _pattern_reading(pattern: RecurrencePattern) -> Reading:
    specific: Reading = []
    if pattern.pattern_type is PatternType.WEEK:
        specific = [("WeekRecurrencePattern", pattern.weekdays)]
    elif pattern.pattern_type in MONTH_DAY_TYPES:
        specific = [("MonthRecurrencePattern", pattern.day)]
    elif pattern.pattern_type in MONTH_NTH_TYPES:
        specific = [("DayOfWeek", pattern.weekdays), ("N", pattern.nth)]
    return [
        ("ReaderVersion", 0x3004),
        ("WriterVersion", 0x3004),
        ("RecurFrequency", pattern.frequency),
        ("PatternType", pattern.pattern_type),
        ("CalendarType", pattern.calendar_type),
        ("FirstDateTime", pattern.first_date_time),
        ("Period", pattern.period),
        ("SlidingFlag", pattern.sliding_flag),
        *specific,
        ("EndType", pattern.end_type),
        ("OccurrenceCount", pattern.occurrence_count),
        ("FirstDOW", pattern.first_day_of_week),
        ("DeletedInstanceCount", len(pattern.deleted_instance_dates)),
        *(("", date) for date in pattern.deleted_instance_dates),
        ("ModifiedInstanceCount", len(pattern.modified_instance_dates)),
        *(("", date) for date in pattern.modified_instance_dates),
        ("StartDate", pattern.start_date),
        ("EndDate", pattern.end_date),
    ]


def _recurrence_pattern(data: bytes) -> tuple[bytes, Reading]:
    cursor = Cursor("RecurrencePattern", data)
    pattern = read_recurrence_pattern(cursor)
    return pattern.to_bytes() + cursor.rest(), _pattern_reading(pattern)


def _appointment_recurrence(data: bytes) -> tuple[bytes, Reading]:
    read = read_appointment_recurrence(data)
    reading: Reading = [
        *_pattern_reading(read.pattern),
        ("ReaderVersion2", 0x3006),
        ("WriterVersion2", read.writer_version),
        ("StartTimeOffset", read.start_offset),
        ("EndTimeOffset", read.end_offset),
        ("ExceptionCount", len(read.exceptions)),
    ]
    for exception in read.exceptions:
        reading += _exception_reading(exception)
    reading += _block("ReservedBlock1Size", read.reserved_1)
    for exception in read.exceptions:
        reading += _extended_reading(exception)
    reading += _block("ReservedBlock2Size", read.reserved_2)
    return read.to_bytes(), reading + _unparsed(read.trailing)


def _exception_reading(exception: ExceptionInfo) -> Reading:
    def number(name: str, flag: Override) -> Reading:
        return [(name, exception.numbers[flag])] if flag in exception.numbers else []

    def text(name: str, value: bytes | None) -> Reading:
        if value is None:
            return []
        lengths: Reading = [(f"{name}Length", len(value) + 1), (f"{name}Length2", len(value))]
        return lengths + ([(name, value.decode("cp1252"))] if value else [])

    return [
        ("StartDateTime", exception.start),
        ("EndDateTime", exception.end),
        ("OriginalStartDate", exception.original_start),
        ("OverrideFlags", exception.flags),
        *text("Subject", exception.subject),
        *number("MeetingType", Override.MEETING_TYPE),
        *number("ReminderDelta", Override.REMINDER_DELTA),
        *number("ReminderSet", Override.REMINDER),
        *text("Location", exception.location),
        *number("BusyStatus", Override.BUSY_STATUS),
        *number("Attachment", Override.ATTACHMENT),
        *number("SubType", Override.SUB_TYPE),
        *number("AppointmentColor", Override.COLOR),
    ]


def _extended_reading(exception: ExceptionInfo) -> Reading:
    extended = exception.extended
    reading: Reading = []
    if extended.change_highlight is not None:
        reading.append(("ChangeHighlightSize", len(extended.change_highlight)))
        reading.append(("ChangeHighlightValue", int.from_bytes(extended.change_highlight[:4], "little")))
    reading += _block("ReservedBlockEE1Size", extended.reserved_1)
    if extended.times is not None:
        reading += zip(("StartDateTime", "EndDateTime", "OriginalStartDate"), extended.times, strict=True)
        for name, wide in (("Subject", extended.subject), ("Location", extended.location)):
            if wide is not None:
                reading.append((f"WideChar{name}Length", len(wide.encode("utf-16-le")) // 2))
                reading += [(f"WideChar{name}", wide)] if wide else []
        reading += _block("ReservedBlockEE2Size", extended.reserved_2)
    return reading


def _block(name: str, data: bytes) -> Reading:
    return [(name, len(data)), *([("bytes", data.hex().upper())] if data else [])]


def _unparsed(data: bytes) -> Reading:
    return [("Unparsed data size", len(data)), ("bytes", data.hex().upper())] if data else []


def _zone_definition(data: bytes) -> tuple[bytes, Reading]:
    definition = read_zone_definition(data, "TZDEFINITION")
    name = definition.name or ""
    reading: Reading = [
        ("bMajorVersion", 2),
        ("bMinorVersion", definition.minor_version),
        ("cbHeader", 6 + 2 * len(name)),
        ("wReserved", definition.flags),
        ("cchKeyName", len(name)),
        ("szKeyName", name),
        ("cRules", len(definition.rules)),
    ]
    for rule in definition.rules:
        assert isinstance(rule, ZoneRule)
        reading += [
            ("bMajorVersion", 2),
            ("bMinorVersion", rule.minor_version),
            ("wReserved", 62),
            ("wTZRuleFlags", rule.flags),
            ("wYear", rule.year),
            ("bytes", rule.start.hex().upper()),
            *_biases_reading(rule.biases),
            *_time_reading(rule.biases.standard_date),
            *_time_reading(rule.biases.daylight_date),
        ]
    return definition.to_bytes(), reading + _unparsed(definition.trailing)


def _zone_registration(data: bytes) -> tuple[bytes, Reading]:
    registration = read_zone_registration(data)
    biases = registration.biases
    return registration.to_bytes(), [
        *_biases_reading(biases),
        ("wStandardYear", registration.standard_year),
        *_time_reading(biases.standard_date),
        ("wDaylightDate", registration.daylight_year),
        *_time_reading(biases.daylight_date),
        *_unparsed(registration.trailing),
    ]


def _biases_reading(biases: Biases) -> Reading:
    values = (biases.bias, biases.standard_bias, biases.daylight_bias)
    return [
        (name, value & 0xFFFFFFFF)
        for name, value in zip(("lBias", "lStandardBias", "lDaylightBias"), values, strict=True)
    ]


def _time_reading(time: SystemTime) -> Reading:
    fields = ("wYear", "wMonth", "wDayOfWeek", "wDay", "wHour", "wMinute", "wSecond", "wMilliseconds")
    return list(zip(fields, time, strict=True))


def _global_object_id(data: bytes) -> tuple[bytes, Reading]:
    read: GlobalObjectId = read_global_object_id(data)
    high, low = divmod(int.from_bytes(read.reserved, "little"), 1 << 32)
    return read.to_bytes(), [
        ("bytes", read.to_bytes()[:16].hex().upper()),
        ("Year", read.year),
        ("Month", read.month),
        ("Day", read.day),
        ("Creation Time", read.creation_time),
        ("X", high << 32 | low),
        ("Size", len(read.data)),
        ("bytes", read.data.hex().upper()),
        *_unparsed(read.trailing),
    ]


_KINDS: dict[str, Callable[[bytes], tuple[bytes, Reading]]] = {
    "APPOINTMENTRECURRENCEPATTERN": _appointment_recurrence,
    "RECURRENCEPATTERN": _recurrence_pattern,
    "TIMEZONEDEFINITION": _zone_definition,
    "TIMEZONE": _zone_registration,
    "GLOBALOBJECTID": _global_object_id,
}
