"""AppointmentRecurrencePattern: PidLidAppointmentRecur, the blob of a recurring appointment (MS-OXOCAL 2.2.1.44.5).

The pattern, the times of day, and the exceptions with what each changed, twice: once in the system's code page, once
(extended) in Unicode. Times are minutes from 1601-01-01T00:00 on the wall clock of the series' own zone. The bytes
of reserved blocks, and what Outlook leaves behind the structure, are kept: what was read is written back as it was.

Subjects and locations are the User's own: no `repr` shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntFlag

from dovetail.connector.outlook.binary import Cursor, block, text, u16, u32
from dovetail.connector.outlook.recurrence_pattern import (
    DAY_MINUTES,
    ENDLESS_DATE,
    RecurrencePattern,
    read_recurrence_pattern,
)

NAME = "PidLidAppointmentRecur"
READER_VERSION_2 = 0x3006
WRITER_VERSION_2 = 0x3009
HIGHLIGHTING_VERSION = 0x3009
"""From this writer on each extended exception begins with a ChangeHighlight."""
LONGEST_MINUTES = 4 * 366 * DAY_MINUTES
"""No occurrence lasts longer: Outlook refuses one that outlasts its own period."""

_READER_VERSIONS = frozenset((READER_VERSION_2,))
_WRITER_VERSIONS = range(0x3006, WRITER_VERSION_2 + 1)


class Override(IntFlag):
    """What an exception changes (OverrideFlags)."""

    SUBJECT = 0x001
    MEETING_TYPE = 0x002
    REMINDER_DELTA = 0x004
    REMINDER = 0x008
    LOCATION = 0x010
    BUSY_STATUS = 0x020
    ATTACHMENT = 0x040
    SUB_TYPE = 0x080
    COLOR = 0x100
    EXCEPTIONAL_BODY = 0x200


_NUMBERS_BEFORE_LOCATION = (Override.MEETING_TYPE, Override.REMINDER_DELTA, Override.REMINDER)
_NUMBERS_AFTER_LOCATION = (Override.BUSY_STATUS, Override.ATTACHMENT, Override.SUB_TYPE, Override.COLOR)
_FLAGS_WITH_A_VALUE = 0x1FF


@dataclass(frozen=True)
class ExtendedException:
    """`change_highlight` is absent before writer version 0x3009; `times` repeat the exception's start, end and original
    start where a subject or a location changed."""

    change_highlight: bytes | None = b"\0\0\0\0"
    times: tuple[int, int, int] | None = None
    subject: str | None = field(default=None, repr=False)
    location: str | None = field(default=None, repr=False)
    reserved_1: bytes = b""
    reserved_2: bytes = b""

    def to_bytes(self) -> bytes:
        parts = []
        if self.change_highlight is not None:
            parts.append(block(self.change_highlight))
        parts.append(block(self.reserved_1))
        if self.times is not None:
            parts += [u32(time) for time in self.times]
            wides = (text(wide) for wide in (self.subject, self.location) if wide is not None)
            parts += [u16(len(wide) // 2) + wide for wide in wides]
            parts.append(block(self.reserved_2))
        return b"".join(parts)


@dataclass(frozen=True)
class ExceptionInfo:
    """One changed occurrence. Old versions of Outlook left the dates out: see `span`.

    `numbers` holds the changed values of 4 bytes by their flag; texts are in the code page of whoever wrote them.
    `other_flags` are those that bring no value here (EXCEPTIONAL_BODY, and any unknown).
    """

    start: int
    end: int
    original_start: int
    numbers: Mapping[Override, int] = field(default_factory=dict)
    subject: bytes | None = field(default=None, repr=False)
    location: bytes | None = field(default=None, repr=False)
    other_flags: int = 0
    extended: ExtendedException = ExtendedException()

    @property
    def flags(self) -> int:
        """OverrideFlags: which of the series' properties this occurrence changes."""
        texts = Override.SUBJECT * (self.subject is not None) | Override.LOCATION * (self.location is not None)
        return sum(self.numbers) | texts | self.other_flags

    def span(self, length: int) -> tuple[int, int]:
        """Start and end, where one may not be set (4501-01-01): then it is the original start, and `length` later."""
        start = self.start if self.start < ENDLESS_DATE else self.original_start
        return start, self.end if self.end < ENDLESS_DATE else start + length

    def to_bytes(self) -> bytes:
        """Without the extended part, which stands in an array of its own."""
        parts = [u32(self.start), u32(self.end), u32(self.original_start), u16(self.flags)]
        parts += _counted(self.subject)
        parts += [u32(self.numbers[flag]) for flag in _NUMBERS_BEFORE_LOCATION if flag in self.numbers]
        parts += _counted(self.location)
        parts += [u32(self.numbers[flag]) for flag in _NUMBERS_AFTER_LOCATION if flag in self.numbers]
        return b"".join(parts)


