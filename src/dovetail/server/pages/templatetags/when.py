"""Instants in templates: ``{{ start|date_in:zone }}``, ``{% span start end zone %}``."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.safestring import SafeString

from dovetail.server.pages import when
from dovetail.server.pages.zone_choices import zone_options

register = template.Library()

register.filter("date_in", when.date_text)
register.filter("time_in", when.time_text)
register.filter("zone_label", when.zone_label)


@register.simple_tag
def span(start: datetime, end: datetime, zone: str) -> str:
    return when.span_text(start, end, zone)


@register.simple_tag
def span_here(start: datetime, end: datetime, zone: str) -> str:
    """Without the zone, on pages that name it once."""
    return when.span_text(start, end, zone, name_zone=False)


@register.simple_tag
def zone_select_options(chosen: str) -> SafeString:
    return zone_options(chosen)


@register.filter
def minutes(value: int) -> str:
    """``90`` as ``1 h 30 min``."""
    hours, rest = divmod(value, 60)
    return " ".join(
        part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "") if part
    )


@register.filter
def iso_day(instant: datetime, zone: str) -> str:
    """The local date as addresses have it."""
    return f"{when.local(instant, zone):%Y-%m-%d}"
