"""The MAPI properties of an appointment, by their canonical names (MS-OXPROPS, MS-OXOCAL).

A property is either *tagged* (the same id everywhere) or *named*: known by a property set and a number, for which each
store hands out an id of its own between 0x8000 and 0xFFFE. Where an appointment's properties are passed about here,
they are a mapping from these names to values: int, bool, str, bytes, and aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from uuid import UUID

from dovetail.connector.outlook.binary import Cursor

Value = int | bool | str | bytes | datetime
Properties = Mapping[str, Value]

APPOINTMENT_SET = UUID("00062002-0000-0000-C000-000000000046")
COMMON_SET = UUID("00062008-0000-0000-C000-000000000046")
MEETING_SET = UUID("6ED8DA90-450B-101B-98DA-00AA003F1305")
PS_MAPI = UUID("00020328-0000-0000-C000-000000000046")
PS_PUBLIC_STRINGS = UUID("00020329-0000-0000-C000-000000000046")

MESSAGE_CLASS = "PidTagMessageClass"
FIRST_NAMED_ID = 0x8000
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


class PropertyType(IntEnum):
    """The low word of a tag (MS-OXCDATA 2.11.1)."""

    INTEGER = 0x0003
    BOOLEAN = 0x000B
    STRING = 0x001F
    TIME = 0x0040
    BINARY = 0x0102


@dataclass(frozen=True)
class Property:
    """`id` is the number in `set`, or the tagged property's id where `set` is None. `source`: where it is specified."""

    name: str
    set: UUID | None
    id: int
    type: PropertyType
    unit: str
    source: str

    @property
    def tag(self) -> int:
        """The tag of a tagged property. A named one has none until a store gives it an id: ValueError."""
        if self.set is not None:
            raise ValueError(f"{self.name} is a named property")
        return self.id << 16 | self.type


