"""RecurrencePattern: how often an appointment repeats, until when, and when it does not (MS-OXOCAL 2.2.1.44.1).

Reads and writes the structure; which dates it means is :mod:`dovetail.connector.outlook.slots`. Dates are minutes from
1601-01-01 to that day's midnight on the wall clock of the series' own time zone. The sliding flag (tasks that renew
themselves) is kept and means nothing for appointments.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from dovetail.connector.outlook.binary import Cursor, u16, u32, u32s

VERSION = 0x3004
DAY_MINUTES = 1440
WEEK_MINUTES = 7 * DAY_MINUTES
ENDLESS_DATE = 0x5AE980DF
"""4500-12-31T23:59 in minutes since 1601: the end date of a series without an end. From here on no date is meant."""
ENDLESS_COUNT = 10

_FIRST_DAY = date(1601, 1, 1)


class Frequency(IntEnum):
    DAILY = 0x200A
    WEEKLY = 0x200B
    MONTHLY = 0x200C
    YEARLY = 0x200D


class PatternType(IntEnum):
    DAY = 0x0
    WEEK = 0x1
    MONTH = 0x2
    MONTH_NTH = 0x3
    MONTH_END = 0x4
    HIJRI_MONTH = 0xA
    HIJRI_MONTH_NTH = 0xB
    HIJRI_MONTH_END = 0xC


class EndType(IntEnum):
    BY_DATE = 0x2021
    AFTER_COUNT = 0x2022
    NEVER = 0x2023
    NEVER_TOO = 0xFFFFFFFF


MONTH_END_TYPES = frozenset((PatternType.MONTH_END, PatternType.HIJRI_MONTH_END))
MONTH_DAY_TYPES = frozenset((PatternType.MONTH, PatternType.HIJRI_MONTH)) | MONTH_END_TYPES
MONTH_NTH_TYPES = frozenset((PatternType.MONTH_NTH, PatternType.HIJRI_MONTH_NTH))
_TYPES = {
    Frequency.DAILY: frozenset((PatternType.DAY, PatternType.WEEK)),  # "every weekday" is daily, of type week
    Frequency.WEEKLY: frozenset((PatternType.WEEK,)),
    Frequency.MONTHLY: MONTH_DAY_TYPES | MONTH_NTH_TYPES,
    Frequency.YEARLY: MONTH_DAY_TYPES | MONTH_NTH_TYPES,
}


@dataclass(frozen=True)
class RecurrencePattern:
    """`period` counts minutes in a pattern of type day, weeks in one of type week, months in all others.

    `weekdays` is a mask (Sunday 1 … Saturday 64) of the types week and nth; `nth` 1 to 4, or 5 for the last; `day` of
    the month, 31 for the last, which a pattern of type month end does not heed. Those that the type does not have are
    0. `first_day_of_week`: 0 is Sunday.
    """

    frequency: Frequency
    pattern_type: PatternType
    first_date_time: int
    period: int
    end_type: EndType
    occurrence_count: int
    start_date: int
    end_date: int
    weekdays: int = 0
    nth: int = 0
    day: int = 0
    first_day_of_week: int = 0
    calendar_type: int = 0
    sliding_flag: int = 0
    deleted_instance_dates: tuple[int, ...] = ()
    modified_instance_dates: tuple[int, ...] = ()

    @property
    def is_endless(self) -> bool:
        return self.end_type in (EndType.NEVER, EndType.NEVER_TOO)

    def to_bytes(self) -> bytes:
        return b"".join(
            (
                u16(VERSION),
                u16(VERSION),
                u16(self.frequency),
                u16(self.pattern_type),
                u16(self.calendar_type),
                u32(self.first_date_time),
                u32(self.period),
                u32(self.sliding_flag),
                self._specific(),
                u32(self.end_type),
                u32(self.occurrence_count),
                u32(self.first_day_of_week),
                u32(len(self.deleted_instance_dates)),
                u32s(self.deleted_instance_dates),
                u32(len(self.modified_instance_dates)),
                u32s(self.modified_instance_dates),
                u32(self.start_date),
                u32(self.end_date),
            )
        )

    def _specific(self) -> bytes:
        if self.pattern_type is PatternType.DAY:
            return b""
        if self.pattern_type is PatternType.WEEK:
            return u32(self.weekdays)
        if self.pattern_type in MONTH_NTH_TYPES:
            return u32(self.weekdays) + u32(self.nth)
        return u32(self.day)


def read_recurrence_pattern(cursor: Cursor) -> RecurrencePattern:
    """The structure at the cursor, which is left behind it. Raises MalformedProperty."""
    versions = frozenset((VERSION,))
    cursor.expect(cursor.u16(), versions, "reader version", 2)
    cursor.expect(cursor.u16(), versions, "writer version", 2)
    frequency = Frequency(cursor.expect(cursor.u16(), frozenset(Frequency), "frequency", 2))
    pattern_type = PatternType(cursor.expect(cursor.u16(), _TYPES[frequency], "pattern type", 2))
    calendar_type = cursor.u16()
    first_date_time = cursor.u32()
    period = _read_period(cursor, pattern_type)
    sliding_flag = cursor.u32()
    weekdays = nth = day = 0
    if pattern_type is PatternType.WEEK or pattern_type in MONTH_NTH_TYPES:
        weekdays = cursor.expect(cursor.u32(), range(1, 0x80), "mask of weekdays", 4)
    if pattern_type in MONTH_NTH_TYPES:
        nth = cursor.expect(cursor.u32(), range(1, 6), "week of the month", 4)
    if pattern_type in MONTH_DAY_TYPES:
        days = range(1 << 32) if pattern_type in MONTH_END_TYPES else range(1, 32)
        day = cursor.expect(cursor.u32(), days, "day of the month", 4)
    end_type = EndType(cursor.expect(cursor.u32(), frozenset(EndType), "end type", 4))
    occurrence_count = cursor.u32()
    first_day_of_week = cursor.expect(cursor.u32(), range(7), "first day of the week", 4)
    deleted = cursor.u32s(cursor.u32())
    modified_count = cursor.u32()
    if modified_count > len(deleted):
        raise cursor.malformed(f"{modified_count} modified instances of {len(deleted)} removed ones", back=4)
    modified = cursor.u32s(modified_count)
    return RecurrencePattern(
        frequency=frequency,
        pattern_type=pattern_type,
        first_date_time=first_date_time,
        period=period,
        end_type=end_type,
        occurrence_count=occurrence_count,
        start_date=cursor.u32(),
        end_date=cursor.u32(),
        weekdays=weekdays,
        nth=nth,
        day=day,
        first_day_of_week=first_day_of_week,
        calendar_type=calendar_type,
        sliding_flag=sliding_flag,
        deleted_instance_dates=deleted,
        modified_instance_dates=modified,
    )


def _read_period(cursor: Cursor, pattern_type: PatternType) -> int:
    period = cursor.u32()
    if period == 0:
        raise cursor.malformed("a period of 0", back=4)
    if pattern_type is PatternType.DAY and period % DAY_MINUTES:
        raise cursor.malformed(f"a period of {period} minutes is not one of whole days", back=4)
    return period


def first_date_time(pattern_type: PatternType, period: int, start_date: int, first_day_of_week: int = 0) -> int:
    """The FirstDateTime to write in a Gregorian series (MS-OXOCAL 2.2.1.44.1.1): its phase, dated back to 1601.

    Nobody reads it here: the phase follows from `start_date`.
    """
    if pattern_type is PatternType.DAY:
        return start_date % period
    day = start_date // DAY_MINUTES
    if pattern_type is PatternType.WEEK:
        week_start = day - (day + 1 - first_day_of_week) % 7  # 1601-01-01 was a Monday
        return week_start * DAY_MINUTES % (period * WEEK_MINUTES)
    started = date.fromordinal(_FIRST_DAY.toordinal() + day)
    months = ((started.year - 1601) * 12 + started.month - 1) % period
    phase = date(1601 + months // 12, months % 12 + 1, 1)
    return (phase - _FIRST_DAY).days * DAY_MINUTES
