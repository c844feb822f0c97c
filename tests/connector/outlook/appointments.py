"""Appointments as MAPI properties, and the times they block as a test reads them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import win_tz

from connector.outlook import blobs, rfc5545
from dovetail.connector.outlook.appointment_recurrence import (
    AppointmentRecurrence,
    ExceptionInfo,
    Override,
)
from dovetail.connector.outlook.appointment_zone import RECUR
from dovetail.connector.outlook.properties import Value
from dovetail.connector.outlook.recurrence_pattern import (
    Frequency,
    PatternType,
)
from dovetail.connector.outlook.time_zones import (
    ZoneDefinition,
)
from dovetail.schedule.busy import BusyBlock
from dovetail.schedule.instants import from_minutes, to_minutes
from dovetail.schedule.intervals import Interval

Block = tuple[datetime, datetime, int]
SERIES = "PidLidAppointmentRecur"
NEW_YORK, BERLIN = "Eastern Standard Time", "W. Europe Standard Time"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(first: date, last: date) -> Interval:
    midnights = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (first, last))
    return Interval(*(to_minutes(midnight) for midnight in midnights))


MARCH = window(date(2027, 3, 1), date(2027, 4, 1))


def zone_blob(name: str) -> bytes:
    return ZoneDefinition(name, ()).to_bytes()


def single(start: str, end: str, **more: Value) -> dict[str, Value]:
    return {
        "PidLidAppointmentStartWhole": at(start),
        "PidLidAppointmentEndWhole": at(end),
        "PidLidBusyStatus": 2,
        **more,
    }


def series(recurrence: AppointmentRecurrence, zone: str = NEW_YORK, **more: Value) -> dict[str, Value]:
    start = rfc5545.wall(recurrence.pattern.start_date + recurrence.start_offset)
    length = timedelta(minutes=recurrence.end_offset - recurrence.start_offset)
    first = start.replace(tzinfo=ZoneInfo(win_tz[zone])).astimezone(UTC)
    return {
        "PidLidAppointmentStartWhole": first,
        "PidLidAppointmentEndWhole": first + length,
        "PidLidRecurring": True,
        "PidLidBusyStatus": 2,
        SERIES: recurrence.to_bytes(),
        RECUR: zone_blob(zone),
        **more,
    }


def weekly(start: date = date(2027, 3, 1), **more: object) -> AppointmentRecurrence:
    """Mondays, 9:00 to 10:00."""
    return blobs.series(Frequency.WEEKLY, PatternType.WEEK, 1, start, weekdays=0b10, **more)  # type: ignore[arg-type]


def moved(original: datetime, start: datetime, end: datetime, status: int | None = None) -> ExceptionInfo:
    def minutes(wall: datetime) -> int:
        return (wall - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(minutes=1)

    numbers = {} if status is None else {Override.BUSY_STATUS: status}
    return ExceptionInfo(minutes(start), minutes(end), minutes(original), numbers)


def blocks(found: tuple[BusyBlock, ...]) -> list[Block]:
    return [(from_minutes(start), from_minutes(end), int(status)) for start, end, status in found]


def starts(found: tuple[BusyBlock, ...]) -> list[str]:
    return [f"{from_minutes(block.start):%m-%dT%H:%M}" for block in found]
