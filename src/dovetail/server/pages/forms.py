"""A booking page and its event types, as their User edits them."""

from __future__ import annotations

from typing import Any

from django import forms

from dovetail.server.pages.models import BookingPage, EventType
from dovetail.server.pages.zone_choices import ZoneField


class PageForm(forms.ModelForm):
    zone = ZoneField(label="Time zone", help_text="The weekly hours are in this zone.")

    class Meta:
        model = BookingPage
        fields = ("title", "slug", "intro", "zone", "is_open", "stale_policy", "stale_after_minutes")
        labels = {
            "intro": "Introduction (optional)",
            "is_open": "Take bookings on this page",
            "stale_policy": "When my calendar has not been heard of",
            "stale_after_minutes": "… for longer than (minutes)",
        }
        help_texts = {
            "slug": "The last part of the page’s address. Links you have given away stop working when you change it.",
            "stale_policy": "Appointments may be missing here then. In manual mode the age of the last sync counts.",
        }
        widgets = {"intro": forms.Textarea(attrs={"rows": 3})}


class NewPageForm(forms.ModelForm):
    class Meta:
        model = BookingPage
        fields = ("title",)


class EventTypeForm(forms.ModelForm):
    class Meta:
        model = EventType
        fields = (
            "name",
            "slug",
            "description",
            "location",
            "duration",
            "spacing",
            "buffer_before",
            "buffer_after",
            "lead_time",
            "horizon_days",
            "day_cap",
            "week_cap",
            "is_active",
        )
        labels = {
            "slug": "Address",
            "description": "Description (optional)",
            "location": "Where (optional)",
            "duration": "Length (minutes)",
            "spacing": "A start every (minutes)",
            "buffer_before": "Free before (minutes)",
            "buffer_after": "Free after (minutes)",
            "lead_time": "Shortest notice (minutes)",
            "horizon_days": "Bookable ahead (days)",
            "day_cap": "At most a day (optional)",
            "week_cap": "At most a week (optional)",
            "is_active": "Can be booked",
        }
        help_texts = {
            "slug": "The last part of its address, such as 30-minutes.",
            "location": "A room, a phone number, a link to a video call.",
            "lead_time": "60 is an hour, 1440 a day.",
        }
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, page: BookingPage, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.page = page

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        others = self.instance.page.event_types.exclude(pk=self.instance.pk)
        if others.filter(slug=slug).exists():
            raise forms.ValidationError("Another event type of this page has this address.", code="unique")
        return slug
