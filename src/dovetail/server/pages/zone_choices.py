"""The time zones a person chooses from, and the check of what came back."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dovetail.schedule.zones import UnknownZone, zone

REGIONS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


def valid_zone(name: str) -> str:
    """The IANA name of the zone. Raises ValidationError for a zone that is none."""
    try:
        return zone(name).key
    except UnknownZone:
        raise ValidationError("This is not a time zone. Choose one from the list.", code="zone") from None


def zone_or(name: str, other: str) -> str:
    """The zone of that name, else the other: for addresses, which anybody can write."""
    try:
        return zone(name).key if name else other
    except UnknownZone:
        return other


class ZoneSelect(forms.Select):
    """A select whose hundreds of options are rendered once for all pages."""

    def render(self, name: str, value: object, attrs: object = None, renderer: object = None) -> SafeString:
        chosen = str(value or "UTC")
        extra = {**self.attrs, **(attrs if isinstance(attrs, dict) else {})}
        pairs = format_html_join("", ' {}="{}"', ((key, text) for key, text in extra.items() if text is not True))
        return format_html('<select name="{}"{} data-zone>{}</select>', name, pairs, zone_options(chosen))


class ZoneField(forms.CharField):
    widget = ZoneSelect

    def clean(self, value: object) -> str:
        return valid_zone(super().clean(value))


def zone_options(chosen: str) -> SafeString:
    return format_html('<option value="{0}" selected>{1}</option>{2}', chosen, chosen.replace("_", " "), _all_options())


@lru_cache(maxsize=1)
def _all_options() -> SafeString:
    names = sorted(name for name in available_timezones() if name.split("/")[0] in REGIONS and "/" in name)
    groups = []
    for region, members in groupby(names, key=lambda name: name.split("/")[0]):
        options = ((name, name.partition("/")[2].replace("_", " ").replace("/", ", ")) for name in members)
        groups.append((region, format_html_join("", '<option value="{}">{}</option>', options)))
    utc = format_html('<option value="UTC">UTC</option>')
    return utc + format_html_join("", '<optgroup label="{}">{}</optgroup>', groups)