_A, _C, _M = APPOINTMENT_SET, COMMON_SET, MEETING_SET
_INT, _BOOL, _TEXT, _TIME, _BLOB = PropertyType
_TABLE: tuple[tuple[str, UUID | None, int, PropertyType, str, str], ...] = (
    ("PidLidAppointmentSequence", _A, 0x8201, _INT, "count", "MS-OXOCAL 2.2.1.1"),
    ("PidLidChangeHighlight", _A, 0x8204, _INT, "flags", "MS-OXOCAL 2.2.6.2"),
    ("PidLidBusyStatus", _A, 0x8205, _INT, "OlBusyStatus", "MS-OXOCAL 2.2.1.2"),
    ("PidLidFExceptionalBody", _A, 0x8206, _BOOL, "", "MS-OXPROPS"),
    ("PidLidAppointmentAuxiliaryFlags", _A, 0x8207, _INT, "flags", "MS-OXOCAL 2.2.1.3"),
    ("PidLidLocation", _A, 0x8208, _TEXT, "", "MS-OXOCAL 2.2.1.4"),
    ("PidLidAppointmentStartWhole", _A, 0x820D, _TIME, "UTC", "MS-OXOCAL 2.2.1.5"),
    ("PidLidAppointmentEndWhole", _A, 0x820E, _TIME, "UTC", "MS-OXOCAL 2.2.1.6"),
    ("PidLidAppointmentDuration", _A, 0x8213, _INT, "minutes", "MS-OXOCAL 2.2.1.7"),
    ("PidLidAppointmentColor", _A, 0x8214, _INT, "colour", "MS-OXPROPS"),
    ("PidLidAppointmentSubType", _A, 0x8215, _BOOL, "all-day", "MS-OXOCAL 2.2.1.9"),
    ("PidLidAppointmentRecur", _A, 0x8216, _BLOB, "AppointmentRecurrencePattern", "MS-OXOCAL 2.2.1.44"),
    ("PidLidAppointmentStateFlags", _A, 0x8217, _INT, "flags", "MS-OXOCAL 2.2.1.10"),
    ("PidLidResponseStatus", _A, 0x8218, _INT, "OlResponseStatus", "MS-OXOCAL 2.2.1.11"),
    ("PidLidAppointmentReplyTime", _A, 0x8220, _TIME, "UTC", "MS-OXPROPS"),
    ("PidLidRecurring", _A, 0x8223, _BOOL, "", "MS-OXOCAL 2.2.1.12"),
    ("PidLidIntendedBusyStatus", _A, 0x8224, _INT, "OlBusyStatus", "MS-OXPROPS"),
    ("PidLidAppointmentUpdateTime", _A, 0x8226, _TIME, "UTC", "MS-OXPROPS"),
    ("PidLidExceptionReplaceTime", _A, 0x8228, _TIME, "UTC", "MS-OXPROPS"),
    ("PidLidFInvited", _A, 0x8229, _BOOL, "", "MS-OXPROPS"),
    ("PidLidFExceptionalAttendees", _A, 0x822B, _BOOL, "", "MS-OXPROPS"),
    ("PidLidAppointmentReplyName", _A, 0x8230, _TEXT, "", "MS-OXPROPS"),
    ("PidLidRecurrenceType", _A, 0x8231, _INT, "0 none to 4 yearly", "MS-OXOCAL 2.2.1.45"),
    ("PidLidRecurrencePattern", _A, 0x8232, _TEXT, "localised", "MS-OXOCAL 2.2.1.46"),
    ("PidLidTimeZoneStruct", _A, 0x8233, _BLOB, "TZREG", "MS-OXOCAL 2.2.1.39"),
    ("PidLidTimeZoneDescription", _A, 0x8234, _TEXT, "localised", "MS-OXOCAL 2.2.1.40"),
    ("PidLidClipStart", _A, 0x8235, _TIME, "UTC", "MS-OXOCAL 2.2.1.14"),
    ("PidLidClipEnd", _A, 0x8236, _TIME, "UTC", "MS-OXOCAL 2.2.1.15"),
    ("PidLidAllAttendeesString", _A, 0x8238, _TEXT, "", "MS-OXOCAL 2.2.1.16"),
    ("PidLidToAttendeesString", _A, 0x823B, _TEXT, "", "MS-OXOCAL 2.2.1.17"),
    ("PidLidCcAttendeesString", _A, 0x823C, _TEXT, "", "MS-OXOCAL 2.2.1.18"),
    ("PidLidAppointmentNotAllowPropose", _A, 0x825A, _BOOL, "", "MS-OXOCAL 2.2.1.26"),
    ("PidLidAppointmentTimeZoneDefinitionStartDisplay", _A, 0x825E, _BLOB, "TZDEFINITION", "MS-OXOCAL 2.2.1.42"),
    ("PidLidAppointmentTimeZoneDefinitionEndDisplay", _A, 0x825F, _BLOB, "TZDEFINITION", "MS-OXOCAL 2.2.1.43"),
    ("PidLidAppointmentTimeZoneDefinitionRecur", _A, 0x8260, _BLOB, "TZDEFINITION", "MS-OXOCAL 2.2.1.41"),
    ("PidLidReminderDelta", _C, 0x8501, _INT, "minutes", "MS-OXORMDR"),
    ("PidLidReminderTime", _C, 0x8502, _TIME, "UTC", "MS-OXORMDR"),
    ("PidLidReminderSet", _C, 0x8503, _BOOL, "", "MS-OXORMDR"),
    ("PidLidPrivate", _C, 0x8506, _BOOL, "", "MS-OXCMSG"),
    ("PidLidSideEffects", _C, 0x8510, _INT, "flags", "MS-OXCMSG"),
    ("PidLidSmartNoAttach", _C, 0x8514, _BOOL, "", "MS-OXCMSG"),
    ("PidLidCommonStart", _C, 0x8516, _TIME, "UTC", "MS-OXOCAL 2.2.1.32"),
    ("PidLidCommonEnd", _C, 0x8517, _TIME, "UTC", "MS-OXOCAL 2.2.1.33"),
    ("PidLidCurrentVersion", _C, 0x8552, _INT, "Outlook's version", "MS-OXCMSG"),
    ("PidLidReminderSignalTime", _C, 0x8560, _TIME, "UTC", "MS-OXORMDR"),
    ("PidLidAttendeeCriticalChange", _M, 0x0001, _TIME, "UTC", "MS-OXPROPS"),
    ("PidLidGlobalObjectId", _M, 0x0003, _BLOB, "GlobalObjectId", "MS-OXOCAL 2.2.1.27"),
    ("PidLidIsRecurring", _M, 0x0005, _BOOL, "", "MS-OXOCAL 2.2.1.13"),
    ("PidLidIsException", _M, 0x000A, _BOOL, "", "MS-OXOCAL 2.2.1.35"),
    ("PidLidOwnerCriticalChange", _M, 0x001A, _TIME, "UTC", "MS-OXOCAL 2.2.1.34"),
    ("PidLidCleanGlobalObjectId", _M, 0x0023, _BLOB, "GlobalObjectId", "MS-OXOCAL 2.2.1.28"),
    ("PidLidMeetingType", _M, 0x0026, _INT, "flags", "MS-OXPROPS"),
    ("PidTagMessageClass", None, 0x001A, _TEXT, "", "MS-OXCMSG"),
    ("PidTagSensitivity", None, 0x0036, _INT, "0 normal to 3 confidential", "MS-OXCMSG"),
    ("PidTagSubject", None, 0x0037, _TEXT, "", "MS-OXCMSG"),
    ("PidTagStartDate", None, 0x0060, _TIME, "UTC", "MS-OXOCAL 2.2.1.30"),
    ("PidTagEndDate", None, 0x0061, _TIME, "UTC", "MS-OXOCAL 2.2.1.31"),
    ("PidTagOwnerAppointmentId", None, 0x0062, _INT, "", "MS-OXOCAL 2.2.1.29"),
    ("PidTagResponseRequested", None, 0x0063, _BOOL, "", "MS-OXOCAL 2.2.1.36"),
    ("PidTagEntryId", None, 0x0FFF, _BLOB, "", "MS-OXCPERM"),
    ("PidTagInstanceKey", None, 0x0FF6, _BLOB, "", "MS-OXCTABL"),
    ("PidTagRecordKey", None, 0x0FF9, _BLOB, "", "MS-OXCPRPT"),
    ("PidTagAccess", None, 0x0FF4, _INT, "flags", "MS-OXCPRPT"),
    ("PidTagIconIndex", None, 0x1080, _INT, "", "MS-OXOCAL 2.2.1.49"),
    ("PidTagCreationTime", None, 0x3007, _TIME, "UTC", "MS-OXCMSG"),
    ("PidTagLastModificationTime", None, 0x3008, _TIME, "UTC", "MS-OXCMSG"),
    ("PidTagSearchKey", None, 0x300B, _BLOB, "", "MS-OXCPRPT"),
    ("PidTagContainerClass", None, 0x3613, _TEXT, "", "MS-OXOSFLD"),
    ("PidTagIpmAppointmentEntryId", None, 0x36D0, _BLOB, "", "MS-OXOSFLD"),
    ("PidTagLastModifierName", None, 0x3FFA, _TEXT, "", "MS-OXCPRPT"),
    ("PidTagSourceKey", None, 0x65E0, _BLOB, "", "MS-OXCFXICS"),
    ("PidTagChangeKey", None, 0x65E2, _BLOB, "", "MS-OXCFXICS"),
    ("PidTagPredecessorChangeList", None, 0x65E3, _BLOB, "", "MS-OXCFXICS"),
)
PROPERTIES: Mapping[str, Property] = {row[0]: Property(*row) for row in _TABLE}


