"""The time zone blobs of an appointment: TZDEFINITION with its TZRULEs, and TZREG (MS-OXOCAL 2.2.1.39 to 2.2.1.43).

Reads and writes them; what they mean for a wall clock is :mod:`dovetail.connector.outlook.zone_rules`. Biases are
minutes to *add* to local time to get UTC: -540 for Tokyo. Changes of clocks are SYSTEMTIMEs: `year` 0 means every year,
on the `day`-th (5: last) `weekday` of the month; `month` 0 means that there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag
from typing import NamedTuple

from dovetail.connector.outlook.binary import Cursor, i32, text, u16

MAJOR_VERSION = 2
MINOR_VERSION = 1
RULE_BYTES = 62
MAX_RULES = 1024
MAX_NAME = 260
MAX_BIAS = 15 * 60
"""Windows knows 14 hours at most."""
MAX_EXTRA_BIAS = 8 * 60
"""Of standard or daylight time: both together stay below the day that an offset from UTC may have."""


class DefinitionFlag(IntFlag):
    VALID_GUID = 1
    VALID_KEY_NAME = 2


class RuleFlag(IntFlag):
    RECUR_CURRENT = 1  # the rule that PidLidTimeZoneStruct repeats
    EFFECTIVE = 2  # the rule the appointment was made with


class SystemTime(NamedTuple):
    """Win32 SYSTEMTIME. `weekday` 0 is Sunday."""

    year: int = 0
    month: int = 0
    weekday: int = 0
    day: int = 0
    hour: int = 0
    minute: int = 0
    second: int = 0
    millisecond: int = 0

    def to_bytes(self) -> bytes:
        return b"".join(u16(part) for part in self)


NO_CHANGE = SystemTime()


@dataclass(frozen=True)
class Biases:
    """How a zone differs from UTC and when it changes; what TZREG and TZRULE have in common."""

    bias: int
    standard_bias: int = 0
    daylight_bias: int = 0
    standard_date: SystemTime = NO_CHANGE
    daylight_date: SystemTime = NO_CHANGE


@dataclass(frozen=True)
class ZoneRegistration:
    """TZREG, the value of PidLidTimeZoneStruct: the one rule of a series. Outlook writes 0 for the years."""

    biases: Biases
    standard_year: int = 0
    daylight_year: int = 0
    trailing: bytes = field(default=b"", repr=False)

    def to_bytes(self) -> bytes:
        biases = self.biases
        return b"".join(
            (
                _biases(biases),
                u16(self.standard_year),
                biases.standard_date.to_bytes(),
                u16(self.daylight_year),
                biases.daylight_date.to_bytes(),
                self.trailing,
            )
        )


@dataclass(frozen=True)
class ZoneRule:
    """TZRULE: the biases from 1 January of `year` until the next rule's. The first one holds before its year too.

    `start` is the rest of stStart behind its year; what it says is of no use. `trailing`: fields of a newer version.
    """

    biases: Biases
    year: int
    flags: int = RuleFlag.EFFECTIVE
    start: bytes = bytes.fromhex("0100000001000000000000000000")
    minor_version: int = MINOR_VERSION
    trailing: bytes = field(default=b"", repr=False)

    def to_bytes(self) -> bytes:
        return b"".join(
            (
                bytes((MAJOR_VERSION, self.minor_version)),
                u16(RULE_BYTES + len(self.trailing)),
                u16(self.flags),
                u16(self.year),
                self.start,
                _biases(self.biases),
                self.biases.standard_date.to_bytes(),
                self.biases.daylight_date.to_bytes(),
                self.trailing,
            )
        )


@dataclass(frozen=True)
class UnknownRule:
    """A TZRULE of another major version: kept, and not understood."""

    major_version: int
    minor_version: int
    data: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        return bytes((self.major_version, self.minor_version)) + u16(len(self.data)) + self.data


@dataclass(frozen=True)
class ZoneDefinition:
    """TZDEFINITION, the value of the three PidLidAppointmentTimeZoneDefinition… properties.

    `name` is Windows' own key, never localised ("Tokyo Standard Time"); None where the header has no room for one.
    `rules` run from the oldest to the newest; some items have none.
    """

    name: str | None
    rules: tuple[ZoneRule | UnknownRule, ...]
    flags: int = DefinitionFlag.VALID_KEY_NAME
    guid: bytes = b""
    minor_version: int = MINOR_VERSION
    header_rest: bytes = b""
    trailing: bytes = field(default=b"", repr=False)

    def to_bytes(self) -> bytes:
        key = b"" if self.name is None else u16(len(text(self.name)) // 2) + text(self.name)
        header = b"".join((u16(self.flags), self.guid, key, u16(len(self.rules)), self.header_rest))
        return b"".join(
            (
                bytes((MAJOR_VERSION, self.minor_version)),
                u16(len(header)),
                header,
                *(rule.to_bytes() for rule in self.rules),
                self.trailing,
            )
        )


def read_zone_registration(data: bytes, name: str = "PidLidTimeZoneStruct") -> ZoneRegistration:
    """Read a TZREG of 48 bytes. Raises MalformedProperty."""
    cursor = Cursor(name, data)
    bias, standard_bias, daylight_bias = _read_biases(cursor)
    standard_year, standard_date = cursor.u16(), _read_system_time(cursor)
    daylight_year, daylight_date = cursor.u16(), _read_system_time(cursor)
    biases = Biases(bias, standard_bias, daylight_bias, standard_date, daylight_date)
    return ZoneRegistration(biases, standard_year, daylight_year, cursor.rest())


def read_zone_definition(data: bytes, name: str) -> ZoneDefinition:
    """Read a TZDEFINITION, the value of the property `name`. Raises MalformedProperty."""
    cursor = Cursor(name, data)
    cursor.expect(cursor.u8(), frozenset((MAJOR_VERSION,)), "major version", 1)
    minor_version = cursor.u8()
    header_size = cursor.u16()
    header_end = cursor.offset + header_size
    flags = cursor.u16()
    guid = cursor.take(16) if flags & DefinitionFlag.VALID_GUID else b""
    has_name = flags & DefinitionFlag.VALID_KEY_NAME or header_end - cursor.offset > 2
    key_name = _read_name(cursor) if has_name else None
    count = cursor.expect(cursor.u16(), range(MAX_RULES + 1), "number of rules", 2)
    if cursor.offset > header_end:
        raise cursor.malformed(f"a header of {header_size} bytes that is longer", back=cursor.offset - 2)
    header_rest = cursor.take(header_end - cursor.offset)
    rules = tuple(_read_rule(cursor) for _ in range(count))
    return ZoneDefinition(key_name, rules, flags, guid, minor_version, header_rest, cursor.rest())


def _read_name(cursor: Cursor) -> str:
    return cursor.text(cursor.expect(cursor.u16(), range(MAX_NAME + 1), "length of the name", 2))


def _read_rule(cursor: Cursor) -> ZoneRule | UnknownRule:
    major_version, minor_version = cursor.u8(), cursor.u8()
    size = cursor.u16()
    if major_version != MAJOR_VERSION:
        return UnknownRule(major_version, minor_version, cursor.take(size))
    if size < RULE_BYTES:
        raise cursor.malformed(f"a rule of {size} bytes", back=2)
    end = cursor.offset + size
    flags, year, start = cursor.u16(), cursor.u16(), cursor.take(14)
    biases = Biases(*_read_biases(cursor), _read_system_time(cursor), _read_system_time(cursor))
    return ZoneRule(biases, year, flags, start, minor_version, cursor.take(end - cursor.offset))


def _read_biases(cursor: Cursor) -> tuple[int, int, int]:
    """The zone's own, that of standard and that of daylight time."""
    return _read_bias(cursor, MAX_BIAS), _read_bias(cursor, MAX_EXTRA_BIAS), _read_bias(cursor, MAX_EXTRA_BIAS)


def _read_bias(cursor: Cursor, most: int) -> int:
    bias = cursor.i32()
    if abs(bias) > most:
        raise cursor.malformed(f"a bias of {bias} minutes", back=4)
    return bias


def _read_system_time(cursor: Cursor) -> SystemTime:
    time = SystemTime(*(cursor.u16() for _ in range(8)))
    if time.month and not _is_possible(time):
        raise cursor.malformed("a change of clocks at a time that is none", back=16)
    return time


def _is_possible(time: SystemTime) -> bool:
    last_day = 31 if time.year else 5
    is_date = time.month <= 12 and time.weekday <= 6 and 1 <= time.day <= last_day
    return is_date and time.hour <= 24 and time.minute <= 59 and time.second <= 59 and time.millisecond <= 999


def _biases(biases: Biases) -> bytes:
    return b"".join(i32(bias) for bias in (biases.bias, biases.standard_bias, biases.daylight_bias))
