"""Outlook's patterns said in iCalendar, for libraries that know nothing of Outlook to expand."""
# ruff: noqa: DTZ001 - wall clocks

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import recurring_ical_events
from dateutil.rrule import rrulestr
from icalendar import Calendar

from dovetail.connector.outlook.appointment_recurrence import AppointmentRecurrence, Override
from dovetail.connector.outlook.recurrence_pattern import (
    DAY_MINUTES,
    MONTH_NTH_TYPES,
    EndType,
    Frequency,
    PatternType,
    RecurrencePattern,
)

_WEEKDAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
_BUSY = {0: "FREE", 1: "TENTATIVE", 2: "BUSY", 3: "OOF", 4: "WORKINGELSEWHERE"}


def day(minutes: int) -> date:
    return date(1601, 1, 1) + timedelta(days=minutes // DAY_MINUTES)


def wall(minutes: int) -> datetime:
    return datetime(1601, 1, 1) + timedelta(minutes=minutes)


def rrule(pattern: RecurrencePattern) -> str:
    """Without an end by date, which needs a zone."""
    mask = ",".join(name for bit, name in enumerate(_WEEKDAYS) if pattern.weekdays >> bit & 1)
    if pattern.pattern_type is PatternType.DAY:
        parts = [f"FREQ=DAILY;INTERVAL={pattern.period // DAY_MINUTES}"]
    elif pattern.pattern_type is PatternType.WEEK:
        week_start = _WEEKDAYS[pattern.first_day_of_week]
        parts = [f"FREQ=WEEKLY;INTERVAL={pattern.period};BYDAY={mask};WKST={week_start}"]
    else:
        parts = [_months(pattern)]
        if pattern.pattern_type in MONTH_NTH_TYPES:
            parts.append(f"BYDAY={mask};BYSETPOS={-1 if pattern.nth == 5 else pattern.nth}")
        elif pattern.pattern_type is PatternType.MONTH_END or pattern.day == 31:
            parts.append("BYMONTHDAY=-1")
        elif pattern.day <= 28:
            parts.append(f"BYMONTHDAY={pattern.day}")
        else:
            days = ",".join(str(number) for number in range(28, pattern.day + 1))
            parts.append(f"BYMONTHDAY={days};BYSETPOS=-1")
    if pattern.end_type is EndType.AFTER_COUNT:
        parts.append(f"COUNT={pattern.occurrence_count}")
    return ";".join(parts)


def _months(pattern: RecurrencePattern) -> str:
    if pattern.frequency is Frequency.YEARLY:
        return f"FREQ=YEARLY;INTERVAL={pattern.period // 12};BYMONTH={day(pattern.start_date).month}"
    return f"FREQ=MONTHLY;INTERVAL={pattern.period}"


def slots(pattern: RecurrencePattern, first: date, last: date) -> list[date]:
    """By python-dateutil."""
    if pattern.end_type is EndType.BY_DATE:
        last = min(last, day(pattern.end_date))
    start = datetime.combine(day(pattern.start_date), time())
    rule = rrulestr(rrule(pattern), dtstart=start)
    found = rule.between(datetime.combine(first, time()), datetime.combine(last, time()), inc=True)
    return [at.date() for at in found]


def busy(
    recurrence: AppointmentRecurrence, zone: str, status: int, first: date, last: date
) -> list[tuple[datetime, datetime, int]]:
    """Starts, ends and busy statuses, in UTC, by recurring-ical-events."""
    calendar = Calendar.from_ical(icalendar_text(recurrence, zone, status))
    numbers = {name: number for number, name in _BUSY.items()}
    return sorted(
        (
            event["DTSTART"].dt.astimezone(ZoneInfo("UTC")),
            event["DTEND"].dt.astimezone(ZoneInfo("UTC")),
            numbers[str(event["X-MICROSOFT-CDO-BUSYSTATUS"])],
        )
        for event in recurring_ical_events.of(calendar).between(first, last)
    )


def icalendar_text(recurrence: AppointmentRecurrence, zone: str, status: int) -> bytes:
    pattern = recurrence.pattern
    until = ""
    if pattern.end_type is EndType.BY_DATE:
        end = wall(pattern.end_date + recurrence.start_offset).replace(tzinfo=ZoneInfo(zone))
        until = f";UNTIL={end.astimezone(ZoneInfo('UTC')):%Y%m%dT%H%M%SZ}"
    changed = {exception.original_start // DAY_MINUTES for exception in recurrence.exceptions}
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"]
    lines += _event(
        zone, pattern.start_date + recurrence.start_offset, pattern.start_date + recurrence.end_offset, status
    )
    lines.append(f"RRULE:{rrule(pattern)}{until}")
    for deleted in pattern.deleted_instance_dates:
        if deleted // DAY_MINUTES not in changed:
            lines.append(f"EXDATE;TZID={zone}:{wall(deleted + recurrence.start_offset):%Y%m%dT%H%M%S}")
    lines.append("END:VEVENT")
    for exception in recurrence.exceptions:
        lines += _event(zone, exception.start, exception.end, exception.numbers.get(Override.BUSY_STATUS, status))
        lines.append(f"RECURRENCE-ID;TZID={zone}:{wall(exception.original_start):%Y%m%dT%H%M%S}")
        lines.append("END:VEVENT")
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def _event(zone: str, start: int, end: int, status: int) -> list[str]:
    return [
        "BEGIN:VEVENT",
        "UID:series@example.org",
        "DTSTAMP:20270101T000000Z",
        f"DTSTART;TZID={zone}:{wall(start):%Y%m%dT%H%M%S}",
        f"DTEND;TZID={zone}:{wall(end):%Y%m%dT%H%M%S}",
        f"X-MICROSOFT-CDO-BUSYSTATUS:{_BUSY[status]}",
    ]
