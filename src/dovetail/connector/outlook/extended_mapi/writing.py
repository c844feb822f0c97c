"""A booking written by MAPI alone: a plain appointment, without attendees, never sent, stamped before its first save.

Outlook works out much of an appointment when it saves it; here it is all written out, as MS-OXOCAL 2.2.1 names it. The
stamp is a named text, and defined as a field of the item's, so that the object model finds it among UserProperties.
What Dovetail owns and what is the User's is told in `object_model.writing`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from dovetail.connector.calendars.port import Draft, Stamp
from dovetail.connector.calendars.vevent import with_body
from dovetail.connector.outlook.appointment_zone import START_DISPLAY
from dovetail.connector.outlook.extended_mapi import numbers
from dovetail.connector.outlook.extended_mapi.appointment import read_owned
from dovetail.connector.outlook.extended_mapi.calls import call
from dovetail.connector.outlook.extended_mapi.names import STAMP, Names
from dovetail.connector.outlook.extended_mapi.session import ENTRY_ID, Session, hex_of
from dovetail.connector.outlook.extended_mapi.surface import Surface
from dovetail.connector.outlook.extended_mapi.values import get, get_all, put_all
from dovetail.connector.outlook.field_definition import FIELD_DEFINITIONS, text_field
from dovetail.connector.outlook.global_object_id import GlobalObjectId
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.connector.outlook.object_model.stamping import PROPERTY, Mark, as_written
from dovetail.connector.outlook.properties import Value
from dovetail.connector.outlook.zone_description import describe_zone

_END_DISPLAY = "PidLidAppointmentTimeZoneDefinitionEndDisplay"
_SINGLE_APPOINTMENT_ICON = 1024
_SIDE_EFFECTS = 0x171
_PLAIN: Mapping[str, Value] = {
    "PidTagMessageClass": "IPM.Appointment",
    "PidTagMessageFlags": numbers.MESSAGE_READ,
    "PidTagIconIndex": _SINGLE_APPOINTMENT_ICON,
    "PidTagSensitivity": 0,
    "PidLidPrivate": False,
    "PidLidAppointmentSubType": False,
    "PidLidRecurring": False,
    "PidLidIsRecurring": False,
    "PidLidRecurrenceType": 0,
    "PidLidAppointmentStateFlags": 0,
    "PidLidResponseStatus": 0,
    "PidLidAppointmentSequence": 0,
    "PidLidIntendedBusyStatus": -1,
    "PidLidFInvited": False,
    "PidLidAppointmentColor": 0,
    "PidLidAppointmentAuxiliaryFlags": 0,
    "PidLidReminderSet": False,
    "PidLidSideEffects": _SIDE_EFFECTS,
    "PidLidSmartNoAttach": True,
    FIELD_DEFINITIONS.name: text_field(PROPERTY),
}


class MapiWriter:
    """Every method raises OutlookFault. `local`: the zone of the PC."""

    def __init__(self, surface: Surface, names: Names, local: tzinfo) -> None:
        self._surface, self._names, self._local = surface, names, local

    def create(self, folder: Any, draft: Draft, stamp: Stamp) -> str:
        """A new item. Gives its handle."""
        draft = as_written(draft)
        message = call(folder, "CreateMessage", None, 0)
        self._put(
            message,
            {
                **_PLAIN,
                **_ids(),
                **self._times(draft),
                **_shown(draft),
                "PidTagBody": _crlf(with_body("", draft.body)),
            },
        )
        mark = self._stamped(message, replace(stamp, handle=""), draft)
        call(message, "SaveChanges", numbers.KEEP_OPEN_READWRITE)
        entry_id = get(message, ENTRY_ID)
        if not isinstance(entry_id, bytes):
            raise OutlookFault(Outcome.OTHER)
        handle = hex_of(entry_id)
        self._put(message, {STAMP: replace(mark, stamp=replace(mark.stamp, handle=handle)).to_text()})
        call(message, "SaveChanges", 0)
        return handle

    def update(self, message: Any, handle: str, current: Draft, draft: Draft, stamp: Stamp) -> None:
        """The owned fields of an item that is ours, open for writing, and says `current`."""
        draft = as_written(draft)
        changed: dict[str, Value] = {}
        if draft.body != current.body:
            notes = "\n".join(self._text_of(message).splitlines())
            changed["PidTagBody"] = _crlf(with_body(notes, draft.body))
        if (current.start, current.end) != (draft.start, draft.end):
            changed |= self._times(draft)
        before = _shown(current)
        changed |= {name: value for name, value in _shown(draft).items() if value != before[name]}
        self._put(message, changed)
        self._stamped(message, replace(stamp, handle=handle), draft)
        call(message, "SaveChanges", 0)

    def _stamped(self, message: Any, stamp: Stamp, draft: Draft) -> Mark:
        """With the digest of what the store made of the draft, so that its own tidying does not look like an edit."""
        held = read_owned(self._surface, self._names, message, draft.body)
        if (held.start, held.end) != (draft.start, draft.end):
            raise OutlookFault(Outcome.OTHER)
        mark = Mark(replace(stamp, digest=held.digest()), draft.body)
        self._put(message, {STAMP: mark.to_text()})
        return mark

    def _put(self, message: Any, values: Mapping[str, Value]) -> None:
        tags = self._names.tags(message, values, create=True)
        put_all(self._surface, message, {tags[name]: value for name, value in values.items()})

    def _times(self, draft: Draft) -> dict[str, Value]:
        values: dict[str, Value] = {
            **dict.fromkeys(("PidLidAppointmentStartWhole", "PidLidCommonStart", "PidLidClipStart"), draft.start),
            **dict.fromkeys(("PidLidAppointmentEndWhole", "PidLidCommonEnd", "PidLidClipEnd"), draft.end),
            "PidLidAppointmentDuration": (draft.end - draft.start) // timedelta(minutes=1),
        }
        definition = describe_zone(self._local, draft.start.astimezone(self._local).year)
        if definition is not None:
            values |= dict.fromkeys((START_DISPLAY, _END_DISPLAY), definition.to_bytes())
        return values

    def _text_of(self, message: Any) -> str:
        found = get_all(self._surface, message, self._names.tags(message, ("PidTagBody",)))
        return str(found.get("PidTagBody", ""))


def throw_away(session: Session, calendar: str, handle: str) -> None:
    """As its User would: into the deleted items of the store; where it has none, for good. Raises OutlookFault."""
    store, folder, entry_ids = session.store(calendar), session.folder(calendar), (bytes.fromhex(handle),)
    wastebasket = get(store.target, numbers.WASTEBASKET)
    if isinstance(wastebasket, bytes):
        to = call(store.target, "OpenEntry", wastebasket, None, numbers.BEST_ACCESS)
        done = call(folder, "CopyMessages", entry_ids, None, to, 0, None, numbers.MESSAGE_MOVE)
    else:
        done = call(folder, "DeleteMessages", entry_ids, 0, None, 0)
    if done == numbers.PARTIAL_COMPLETION:
        raise OutlookFault(Outcome.GONE)


def _shown(draft: Draft) -> dict[str, Value]:
    return {
        "PidLidBusyStatus": int(draft.show_as),
        "PidTagSubject": draft.subject,
        "PidLidLocation": draft.location,
    }


def _ids() -> dict[str, Value]:
    since = datetime.now(UTC) - datetime(1601, 1, 1, tzinfo=UTC)
    found = GlobalObjectId(since // timedelta(microseconds=1) * 10, secrets.token_bytes(16))
    return {"PidLidGlobalObjectId": found.to_bytes(), "PidLidCleanGlobalObjectId": found.clean().to_bytes()}


def _crlf(text: str) -> str:
    return text.replace("\n", "\r\n")
