"""Booking pages and event types: when a User can be booked, and for what."""

from __future__ import annotations

from datetime import date, timedelta

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, StepValueValidator
from django.db import models

from dovetail.schedule.hours import Hours, TimeRange
from dovetail.schedule.slots import CELL_MINUTES, SlotRules
from dovetail.server.pages.slugs import validate_slug_is_free

_fives = StepValueValidator(CELL_MINUTES)
"""A booking claims whole cells: meetings that lay across them would refuse their neighbours."""


class StalePolicy(models.TextChoices):
    """What a page does when the calendar's busy time is old."""

    ACCEPT = "accept", "Accept bookings as usual"
    APPROVAL = "approval", "Ask me to approve each booking"
    PAUSE = "pause", "Take no bookings"


class BookingPage(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="pages")
    slug = models.SlugField("address", max_length=60, unique=True, validators=[validate_slug_is_free])
    title = models.CharField(max_length=120)
    intro = models.TextField(max_length=1000, blank=True)
    zone = models.CharField(max_length=60, default="UTC", help_text="Weekly hours are in this time zone.")
    is_open = models.BooleanField(default=True)
    stale_policy = models.CharField(max_length=10, choices=StalePolicy.choices, default=StalePolicy.APPROVAL)
    stale_after_minutes = models.PositiveIntegerField(
        default=60, validators=[MinValueValidator(5), MaxValueValidator(14 * 1440)]
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.title

    def hours(self) -> Hours:
        weekly: dict[int, list[TimeRange]] = {}
        for weekday, start, end in self.weekly_hours.values_list("weekday", "start_minute", "end_minute"):
            weekly.setdefault(weekday, []).append(TimeRange(start, end))
        overrides: dict[date, list[TimeRange]] = {}
        for day, first, last in self.overrides.values_list("day", "start_minute", "end_minute"):
            ranges = overrides.setdefault(day, [])
            if first is not None and last is not None:
                ranges.append(TimeRange(first, last))
        return Hours(
            self.zone,
            {day: tuple(sorted(ranges)) for day, ranges in weekly.items()},
            {day: tuple(sorted(ranges)) for day, ranges in overrides.items()},
        )


class WeeklyHours(models.Model):
    """Minutes of the local day; `end_minute` above 1440 reaches past midnight. `weekday` 0 is Monday."""

    page = models.ForeignKey(BookingPage, models.CASCADE, related_name="weekly_hours")
    weekday = models.PositiveSmallIntegerField(validators=[MaxValueValidator(6)])
    start_minute = models.PositiveSmallIntegerField(validators=[MaxValueValidator(1439), _fives])
    end_minute = models.PositiveSmallIntegerField(validators=[MaxValueValidator(2880), _fives])

    class Meta:
        ordering = ["weekday", "start_minute"]
        constraints = [
            models.CheckConstraint(condition=models.Q(end_minute__gt=models.F("start_minute")), name="hours_end_later")
        ]


class DateOverride(models.Model):
    """Hours for one date instead of the weekly ones; without times the date is closed."""

    page = models.ForeignKey(BookingPage, models.CASCADE, related_name="overrides")
    day = models.DateField()
    start_minute = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MaxValueValidator(1439), _fives])
    end_minute = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MaxValueValidator(2880), _fives])

    class Meta:
        ordering = ["day", "start_minute"]


class EventType(models.Model):
    """Durations, buffers and spacing in minutes."""

    page = models.ForeignKey(BookingPage, models.CASCADE, related_name="event_types")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    description = models.TextField(max_length=1000, blank=True)
    location = models.CharField(max_length=200, blank=True)
    duration = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(5), MaxValueValidator(1440), _fives]
    )
    spacing = models.PositiveSmallIntegerField(
        default=15, validators=[MinValueValidator(5), MaxValueValidator(1440), _fives]
    )
    buffer_before = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(720), _fives])
    buffer_after = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(720), _fives])
    lead_time = models.PositiveIntegerField(default=60, validators=[MaxValueValidator(90 * 1440)])
    horizon_days = models.PositiveSmallIntegerField(
        default=60, validators=[MinValueValidator(1), MaxValueValidator(400)]
    )
    day_cap = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    week_cap = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["page", "slug"], name="one_event_type_per_slug")]

    def __str__(self) -> str:
        return self.name

    @property
    def length(self) -> timedelta:
        return timedelta(minutes=self.duration)

    def rules(self) -> SlotRules:
        return SlotRules(
            duration=self.duration,
            spacing=self.spacing,
            buffer_before=self.buffer_before,
            buffer_after=self.buffer_after,
            lead_time=self.lead_time,
            horizon_days=self.horizon_days,
            day_cap=self.day_cap,
            week_cap=self.week_cap,
        )