@dataclass(frozen=True)
class AppointmentRecurrence:
    """`start_offset` and `end_offset` are minutes after midnight of an occurrence's first day; an end on a later day
    lies beyond 1440. `trailing` is what stood behind the structure."""

    pattern: RecurrencePattern
    start_offset: int
    end_offset: int
    exceptions: tuple[ExceptionInfo, ...] = ()
    writer_version: int = WRITER_VERSION_2
    reserved_1: bytes = b""
    reserved_2: bytes = b""
    trailing: bytes = field(default=b"", repr=False)

    def to_bytes(self) -> bytes:
        return b"".join(
            (
                self.pattern.to_bytes(),
                u32(READER_VERSION_2),
                u32(self.writer_version),
                u32(self.start_offset),
                u32(self.end_offset),
                u16(len(self.exceptions)),
                *(exception.to_bytes() for exception in self.exceptions),
                block(self.reserved_1),
                *(exception.extended.to_bytes() for exception in self.exceptions),
                block(self.reserved_2),
                self.trailing,
            )
        )


def read_appointment_recurrence(data: bytes, name: str = NAME) -> AppointmentRecurrence:
    """Read a value of PidLidAppointmentRecur. Raises MalformedProperty."""
    cursor = Cursor(name, data)
    pattern = read_recurrence_pattern(cursor)
    cursor.expect(cursor.u32(), _READER_VERSIONS, "second reader version", 4)
    writer_version = cursor.expect(cursor.u32(), _WRITER_VERSIONS, "second writer version", 4)
    start_offset = cursor.expect(cursor.u32(), range(DAY_MINUTES), "start offset", 4)
    end_offset = cursor.expect(cursor.u32(), range(start_offset, LONGEST_MINUTES), "end offset", 4)
    count = cursor.u16()
    if count != len(pattern.modified_instance_dates):
        modified = len(pattern.modified_instance_dates)
        raise cursor.malformed(f"{count} exceptions for {modified} modified instances", back=2)
    exceptions = [_read_exception(cursor) for _ in range(count)]
    reserved_1 = cursor.block()
    extended = [_read_extended(cursor, writer_version, exception.flags) for exception in exceptions]
    return AppointmentRecurrence(
        pattern=pattern,
        start_offset=start_offset,
        end_offset=end_offset,
        exceptions=tuple(replace(info, extended=more) for info, more in zip(exceptions, extended, strict=True)),
        writer_version=writer_version,
        reserved_1=reserved_1,
        reserved_2=cursor.block(),
        trailing=cursor.rest(),
    )


def _read_exception(cursor: Cursor) -> ExceptionInfo:
    start, end, original = cursor.u32(), cursor.u32(), cursor.u32()
    if end < ENDLESS_DATE and not start <= end <= start + LONGEST_MINUTES:
        raise cursor.malformed("an exception that ends before it starts, or years later", back=8)
    flags = cursor.u16()
    subject = _read_counted(cursor) if flags & Override.SUBJECT else None
    numbers = {flag: cursor.u32() for flag in _NUMBERS_BEFORE_LOCATION if flags & flag}
    location = _read_counted(cursor) if flags & Override.LOCATION else None
    numbers |= {flag: cursor.u32() for flag in _NUMBERS_AFTER_LOCATION if flags & flag}
    return ExceptionInfo(start, end, original, numbers, subject, location, flags & ~_FLAGS_WITH_A_VALUE)


def _read_extended(cursor: Cursor, writer_version: int, flags: int) -> ExtendedException:
    highlight = cursor.block() if writer_version >= HIGHLIGHTING_VERSION else None
    reserved_1 = cursor.block()
    if not flags & (Override.SUBJECT | Override.LOCATION):
        return ExtendedException(highlight, reserved_1=reserved_1)
    return ExtendedException(
        change_highlight=highlight,
        times=(cursor.u32(), cursor.u32(), cursor.u32()),
        subject=cursor.text(cursor.u16()) if flags & Override.SUBJECT else None,
        location=cursor.text(cursor.u16()) if flags & Override.LOCATION else None,
        reserved_1=reserved_1,
        reserved_2=cursor.block(),
    )


def _read_counted(cursor: Cursor) -> bytes:
    """A text behind its length plus one and its length."""
    with_end, length = cursor.u16(), cursor.u16()
    if with_end != length + 1:
        raise cursor.malformed(f"a text of {length} characters that says {with_end - 1}", back=4)
    return cursor.take(length)


def _counted(value: bytes | None) -> list[bytes]:
    return [] if value is None else [u16(len(value) + 1), u16(len(value)), value]
