"""Blobs that Outlook wrote mean what independent readers say, and are written back byte for byte.

The readings beside the samples are msgreader's; for mfcmapi's see `test_mfcmapi`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from connector.outlook import samples
from dovetail.connector.outlook.appointment_recurrence import (
    AppointmentRecurrence,
    ExceptionInfo,
    Override,
    read_appointment_recurrence,
)
from dovetail.connector.outlook.global_object_id import read_global_object_id
from dovetail.connector.outlook.msg import open_msg
from dovetail.connector.outlook.properties import PROPERTIES, Properties
from dovetail.connector.outlook.recurrence_pattern import (
    first_date_time,
)
from dovetail.connector.outlook.time_zones import (
    Biases,
    SystemTime,
    ZoneDefinition,
    ZoneRegistration,
    ZoneRule,
    read_zone_definition,
    read_zone_registration,
)


def read(name: str, data: bytes) -> Any:
    if name == "PidLidAppointmentRecur":
        return read_appointment_recurrence(data)
    if name == "PidLidTimeZoneStruct":
        return read_zone_registration(data)
    if "Definition" in name:
        return read_zone_definition(data, name)
    return read_global_object_id(data, name)


def test_every_blob_of_every_appointment_is_written_back_byte_for_byte() -> None:
    seen = set()
    for blob in samples.blobs():
        assert read(blob.name, blob.data).to_bytes() == blob.data, f"{blob.where} {blob.name}"
        seen.add(blob.name)

    assert seen == samples.BLOB_PROPERTIES


def test_the_phase_of_every_gregorian_series_follows_from_its_start() -> None:
    patterns = [
        read_appointment_recurrence(blob.data).pattern
        for blob in samples.blobs()
        if blob.name == "PidLidAppointmentRecur"
    ]
    assert patterns
    for pattern in patterns:
        if pattern.calendar_type <= 1:
            phase = first_date_time(pattern.pattern_type, pattern.period, pattern.start_date, pattern.first_day_of_week)
            assert phase == pattern.first_date_time


# --- .msg, beside msgreader's .json ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", samples.names("msg/*.json"))
def test_a_message_means_what_msgreader_reads_in_it(name: str) -> None:
    told = json.loads(samples.sample(name).read_text(encoding="utf-8"))
    properties = samples.msg(name.replace(".json", ".msg"))

    found = dict(_as_msgreader(properties))

    expected = {key: told[key] for key in _MSGREADER_KEYS if key in told}
    assert found.keys() >= expected.keys() >= {"apptStartWhole", "apptEndWhole"}
    for key, value in expected.items():
        assert _covered(found[key], value) == value, key


@pytest.mark.parametrize("name", samples.names("msg/*.json"))
def test_the_messages_of_exceptions_mean_what_msgreader_reads_in_them(name: str) -> None:
    told = json.loads(samples.sample(name).read_text(encoding="utf-8"))
    inner = [attached["innerMsgContentFields"] for attached in told["attachments"] if attached.get("innerMsgContent")]
    with open_msg(samples.sample(name.replace(".json", ".msg"))) as file:
        embedded = [file.properties(PROPERTIES, storage) for storage in file.embedded_messages()]

    assert len(embedded) == len(inner)
    for properties, fields in zip(embedded, inner, strict=True):
        found = dict(_as_msgreader(properties))
        for key in _MSGREADER_KEYS:
            if key in fields:
                assert _covered(found[key], fields[key]) == fields[key], key


_MSGREADER_KEYS = (
    "apptStartWhole",
    "apptEndWhole",
    "clipStart",
    "clipEnd",
    "creationTime",
    "lastModificationTime",
    "messageClass",
    "apptRecur",
    "timeZoneStruct",
    "apptTZDefStartDisplay",
    "apptTZDefEndDisplay",
    "apptTZDefRecur",
    "globalAppointmentID",
)
_SOURCES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "apptStartWhole": ("PidLidAppointmentStartWhole", lambda value: _to_the_second(value)),
    "apptEndWhole": ("PidLidAppointmentEndWhole", lambda value: _to_the_second(value)),
    "clipStart": ("PidLidClipStart", lambda value: _to_the_second(value)),
    "clipEnd": ("PidLidClipEnd", lambda value: _to_the_second(value)),
    "creationTime": ("PidTagCreationTime", lambda value: _to_the_second(value)),
    "lastModificationTime": ("PidTagLastModificationTime", lambda value: _to_the_second(value)),
    "messageClass": ("PidTagMessageClass", str),
    "apptRecur": ("PidLidAppointmentRecur", lambda value: _recurrence_json(read_appointment_recurrence(value))),
    "timeZoneStruct": ("PidLidTimeZoneStruct", lambda value: _registration_json(read_zone_registration(value))),
    "apptTZDefStartDisplay": (
        "PidLidAppointmentTimeZoneDefinitionStartDisplay",
        lambda value: _definition_json(read_zone_definition(value, "")),
    ),
    "apptTZDefEndDisplay": (
        "PidLidAppointmentTimeZoneDefinitionEndDisplay",
        lambda value: _definition_json(read_zone_definition(value, "")),
    ),
    "apptTZDefRecur": (
        "PidLidAppointmentTimeZoneDefinitionRecur",
        lambda value: _definition_json(read_zone_definition(value, "")),
    ),
    "globalAppointmentID": (
        "PidLidGlobalObjectId",
        lambda value: read_global_object_id(value).to_bytes().hex().upper(),
    ),
}


def _as_msgreader(properties: Properties) -> Iterator[tuple[str, Any]]:
    for key, (name, render) in _SOURCES.items():
        if name in properties:
            yield key, render(properties[name])


def _covered(found: Any, told: Any) -> Any:
    """`found`, cut to what msgreader tells; an instant in its way of writing."""
    if isinstance(found, datetime):
        return told if parsedate_to_datetime(told) == found else found
    if isinstance(told, dict):
        return {key: _covered(found.get(key, value), value) for key, value in told.items()}
    if isinstance(told, list):
        return [_covered(one, other) for one, other in zip(found, told, strict=True)]
    return found


def _to_the_second(value: datetime) -> datetime:
    return value.replace(microsecond=0)


def _recurrence_json(read: AppointmentRecurrence) -> dict[str, Any]:
    pattern = read.pattern
    return {
        "recurrencePattern": {
            "recurFrequency": pattern.frequency,
            "patternType": pattern.pattern_type,
            "calendarType": pattern.calendar_type,
            "firstDateTime": pattern.first_date_time,
            "period": pattern.period,
            "slidingFlag": pattern.sliding_flag,
            "endType": pattern.end_type,
            "occurrenceCount": pattern.occurrence_count,
            "firstDOW": pattern.first_day_of_week,
            "deletedInstanceDates": list(pattern.deleted_instance_dates),
            "modifiedInstanceDates": list(pattern.modified_instance_dates),
            "startDate": pattern.start_date,
            "endDate": pattern.end_date,
            "patternTypeWeek": {"dayOfWeekBits": pattern.weekdays},
            "patternTypeMonth": {"day": pattern.day},
            "patternTypeMonthNth": {"dayOfWeekBits": pattern.weekdays, "nth": pattern.nth},
        },
        "startTimeOffset": read.start_offset,
        "endTimeOffset": read.end_offset,
        "exceptionInfo": [_exception_json(exception) for exception in read.exceptions],
    }


def _exception_json(exception: ExceptionInfo) -> dict[str, Any]:
    number = exception.numbers.get
    highlight = exception.extended.change_highlight or b""
    return {
        "startDateTime": exception.start,
        "endDateTime": exception.end,
        "originalStartTime": exception.original_start,
        "overrideFlags": exception.flags,
        "subject": exception.extended.subject,
        "meetingType": number(Override.MEETING_TYPE),
        "reminderDelta": number(Override.REMINDER_DELTA),
        "reminderSet": number(Override.REMINDER),
        "location": exception.extended.location,
        "busyStatus": number(Override.BUSY_STATUS),
        "attachment": number(Override.ATTACHMENT),
        "subType": number(Override.SUB_TYPE),
        "appointmentColor": number(Override.COLOR),
        "changeHighlight": int.from_bytes(highlight[:4], "little"),
    }


def _definition_json(definition: ZoneDefinition) -> dict[str, Any]:
    rules = [rule for rule in definition.rules if isinstance(rule, ZoneRule)]
    return {
        "keyName": definition.name,
        "rules": [
            {**_biases_json(rule.biases), "flags": rule.flags, "start": datetime(rule.year, 1, 1, tzinfo=UTC)}
            for rule in rules
        ],
    }


def _registration_json(registration: ZoneRegistration) -> dict[str, Any]:
    years = {"standardYear": registration.standard_year, "daylightYear": registration.daylight_year}
    return {**_biases_json(registration.biases), **years}


def _biases_json(biases: Biases) -> dict[str, Any]:
    return {
        "bias": biases.bias,
        "standardBias": biases.standard_bias,
        "daylightBias": biases.daylight_bias,
        "standardDate": _time_json(biases.standard_date),
        "daylightDate": _time_json(biases.daylight_date),
    }


def _time_json(time: SystemTime) -> dict[str, int]:
    return {**time._asdict(), "dayOfWeek": time.weekday}
