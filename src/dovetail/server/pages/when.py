"""Instants as people read them: weekday, date, time, and the zone that makes the time mean something."""

from __future__ import annotations

from datetime import datetime

from dovetail.schedule.zones import zone


def local(instant: datetime, zone_name: str) -> datetime:
    return instant.astimezone(zone(zone_name))


def offset_name(instant: datetime, zone_name: str) -> str:
    """``UTC+01:00`` as it is in that zone at that instant."""
    offset = local(instant, zone_name).strftime("%z")
    return "UTC" if offset in ("+0000", "-0000") else f"UTC{offset[:3]}:{offset[3:5]}"


def zone_label(instant: datetime, zone_name: str) -> str:
    """``Europe/Berlin, UTC+01:00``; an underscore in a city's name reads as a blank."""
    if zone(zone_name).key == "UTC":
        return "UTC"
    return f"{zone_name.replace('_', ' ')}, {offset_name(instant, zone_name)}"


def date_text(instant: datetime, zone_name: str) -> str:
    """``Tuesday 24 November 2026``."""
    day = local(instant, zone_name)
    return f"{day:%A} {day.day} {day:%B %Y}"


def time_text(instant: datetime, zone_name: str) -> str:
    return f"{local(instant, zone_name):%H:%M}"


def moment_text(instant: datetime, zone_name: str) -> str:
    """``Tuesday 24 November 2026, 14:00 (Europe/Berlin, UTC+01:00)``."""
    label = zone_label(instant, zone_name)
    return f"{date_text(instant, zone_name)}, {time_text(instant, zone_name)} ({label})"


def span_text(start: datetime, end: datetime, zone_name: str, *, name_zone: bool = True) -> str:
    """``Tuesday 24 November 2026, 14:00 – 14:30 (Europe/Berlin, UTC+01:00)``."""
    first, last = date_text(start, zone_name), date_text(end, zone_name)
    until = time_text(end, zone_name) if first == last else f"{last}, {time_text(end, zone_name)}"
    text = f"{first}, {time_text(start, zone_name)} – {until}"
    return f"{text} ({zone_label(start, zone_name)})" if name_zone else text
