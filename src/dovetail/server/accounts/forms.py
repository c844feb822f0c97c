"""Signing up, the account's settings, and leaving."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest

from dovetail.server.accounts.models import User
from dovetail.server.accounts.services import move_in
from dovetail.server.bookings.forms import one_line
from dovetail.server.pages.zone_choices import ZoneField


class SignUp(forms.Form):
    """What signing up asks beyond e-mail and password (``ACCOUNT_SIGNUP_FORM_CLASS`` of allauth)."""

    name = forms.CharField(
        label="Your name",
        max_length=120,
        help_text="Your customers see it.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    zone = ZoneField(label="Your time zone", initial="UTC")
    field_order = ("name", "email", "password1", "zone")

    def clean_name(self) -> str:
        return one_line(self.cleaned_data["name"])

    def signup(self, request: HttpRequest, user: User) -> None:
        move_in(user, self.cleaned_data["name"], self.cleaned_data["zone"])


class AccountForm(forms.ModelForm):
    zone = ZoneField(label="Your time zone", help_text="Times in your mails and on these pages are in this zone.")

    class Meta:
        model = User
        fields = ("name", "zone")

    def clean_name(self) -> str:
        return one_line(self.cleaned_data["name"])


class LeaveForm(forms.Form):
    """Deleting an account asks for the password again."""

    password = forms.CharField(
        label="Your password", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        if not self.user.check_password(password):
            raise forms.ValidationError("This is not your password.", code="password")
        return password
