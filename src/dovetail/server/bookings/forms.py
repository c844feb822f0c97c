"""What Customers and Users fill in about a booking."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from dovetail.server.bookings.place import Customer
from dovetail.server.pages.zone_choices import valid_zone


def one_line(text: str) -> str:
    """Names go into subjects of mails and calendar items, which have one line."""
    return " ".join(text.split())


class StartField(forms.CharField):
    """An instant as :func:`~dovetail.server.bookings.week.start_value` writes it."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
        except ValueError:
            raise ValidationError("Please choose a time.", code="invalid") from None


class ChoiceForm(forms.Form):
    """A time that was picked on the page."""

    start = StartField()
    zone = forms.CharField(max_length=60, widget=forms.HiddenInput)
    hold = forms.CharField(max_length=43, required=False, widget=forms.HiddenInput)

    def clean_zone(self) -> str:
        return valid_zone(self.cleaned_data["zone"])


class BookForm(ChoiceForm):
    """Who books. `key` makes a form that is sent twice one booking."""

    key = forms.CharField(max_length=64, widget=forms.HiddenInput)
    name = forms.CharField(label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        help_text="For the confirmation, and the link to reschedule or cancel.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    note = forms.CharField(
        label="What is it about? (optional)",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def clean_name(self) -> str:
        return one_line(self.cleaned_data["name"])

    def customer(self) -> Customer:
        data = self.cleaned_data
        return Customer(data["name"], data["email"], data["zone"], data["note"])


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Reason (optional)",
        max_length=500,
        required=False,
        help_text="The other side reads it in the mail.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean_reason(self) -> str:
        return one_line(self.cleaned_data["reason"])
