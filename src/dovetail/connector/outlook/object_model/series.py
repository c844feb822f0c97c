"""A series as the object model tells it, put back into the blob that it came from (MS-OXOCAL 2.2.1.44.5).

The blob itself is a property that only a guarded member shows. A RecurrencePattern says the same in other words, with
three gaps:

*First day of the week*  is not told. Where an interval of several weeks makes it matter, the series is given once for
                         each first day there may be, and all of them block.
*Exceptions*             tell their day in a zone that nobody names: the one in which their time fits the series.
*Calendars*              other than the Gregorian are not told.

An exception that cannot be read leaves its original time blocked, and the series in doubt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from dovetail.connector.outlook.appointment_recurrence import NAME, AppointmentRecurrence, ExceptionInfo, Override
from dovetail.connector.outlook.binary import MalformedProperty
from dovetail.connector.outlook.object_model.automation import Automation
from dovetail.connector.outlook.object_model.clock import Clock, day_of, minute_of_day
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.connector.outlook.recurrence_pattern import (
    DAY_MINUTES,
    ENDLESS_COUNT,
    ENDLESS_DATE,
    EndType,
    Frequency,
    PatternType,
    RecurrencePattern,
)

_FIRST_DAY = date(1601, 1, 1)
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_KINDS = {  # OlRecurrenceType
    0: (Frequency.DAILY, PatternType.DAY),
    1: (Frequency.WEEKLY, PatternType.WEEK),
    2: (Frequency.MONTHLY, PatternType.MONTH),
    3: (Frequency.MONTHLY, PatternType.MONTH_NTH),
    5: (Frequency.YEARLY, PatternType.MONTH),
    6: (Frequency.YEARLY, PatternType.MONTH_NTH),
}
_SUNDAY, _MONDAY, _SATURDAY = 0, 1, 6
_FIRST_DAYS = (_SUNDAY, _MONDAY, _SATURDAY)


@dataclass(frozen=True)
class Series:
    """`readings`: one, or several where Outlook does not tell which. `in_doubt`: an exception could not be read."""

    readings: tuple[AppointmentRecurrence, ...]
    in_doubt: bool


def read_series(com: Automation, item: Any, zone: tzinfo, clock: Clock) -> Series:
    """The series of an item that IsRecurring: asking another one would make it recur. Raises OutlookFault, and
    MalformedProperty for what makes no sense."""
    told = com.call(item, "GetRecurrencePattern")
    start = minute_of_day(com.get(told, "StartTime"))
    if start is None:
        raise MalformedProperty(NAME, 0, "a series without a time of day")
    end = start + int(com.get(told, "Duration"))
    pattern = _pattern(com, told)
    gone: set[int] = set()
    exceptions: list[ExceptionInfo] = []
    in_doubt = False
    for exception in _exceptions(com, told):
        try:
            info = _exception(com, exception, start, zone, clock)
        except OutlookFault as fault:
            if fault.outcome in (Outcome.DEAD, Outcome.OFFLINE, Outcome.TOO_MANY):
                raise
            in_doubt = True
            continue
        gone.add(info.original_start - info.original_start % DAY_MINUTES)
        if info.end:
            exceptions.append(info)
    exceptions.sort(key=lambda info: info.start)
    pattern = replace(
        pattern,
        deleted_instance_dates=tuple(sorted(gone)),
        modified_instance_dates=tuple(info.start - info.start % DAY_MINUTES for info in exceptions),
    )
    readings = (replace(pattern, first_day_of_week=first) for first in _first_days(pattern))
    found = (AppointmentRecurrence(reading, start, end, exceptions=tuple(exceptions)) for reading in readings)
    return Series(tuple(found), in_doubt)


def _pattern(com: Automation, told: Any) -> RecurrencePattern:
    kind = com.get(told, "RecurrenceType")
    first = day_of(com.get(told, "PatternStartDate"))
    if kind not in _KINDS or first is None:
        raise MalformedProperty(NAME, 0, "a kind of series that nobody knows")
    frequency, pattern_type = _KINDS[kind]
    last = None if com.get(told, "NoEndDate") else day_of(com.get(told, "PatternEndDate"))
    return RecurrencePattern(
        frequency=frequency,
        pattern_type=pattern_type,
        first_date_time=0,
        period=_period(frequency, pattern_type, int(com.get(told, "Interval"))),
        end_type=EndType.NEVER if last is None else EndType.BY_DATE,
        occurrence_count=ENDLESS_COUNT,
        start_date=_minutes(first),
        end_date=ENDLESS_DATE if last is None else _minutes(last),
        weekdays=com.get(told, "DayOfWeekMask") if pattern_type in (PatternType.WEEK, PatternType.MONTH_NTH) else 0,
        nth=com.get(told, "Instance") if pattern_type is PatternType.MONTH_NTH else 0,
        day=com.get(told, "DayOfMonth") if pattern_type is PatternType.MONTH else 0,
    )


def _period(frequency: Frequency, pattern_type: PatternType, interval: int) -> int:
    """As the blob counts. Outlook tells the interval of a yearly series in months."""
    if interval < 1:
        raise MalformedProperty(NAME, 0, "an interval of nothing")
    if pattern_type is PatternType.DAY:
        return interval * DAY_MINUTES
    if frequency is Frequency.YEARLY and interval % 12:
        return interval * 12
    return interval


def _first_days(pattern: RecurrencePattern) -> tuple[int, ...]:
    several = pattern.weekdays & (pattern.weekdays - 1)
    if pattern.pattern_type is not PatternType.WEEK or pattern.period == 1 or not several:
        return (_SUNDAY,)
    return _FIRST_DAYS


def _exceptions(com: Automation, told: Any) -> Iterator[Any]:
    exceptions = com.get(told, "Exceptions")
    for number in range(1, com.get(exceptions, "Count") + 1):
        yield com.call(exceptions, "Item", number)


def _exception(com: Automation, exception: Any, start: int, zone: tzinfo, clock: Clock) -> ExceptionInfo:
    """A deleted occurrence ends before time began."""
    original = _original_start(com.get(exception, "OriginalDate"), start, zone, clock)
    if com.get(exception, "Deleted"):
        return ExceptionInfo(0, 0, original)
    item = com.get(exception, "AppointmentItem")
    times = [clock.from_utc(com.get(item, name)) for name in ("StartUTC", "EndUTC")]
    begins, ends = (_wall(at, zone) if at is not None else ENDLESS_DATE for at in times)
    return ExceptionInfo(begins, ends, original, {Override.BUSY_STATUS: int(com.get(item, "BusyStatus"))})


def _original_start(value: object, start: int, zone: tzinfo, clock: Clock) -> int:
    """Minutes since 1601 on the clock of the series. The day as it stands, unless only the PC's clock gives the time
    at which the series starts."""
    day, minute = day_of(value), minute_of_day(value)
    if day is None or minute is None:
        raise MalformedProperty(NAME, 0, "an exception without a day")
    instant = clock.from_local(value)
    if minute not in (0, start) and instant is not None and _wall(instant, zone) % DAY_MINUTES == start:
        return _wall(instant, zone)
    return _minutes(day) + start


def _wall(at: datetime, zone: tzinfo) -> int:
    return (at.astimezone(zone).replace(tzinfo=UTC) - _EPOCH) // timedelta(minutes=1)


def _minutes(day: date) -> int:
    return (day - _FIRST_DAY).days * DAY_MINUTES
