"""Weekly hours and single dates as plain forms: rows of from and to, an empty row to add one.

An end that is not after the start is one of the next day: 22:00 to 02:00, and 00:00 to 00:00 for the whole day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time
from itertools import pairwise
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from dovetail.schedule.hours import DAY, TimeRange
from dovetail.schedule.slots import CELL_MINUTES
from dovetail.schedule.zones import zone
from dovetail.server.pages.models import BookingPage, DateOverride, WeeklyHours

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MOST_RANGES = 4


class RangeFields:
    """The bound fields of one row, for the template."""

    def __init__(self, form: forms.Form, prefix: str) -> None:
        self.start, self.end = form[f"{prefix}_start"], form[f"{prefix}_end"]


class _RangesForm(forms.Form):
    """Fields ``<row>_start`` and ``<row>_end`` for rows of ranges, and what they mean."""

    def add_range(self, prefix: str, label: str, given: TimeRange | None = None) -> None:
        for end, part in enumerate(("start", "end")):
            name = f"{label}, {'until' if end else 'from'}"
            self.fields[f"{prefix}_{part}"] = forms.TimeField(
                label=name,
                required=False,
                initial=_clock(given[end]) if given else None,
                widget=forms.TimeInput(format="%H:%M", attrs={"type": "time", "step": 300, "aria-label": name}),
                error_messages={"invalid": f"{label}: write times like 09:30."},
            )

    def range_of(self, prefix: str, label: str) -> TimeRange | None:
        """Raises ValidationError for half a range, or times that are not on five minutes."""
        start, end = self.cleaned_data.get(f"{prefix}_start"), self.cleaned_data.get(f"{prefix}_end")
        if start is None and end is None:
            return None
        if start is None or end is None:
            raise ValidationError(f"{label}: a range needs a start and an end.", code="half")
        first, last = _minute(start), _minute(end)
        if first % CELL_MINUTES or last % CELL_MINUTES:
            raise ValidationError(f"{label}: times go in steps of five minutes.", code="step")
        return TimeRange(first, last if last > first else last + DAY)


class WeeklyHoursForm(_RangesForm):
    """The hours of a week. Raises its errors at the form: they name the day."""

    def __init__(self, page: BookingPage, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.page = page
        given: dict[int, list[TimeRange]] = {}
        for row in page.weekly_hours.all():
            given.setdefault(row.weekday, []).append(TimeRange(row.start_minute, row.end_minute))
        self.rows: dict[int, list[str]] = {}
        for weekday, name in enumerate(WEEKDAYS):
            ranges = given.get(weekday, [])
            count = max(min(len(ranges) + 1, MOST_RANGES), len(ranges))
            self.rows[weekday] = [f"d{weekday}_{number}" for number in range(count)]
            for number, prefix in enumerate(self.rows[weekday]):
                self.add_range(prefix, name, ranges[number] if number < len(ranges) else None)

    def days(self) -> list[tuple[str, list[RangeFields]]]:
        return [(WEEKDAYS[day], [RangeFields(self, prefix) for prefix in rows]) for day, rows in self.rows.items()]

    def clean(self) -> dict[str, Any]:
        found = [
            (weekday, hours)
            for weekday, prefixes in self.rows.items()
            for prefix in prefixes
            if (hours := self.range_of(prefix, WEEKDAYS[weekday]))
        ]
        _refuse_overlaps(found)
        return {**self.cleaned_data, "hours": found}

    @transaction.atomic
    def save(self) -> None:
        self.page.weekly_hours.all().delete()
        WeeklyHours.objects.bulk_create(
            WeeklyHours(page=self.page, weekday=weekday, start_minute=start, end_minute=end)
            for weekday, (start, end) in self.cleaned_data["hours"]
        )


class OverrideForm(_RangesForm):
    """Other hours for one date: the ranges given, or none at all."""

    RANGES = ("first", "second")

    day = forms.DateField(
        label="Date", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}), input_formats=["%Y-%m-%d"]
    )

    def __init__(self, page: BookingPage, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.page = page
        for prefix in self.RANGES:
            self.add_range(prefix, f"{prefix.capitalize()} range")

    def ranges(self) -> list[RangeFields]:
        return [RangeFields(self, prefix) for prefix in self.RANGES]

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        if day < timezone.now().astimezone(zone(self.page.zone)).date():
            raise ValidationError("This date is over.", code="past")
        return day

    def clean(self) -> dict[str, Any]:
        found = [hours for prefix in self.RANGES if (hours := self.range_of(prefix, f"{prefix.capitalize()} range"))]
        _refuse_overlaps((None, hours) for hours in found)
        return {**self.cleaned_data, "hours": found}

    @transaction.atomic
    def save(self) -> None:
        """Replaces what the date had."""
        day, hours = self.cleaned_data["day"], self.cleaned_data["hours"]
        self.page.overrides.filter(day=day).delete()
        rows = [DateOverride(page=self.page, day=day, start_minute=start, end_minute=end) for start, end in hours]
        DateOverride.objects.bulk_create(rows or [DateOverride(page=self.page, day=day)])


def clock_text(hours: TimeRange) -> str:
    """``09:00 – 12:30``."""
    return f"{_clock(hours.start)} – {_clock(hours.end)}"


def _refuse_overlaps(found: Iterable[tuple[int | None, TimeRange]]) -> None:
    """Of ranges of a week (by weekday, Sunday night running into Monday), or of one date (None)."""
    placed = []
    for weekday, (start, end) in found:
        placed.append(((weekday or 0) * DAY + start, (weekday or 0) * DAY + end, weekday))
    placed.sort()
    if placed and placed[0][2] is not None:
        first = placed[0]
        placed.append((first[0] + 7 * DAY, first[1] + 7 * DAY, first[2]))
    for (_, end, _), (start, _, weekday) in pairwise(placed):
        if start < end:
            where = WEEKDAYS[weekday] if weekday is not None else "The ranges"
            raise ValidationError(f"{where}: two ranges overlap.", code="overlap")


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _clock(minute: int) -> str:
    return f"{time(minute // 60 % 24, minute % 60):%H:%M}"
