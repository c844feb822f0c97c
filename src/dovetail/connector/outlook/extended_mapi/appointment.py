"""One item, opened: the properties of its times, its version, and, where it bears our stamp, the fields that are ours.
No other text of it is read.

Times of a series are in its blob. Where that cannot be understood, the messages of its exceptions, which lie inside it
as attachments, tell theirs as well as they can.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from dovetail.connector.calendars.port import Draft
from dovetail.connector.outlook.appointment_recurrence import NAME, read_appointment_recurrence
from dovetail.connector.outlook.binary import MalformedProperty
from dovetail.connector.outlook.extended_mapi import numbers
from dovetail.connector.outlook.extended_mapi.calls import call
from dovetail.connector.outlook.extended_mapi.names import STAMP, Names
from dovetail.connector.outlook.extended_mapi.rows import END, START, TRAITS, may_change_unseen, version_of
from dovetail.connector.outlook.extended_mapi.session import ENTRY_ID, hex_of
from dovetail.connector.outlook.extended_mapi.surface import Surface
from dovetail.connector.outlook.extended_mapi.tables import rows_of
from dovetail.connector.outlook.extended_mapi.values import get_all
from dovetail.connector.outlook.object_model.appointment import VERSION_SECONDS, Reading
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.connector.outlook.object_model.stamping import Mark, read_mark
from dovetail.connector.outlook.occurrences import BUSY_PROPERTIES, RECURRING, STATUS
from dovetail.connector.outlook.properties import MESSAGE_CLASS, Properties, is_appointment
from dovetail.connector.outlook.source import content_digest
from dovetail.protocol.messages import ShowAs

_OWNED = ("PidTagSubject", "PidLidLocation", STATUS)
_ATTACHMENTS = {"number": numbers.ATTACHMENT_NUMBER, "method": numbers.ATTACHMENT_METHOD}
_MOST_EXCEPTIONS = 1000


def read_appointment(surface: Surface, names: Names, message: Any, local: tzinfo, now: datetime) -> Reading:
    """Raises OutlookFault."""
    tags = names.tags(message, dict.fromkeys((*TRAITS, *BUSY_PROPERTIES, STAMP)))
    found = get_all(surface, message, {"handle": ENTRY_ID, **tags})
    handle = found.pop("handle", b"")
    mark = read_mark(found.pop(STAMP, None))
    if not isinstance(handle, bytes) or not is_appointment(found.get(MESSAGE_CLASS)):
        raise OutlookFault(Outcome.OTHER)
    times = {name: found[name] for name in BUSY_PROPERTIES if name in found}
    current = None if mark is None else read_owned(surface, names, message, mark.body)
    version = version_of(found, local)
    if may_change_unseen(found, now, VERSION_SECONDS):
        version += f"~{_digest(times, mark, current)}"
    readings = (times, *_exceptions(surface, names, message, times))
    return Reading(hex_of(handle), version, readings, mark, current, found.get(RECURRING) is True)


def read_owned(surface: Surface, names: Names, message: Any, body: str) -> Draft:
    """The owned fields of an item that is ours, as the store holds them; `body` as it was written."""
    found = get_all(surface, message, names.tags(message, (*_OWNED, START, END)))
    start, end, shown = found.get(START), found.get(END), found.get(STATUS)
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        raise OutlookFault(Outcome.OTHER)
    return Draft(
        start=start,
        end=end,
        subject=str(found.get("PidTagSubject", "")),
        body=body,
        location=str(found.get("PidLidLocation", "")),
        show_as=ShowAs(shown) if isinstance(shown, int) and shown in set(ShowAs) else ShowAs.BUSY,
    )


def holds(version: str, reading: Reading) -> bool:
    """Whether a version is still that of the item; one that was young then tells by its content."""
    token, young, digest = version.partition("~")
    now, _, digest_now = reading.version.partition("~")
    return token == now and (not young or digest == (digest_now or _digest_of(reading)))


def _digest_of(reading: Reading) -> str:
    return _digest(reading.readings[0], reading.mark, reading.current)


def _digest(times: Properties, mark: Mark | None, current: Draft | None) -> str:
    return content_digest(times, f"{mark.to_text() if mark else ''} {current.digest() if current else ''}")


def _exceptions(surface: Surface, names: Names, message: Any, times: Properties) -> Iterator[Properties]:
    """The times of changed occurrences, for a series whose blob cannot be understood."""
    blob = times.get(NAME)
    if times.get(RECURRING) is not True:
        return
    try:
        if isinstance(blob, bytes):
            read_appointment_recurrence(blob)
            return
    except MalformedProperty:
        pass
    table = call(message, "GetAttachmentTable", 0)
    for number, row in enumerate(list(rows_of(table, _ATTACHMENTS))):
        if row.get("method") == numbers.ATTACHED_MESSAGE and number < _MOST_EXCEPTIONS:
            attachment = call(message, "OpenAttach", row.get("number"), None, 0)
            inside = call(attachment, "OpenProperty", numbers.ATTACHED_OBJECT, surface.mapi.IID_IMessage, 0, 0)
            yield get_all(surface, inside, names.tags(inside, (START, END, STATUS)))
