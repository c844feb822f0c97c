"""From an appointment's MAPI properties to the times it blocks: series expanded, exceptions moved, in UTC (MS-OXOCAL).

*Which times*   A single appointment has its instants in UTC. A series has a blob: days by its pattern, times of day on
                the wall clock of its zone, without the deleted days, and every exception at its own times. The blob
                alone decides; texts of exceptions live in messages inside the message, and nobody needs those here.
*How shown*     Busy status decides, never the all-day flag; an exception may have a status of its own. An item without
                one is busy.
*All day*       From midnight to midnight in the zone the item names. Servers write UTC for "wherever you are": that is
                midnight in the zone of the PC.
*No date*       Outlook writes 4501-01-01, and ends in 4500 what never ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo

from dovetail.connector.outlook.appointment_recurrence import (
    NAME,
    AppointmentRecurrence,
    Override,
    read_appointment_recurrence,
)
from dovetail.connector.outlook.appointment_zone import ZONE_PROPERTIES, display_zone, is_utc, series_zone
from dovetail.connector.outlook.binary import Cursor, MalformedProperty
from dovetail.connector.outlook.months import UnknownCalendar
from dovetail.connector.outlook.properties import Properties
from dovetail.connector.outlook.recurrence_pattern import DAY_MINUTES, read_recurrence_pattern
from dovetail.connector.outlook.slots import slot_days
from dovetail.schedule.busy import BusyBlock, BusyStatus, read_status
from dovetail.schedule.instants import EPOCH, to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval

STARTS = ("PidLidAppointmentStartWhole", "PidLidCommonStart", "PidTagStartDate")
ENDS = ("PidLidAppointmentEndWhole", "PidLidCommonEnd", "PidTagEndDate")
DURATION = "PidLidAppointmentDuration"
STATUS = "PidLidBusyStatus"
ALL_DAY = "PidLidAppointmentSubType"
RECURRING = "PidLidRecurring"
BUSY_PROPERTIES = tuple(dict.fromkeys((*STARTS, *ENDS, DURATION, STATUS, ALL_DAY, RECURRING, NAME, *ZONE_PROPERTIES)))
"""All that is read of an appointment to know when it blocks. None of them says what it is about."""

_WALL_EPOCH = datetime(1601, 1, 1)  # noqa: DTZ001 - a wall clock
_FROM_1601 = to_minutes(EPOCH) - to_minutes(datetime(1601, 1, 1, tzinfo=UTC))
_MOST_OFFSET = DAY_MINUTES
_NO_DATE_YEAR = 4500
_CALENDAR_TYPE_AT = 8


def occurrences(properties: Properties, window: Interval, local: tzinfo = UTC) -> tuple[BusyBlock, ...]:
    """The times at which the appointment blocks, those that touch `window`, whole and in order.

    `properties` may be any that there are; BUSY_PROPERTIES are looked at. `local` is the zone of the PC. Raises
    MalformedProperty, naming the property at fault.
    """
    status = _status(properties)
    if not _is_series(properties):
        return _touching([_single(properties, status, local)], window)
    blob = properties.get(NAME)
    if not isinstance(blob, bytes):
        raise MalformedProperty(NAME, 0, "a series without its pattern")
    recurrence = read_appointment_recurrence(blob)
    zone = _zone(properties, recurrence, local)
    return _touching(_blocks(recurrence, zone, status, window), window)


def known_times(properties: Properties, window: Interval, local: tzinfo = UTC) -> tuple[BusyBlock, ...] | None:
    """What can still be said of an item that `occurrences` refuses; None if that is nothing.

    A series whose pattern alone can be read blocks every day of it, deleted or not, as long as its first occurrence:
    better an hour too many than one that is not the User's to give away.
    """
    status = _status(properties)
    try:
        first = _single(properties, status, local)
    except MalformedProperty:
        return None
    if not _is_series(properties):
        return _touching([first], window)
    with suppress(MalformedProperty):
        return _touching([first, *_pattern_alone(properties, first, window, local)], window)
    return _touching([first], window) or None


def _is_series(properties: Properties) -> bool:
    """The flag decides; where it is missing, the blob is the sign."""
    flag = properties.get(RECURRING)
    return flag if isinstance(flag, bool) else NAME in properties


def _status(properties: Properties) -> BusyStatus:
    status = properties.get(STATUS)
    return read_status(status) if isinstance(status, int) else BusyStatus.BUSY


# --- single -----------------------------------------------------------------------------------------------------------


def _single(properties: Properties, status: BusyStatus, local: tzinfo) -> BusyBlock:
    start, end = _first_of(properties, STARTS), _first_of(properties, ENDS)
    if start is None:
        raise MalformedProperty(STARTS[0], 0, "no start")
    duration = properties.get(DURATION)
    if end is None and isinstance(duration, int) and duration >= 0:
        end = start + timedelta(minutes=duration)
    if end is None:
        raise MalformedProperty(ENDS[0], 0, "no end")
    if end < start:
        raise MalformedProperty(ENDS[0], 0, "an end before the start")
    if properties.get(ALL_DAY) is True and _is_midnight(start) and _is_midnight(end):
        zone = display_zone(properties)
        if zone is not None and is_utc(zone):
            start, end = start.replace(tzinfo=local), end.replace(tzinfo=local)
    return BusyBlock(to_minutes(start), to_minutes_ceil(end), status)


def _first_of(properties: Properties, names: Iterable[str]) -> datetime | None:
    values = (properties.get(name) for name in names)
    return next((value for value in values if isinstance(value, datetime) and value.year < _NO_DATE_YEAR), None)


def _is_midnight(at: datetime) -> bool:
    return (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0)


# --- series -----------------------------------------------------------------------------------------------------------


def _zone(properties: Properties, recurrence: AppointmentRecurrence, local: tzinfo) -> tzinfo:
    zone = series_zone(properties, _wall(recurrence.pattern.start_date + recurrence.start_offset), local)
    return local if properties.get(ALL_DAY) is True and is_utc(zone) else zone


def _blocks(
    recurrence: AppointmentRecurrence, zone: tzinfo, status: BusyStatus, window: Interval
) -> Iterator[BusyBlock]:
    """All that may touch the window, in no order. Raises MalformedProperty."""
    begin = window.start + _FROM_1601 - _MOST_OFFSET
    end = window.end + _FROM_1601 + _MOST_OFFSET
    pattern = recurrence.pattern
    changed = {exception.original_start // DAY_MINUTES for exception in recurrence.exceptions}
    removed = changed.union(date // DAY_MINUTES for date in pattern.deleted_instance_dates)
    days = slot_days(pattern, (begin - recurrence.end_offset) // DAY_MINUTES, end // DAY_MINUTES)
    try:
        for day in days:
            if day not in removed:
                midnight = day * DAY_MINUTES
                yield _block(midnight + recurrence.start_offset, midnight + recurrence.end_offset, zone, status)
    except UnknownCalendar as error:
        raise MalformedProperty(NAME, _CALENDAR_TYPE_AT, str(error)) from None
    for exception in recurrence.exceptions:
        starts, ends = exception.span(recurrence.end_offset - recurrence.start_offset)
        if starts < end and ends > begin:
            shown = read_status(exception.numbers.get(Override.BUSY_STATUS, int(status)))
            yield _block(starts, ends, zone, shown)


def _block(start: int, end: int, zone: tzinfo, status: BusyStatus) -> BusyBlock:
    """From wall clocks to UTC. An end in an hour that clocks skip must not come before its start."""
    begins = to_minutes(_wall(start).replace(tzinfo=zone))
    ends = to_minutes_ceil(_wall(end).replace(tzinfo=zone))
    return BusyBlock(begins, ends if ends > begins else begins + end - start, status)


def _wall(minutes: int) -> datetime:
    return _WALL_EPOCH + timedelta(minutes=minutes)


def _pattern_alone(properties: Properties, first: BusyBlock, window: Interval, local: tzinfo) -> list[BusyBlock]:
    """By the first part of the blob and the first occurrence. Raises MalformedProperty."""
    blob = properties.get(NAME)
    pattern = read_recurrence_pattern(Cursor(NAME, blob if isinstance(blob, bytes) else b""))
    zone = _likely_zone(properties, first, local)
    wall = (EPOCH + timedelta(minutes=first.start)).astimezone(zone)
    start = wall.hour * 60 + wall.minute
    recurrence = AppointmentRecurrence(
        replace(pattern, deleted_instance_dates=()), start, start + first.end - first.start
    )
    blocks = list(_blocks(recurrence, zone, first.status, window))
    for midnight in pattern.modified_instance_dates:
        blocks.append(_block(midnight + start, midnight + recurrence.end_offset, zone, first.status))
    return blocks


def _likely_zone(properties: Properties, first: BusyBlock, local: tzinfo) -> tzinfo:
    """The zone that the properties name, those left out that cannot be read."""
    wall = (EPOCH + timedelta(minutes=first.start)).astimezone(local).replace(tzinfo=None)
    for _ in ZONE_PROPERTIES:
        try:
            return series_zone(properties, wall, local)
        except MalformedProperty as error:
            properties = {name: value for name, value in properties.items() if name != error.property}
    return local


def _touching(blocks: Iterable[BusyBlock], window: Interval) -> tuple[BusyBlock, ...]:
    """Those that block any minute of the window."""
    return tuple(
        sorted(
            block
            for block in blocks
            if block.status is not BusyStatus.FREE
            and block.start < block.end
            and block.start < window.end
            and block.end > window.start
        )
    )
