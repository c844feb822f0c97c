"""Appointments as Outlook saves them, for tests: MAPI properties and .msg files (MS-OXMSG, MS-CFB)."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import win_tz

from connector.outlook import blobs
from dovetail.connector.outlook.appointment_zone import RECUR, START_DISPLAY
from dovetail.connector.outlook.properties import (
    APPOINTMENT_SET,
    COMMON_SET,
    FIRST_NAMED_ID,
    MEETING_SET,
    PROPERTIES,
    Property,
    PropertyType,
    Value,
)
from dovetail.connector.outlook.recurrence_pattern import Frequency, PatternType
from dovetail.connector.outlook.time_zones import ZoneDefinition
from dovetail.schedule.busy import BusyStatus

Written = dict[str, Value]
SETS = (APPOINTMENT_SET, COMMON_SET, MEETING_SET)
NAMED = [found for found in PROPERTIES.values() if found.set is not None]
NAMED_IDS = {found.name: FIRST_NAMED_ID + index for index, found in enumerate(NAMED)}
_WINDOWS_NAMES = {iana: windows for windows, iana in win_tz.items()} | {"UTC": "UTC"}


def appointment(
    start: datetime, end: datetime, status: BusyStatus = BusyStatus.BUSY, *, subject: str = "Lunch", weeks: int = 1
) -> Written:
    """Repeated weekly on the wall clock of `start`'s zone when `weeks` > 1."""
    zone = ZoneDefinition(_windows_name(start), ()).to_bytes()
    properties: Written = {
        "PidTagMessageClass": "IPM.Appointment",
        "PidTagSubject": subject,
        "PidLidLocation": subject,
        "PidLidAppointmentStartWhole": start.astimezone(UTC),
        "PidLidAppointmentEndWhole": end.astimezone(UTC),
        "PidLidBusyStatus": int(status),
        "PidLidRecurring": weeks > 1,
        START_DISPLAY: zone,
    }
    if weeks > 1:
        begin = start.hour * 60 + start.minute
        series = blobs.series(
            Frequency.WEEKLY,
            PatternType.WEEK,
            1,
            date(start.year, start.month, start.day),
            count=weeks,
            offsets=(begin, begin + (end - start) // timedelta(minutes=1)),
            weekdays=1 << start.isoweekday() % 7,
        )
        properties |= {"PidLidAppointmentRecur": series.to_bytes(), RECUR: zone}
    return properties


def _windows_name(at: datetime) -> str:
    key = at.tzinfo.key if isinstance(at.tzinfo, ZoneInfo) else "UTC"
    return _WINDOWS_NAMES.get(key, key)  # as other programs than Outlook write it


def property_id(found: Property) -> int:
    return found.id if found.set is None else NAMED_IDS[found.name]


def filetime(at: datetime) -> int:
    return (at - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10


def name_streams() -> tuple[bytes, bytes]:
    """The GUIDs and the entries of a name-to-id map."""
    entries = b"".join(
        struct.pack("<IHH", found.id, (SETS.index(found.set) + 3) << 1, index)
        for index, found in enumerate(NAMED)
        if found.set is not None
    )
    return b"".join(guid.bytes_le for guid in SETS), entries


def fixed_value(value: Value) -> bytes:
    """As it stands in 8 bytes."""
    if isinstance(value, datetime):
        return filetime(value).to_bytes(8, "little")
    assert isinstance(value, int)
    return int(value).to_bytes(8, "little", signed=True)


def variable_value(value: Value) -> bytes:
    return value.encode("utf-16-le") if isinstance(value, str) else bytes(value)  # type: ignore[arg-type]


def msg(properties: Mapping[str, Value]) -> bytes:
    """The content of a .msg file."""
    header = bytes(32)
    entries, streams = b"", {}
    for name, value in properties.items():
        found = PROPERTIES[name]
        tag = property_id(found) << 16 | found.type
        if found.type in (PropertyType.STRING, PropertyType.BINARY):
            data = variable_value(value)
            streams[f"__substg1.0_{tag:08X}"] = data
            entries += struct.pack("<IIQ", tag, 6, len(data))
        else:
            entries += struct.pack("<II", tag, 6) + fixed_value(value)
    guids, names = name_streams()
    return compound_file(
        {
            "__nameid_version1.0": {
                "__substg1.0_00020102": guids,
                "__substg1.0_00030102": names,
                "__substg1.0_00040102": b"",
            },
            "__properties_version1.0": header + entries,
            **streams,
        }
    )


Storage = Mapping[str, "bytes | Storage"]
_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def compound_file(root: Storage) -> bytes:
    """A compound file of version 3 (MS-CFB) with up to 109 sectors of allocation table."""
    entries: list[dict[str, int | str | bytes]] = [{"name": "Root Entry", "kind": 5}]
    _add_children(entries, 0, root)
    sectors: list[bytes] = []
    table: list[int] = []

    def place(data: bytes) -> int:
        """Puts data into sectors of its own and gives the first."""
        if not data:
            return _END
        first = len(sectors)
        pieces = [data[at : at + _SECTOR].ljust(_SECTOR, b"\0") for at in range(0, len(data), _SECTOR)]
        sectors.extend(pieces)
        table.extend([*range(first + 1, first + len(pieces)), _END])
        return first

    mini, mini_table = b"", list[int]()
    for entry in entries:
        data = entry.get("data", b"")
        assert isinstance(data, bytes)
        if entry["kind"] != 2:
            continue
        if len(data) >= _CUTOFF:
            entry["start"] = place(data)
        elif data:
            count = math.ceil(len(data) / _MINI)
            entry["start"] = len(mini_table)
            mini_table += [*range(len(mini_table) + 1, len(mini_table) + count), _END]
            mini += data.ljust(count * _MINI, b"\0")
    entries[0]["start"], entries[0]["data"] = place(mini), mini
    mini_first = place(struct.pack(f"<{len(mini_table)}I", *mini_table).ljust(1, b"\xff"))
    directory = place(b"".join(_directory_entry(entry) for entry in entries).ljust(_SECTOR, b"\0"))
    fat_sectors = 1
    while fat_sectors * 128 < len(table) + fat_sectors:
        fat_sectors += 1
    fat_first = len(table)
    table += [_FAT] * fat_sectors
    table += [_FREE] * (fat_sectors * 128 - len(table))
    fat = struct.pack(f"<{len(table)}I", *table)
    where = [fat_first + number for number in range(fat_sectors)]
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII",
        bytes.fromhex("D0CF11E0A1B11AE1"),
        bytes(16),
        *(0x3E, 3, 0xFFFE, 9, 6),
        bytes(6),
        *(0, fat_sectors, directory, 0, _CUTOFF, mini_first, math.ceil(len(mini_table) / 128) or 1, _END, 0),
        where[0],
    )
    rest = struct.pack("<108I", *where[1:], *[_FREE] * (109 - len(where)))
    return header + rest + b"".join(sectors) + fat


def _add_children(entries: list[dict[str, int | str | bytes]], parent: int, storage: Storage) -> None:
    """As a list of right siblings in the order that a search expects."""
    numbers = []
    for name in sorted(storage, key=lambda name: (len(name), name.upper())):
        content = storage[name]
        numbers.append(len(entries))
        if isinstance(content, bytes):
            entries.append({"name": name, "kind": 2, "data": content})
        else:
            entries.append({"name": name, "kind": 1})
            _add_children(entries, numbers[-1], content)
    for one, following in zip(numbers, [*numbers[1:], _FREE], strict=True):
        entries[one]["right"] = following
    entries[parent]["child"] = numbers[0] if numbers else _FREE


def _directory_entry(entry: dict[str, int | str | bytes]) -> bytes:
    name = f"{entry['name']}\0".encode("utf-16-le")
    data = entry.get("data", b"")
    assert isinstance(data, bytes)
    return struct.pack(
        "<64sHBBIII16sI8s8sIQ",
        name,
        len(name),
        entry["kind"],
        1,
        _FREE,
        entry.get("right", _FREE),
        entry.get("child", _FREE),
        bytes(16),
        0,
        bytes(8),
        bytes(8),
        entry.get("start", _END if entry["kind"] == 2 else 0),
        len(data),
    )