def is_appointment(message_class: Value | None) -> bool:
    """Whether a message of this class is an appointment in a calendar: not a request, nor part of another one."""
    name = message_class.casefold() if isinstance(message_class, str) else ""
    return name == "ipm.appointment" or name.startswith("ipm.appointment.")


def from_filetime(ticks: int) -> datetime | None:
    """The instant of a FILETIME, in 100 ns since 1601-01-01T00:00Z. None where no datetime reaches (after 9999)."""
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def read_property_names(sets: bytes, entries: bytes) -> dict[tuple[UUID, int], int]:
    """Which ids a store gives to the properties named by a number: (property set, number) to id.

    The name-to-id maps of a .msg (MS-OXMSG 2.2.3) and of a .pst (MS-PST 2.4.7) look alike: `sets` is the stream of
    GUIDs, `entries` that of 8-byte entries. Properties named by a text are left out. Raises MalformedProperty.
    """
    guids = Cursor("PidTagNameidStreamGuid", sets)
    known = [PS_MAPI, PS_PUBLIC_STRINGS, *(UUID(bytes_le=guids.take(16)) for _ in range(guids.left // 16))]
    cursor = Cursor("PidTagNameidStreamEntry", entries)
    ids: dict[tuple[UUID, int], int] = {}
    while cursor.left >= 8:
        number, kind, index = cursor.u32(), cursor.u16(), cursor.u16()
        is_text, place = kind & 1, (kind >> 1) - 1
        if not is_text and 0 <= place < len(known):
            ids[known[place], number] = FIRST_NAMED_ID + index
    return ids
