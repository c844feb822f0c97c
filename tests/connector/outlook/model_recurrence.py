"""A model Outlook's RecurrencePattern: what the object model tells of the blob in a series."""

# ruff: noqa: N802 - the names are Outlook's
from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from connector.outlook.model_store import FAIL, Message, outlook_error
from connector.outlook.written import Written
from dovetail.connector.outlook.appointment_recurrence import (
    AppointmentRecurrence,
    ExceptionInfo,
    Override,
    read_appointment_recurrence,
)
from dovetail.connector.outlook.appointment_zone import series_zone
from dovetail.connector.outlook.recurrence_pattern import DAY_MINUTES, EndType, Frequency, PatternType
from dovetail.connector.outlook.slots import slot_days

if TYPE_CHECKING:
    from connector.outlook.model_outlook import AppointmentItem, ModelOutlook

NEVER = datetime(4500, 8, 31, tzinfo=UTC)
_TYPES = {
    (Frequency.DAILY, PatternType.DAY): 0,
    (Frequency.DAILY, PatternType.WEEK): 1,
    (Frequency.WEEKLY, PatternType.WEEK): 1,
    (Frequency.MONTHLY, PatternType.MONTH): 2,
    (Frequency.MONTHLY, PatternType.MONTH_NTH): 3,
    (Frequency.YEARLY, PatternType.MONTH): 5,
    (Frequency.YEARLY, PatternType.MONTH_NTH): 6,
}


def digits(minutes: int) -> datetime:
    """A wall clock, tagged as UTC like every VT_DATE."""
    return datetime(1601, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)


class RecurrencePattern:
    """Dates and times are those of the series' own zone."""

    def __init__(self, outlook: ModelOutlook, message: Message, properties: Written) -> None:
        blob = properties.get("PidLidAppointmentRecur")
        if not isinstance(blob, bytes):
            raise outlook_error(FAIL)
        try:
            recurrence = read_appointment_recurrence(blob)
        except ValueError:
            raise outlook_error(FAIL) from None
        pattern = recurrence.pattern
        zone = series_zone(properties, digits(pattern.start_date).replace(tzinfo=None), outlook.mailbox.local)
        self.RecurrenceType = _TYPES[pattern.frequency, pattern.pattern_type]
        self.Interval = pattern.period // DAY_MINUTES if self.RecurrenceType == 0 else pattern.period
        self.DayOfWeekMask, self.DayOfMonth, self.Instance = pattern.weekdays, pattern.day, pattern.nth
        self.PatternStartDate, self.PatternEndDate = digits(pattern.start_date), _last_day(recurrence)
        self.NoEndDate = pattern.is_endless
        self.StartTime = digits(recurrence.start_offset).replace(year=1899)
        self.Duration = recurrence.end_offset - recurrence.start_offset
        self.Exceptions = outlook.present(Exceptions(outlook, message, recurrence, zone))


class Exceptions:
    def __init__(
        self, outlook: ModelOutlook, message: Message, recurrence: AppointmentRecurrence, zone: tzinfo
    ) -> None:
        changed = {info.original_start // DAY_MINUTES for info in recurrence.exceptions}
        deleted = [day for day in recurrence.pattern.deleted_instance_dates if day // DAY_MINUTES not in changed]
        self._outlook = outlook
        self._all = [
            *(OneException(outlook, message, day + recurrence.start_offset, None, zone) for day in deleted),
            *(OneException(outlook, message, info.original_start, info, zone) for info in recurrence.exceptions),
        ]

    @property
    def Count(self) -> int:
        return len(self._all)

    def Item(self, number: int) -> object:
        return self._outlook.present(self._all[number - 1])


class OneException:
    """Its original date is told on the wall clock of the PC."""

    def __init__(
        self, outlook: ModelOutlook, message: Message, original: int, info: ExceptionInfo | None, zone: tzinfo
    ) -> None:
        self._outlook, self._message, self._info, self._zone = outlook, message, info, zone
        self.OriginalDate = outlook.tagged(self._instant(original))
        self.Deleted = info is None

    @property
    def AppointmentItem(self) -> object:
        if self._info is None or self._message.lost_exceptions:
            raise outlook_error(FAIL)
        item: AppointmentItem = self._outlook.item_of(self._message)
        start, end = self._instant(self._info.start), self._instant(self._info.end)
        item.working["PidLidAppointmentStartWhole"], item.working["PidLidAppointmentEndWhole"] = start, end
        if Override.BUSY_STATUS in self._info.numbers:
            item.working["PidLidBusyStatus"] = self._info.numbers[Override.BUSY_STATUS]
        return self._outlook.present(item)

    def _instant(self, minutes: int) -> datetime:
        return digits(minutes).replace(tzinfo=self._zone).astimezone(UTC)


def _last_day(recurrence: AppointmentRecurrence) -> datetime:
    """Outlook works it out for a counted series."""
    pattern = recurrence.pattern
    if pattern.is_endless:
        return NEVER
    if pattern.end_type is EndType.BY_DATE:
        return digits(pattern.end_date)
    first = pattern.start_date // DAY_MINUTES
    return digits(list(slot_days(pattern, first, first + 40_000))[-1] * DAY_MINUTES)
