"""A believable calendar for the demo: a folder with one ``.ics`` file per appointment, around today.

Recurring ones, exceptions, all-day ones, several zones (a Windows name among them), every "show as". The owner lives
in Berlin. Nothing depends on chance: the same day gives the same calendar.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

ZONE = "Europe/Berlin"
BERLIN = ZoneInfo(ZONE)


def write_calendar(folder: Path, name: str, today: date) -> int:
    """Fill `folder` and name it; returns how many appointments there are."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "displayname").write_text(name)
    monday = today - timedelta(days=today.weekday())
    events = [*_recurring(monday), *_single(monday)]
    for uid, *parts in events:
        put(folder, uid, *parts)
    return len(events)


def put(folder: Path, uid: str, *events: Event) -> Path:
    """Write one appointment, or a series with its exceptions, as ``<uid>.ics``."""
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//Dovetail//demo//EN")
    for event in events:
        event["uid"] = f"{uid}@demo.dovetail"
        event.add("dtstamp", datetime.now(UTC))
        calendar.add_component(event)
    path = folder / f"{uid}.ics"
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(calendar.to_ical())
    temporary.replace(path)
    return path


def appointment(subject: str, start: datetime | date, length: timedelta, **properties: object) -> Event:
    """`properties` are iCalendar properties; ``show_as`` is Outlook's name for the busy status (default BUSY)."""
    event = Event()
    event.add("summary", subject)
    event.add("dtstart", start)
    event.add("dtend", start + length)
    event.add("x-microsoft-cdo-busystatus", properties.pop("show_as", "BUSY"))
    for name, value in properties.items():
        event.add(name, value)
    return event


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), BERLIN)


def _recurring(monday: date) -> list[tuple[str, *tuple[Event, ...]]]:
    begin = monday - timedelta(weeks=8)
    standup = appointment(
        "Stand-up",
        _at(begin, 9, 15),
        timedelta(minutes=15),
        rrule={"freq": "weekly", "byday": ["MO", "TU", "WE", "TH", "FR"]},
    )
    moved = appointment("Stand-up, later today", _at(monday + timedelta(days=9), 11), timedelta(minutes=30))
    moved.add("recurrence-id", _at(monday + timedelta(days=9), 9, 15))
    one_to_one = appointment(
        "1:1 with Priya",
        _at(begin + timedelta(days=1), 14),
        timedelta(minutes=45),
        rrule={"freq": "weekly", "interval": 2},
        exdate=[_at(monday + timedelta(days=8), 14)],
    )
    board = appointment(
        "Board report",
        _at(begin + timedelta(days=3), 16),
        timedelta(hours=1),
        rrule={"freq": "monthly", "byday": ["2TH"]},
    )
    lunch = appointment(
        "Lunch run", _at(begin + timedelta(days=2), 12), timedelta(hours=1), rrule={"freq": "weekly"}, show_as="FREE"
    )
    new_york = appointment(
        "Call with New York",
        datetime.combine(begin + timedelta(days=3), time(9), ZoneInfo("America/New_York")),
        timedelta(minutes=30),
        rrule={"freq": "weekly", "count": 40},
    )
    return [
        ("standup", standup, moved),
        ("one-to-one", one_to_one),
        ("board-report", board),
        ("lunch-run", lunch),
        ("new-york", new_york),
    ]


def _single(monday: date) -> list[tuple[str, *tuple[Event, ...]]]:
    next_week = monday + timedelta(days=7)
    windows_zone = appointment("Supplier in Mumbai", datetime.combine(next_week, time(13)), timedelta(hours=1))
    windows_zone["dtstart"].params["TZID"] = windows_zone["dtend"].params["TZID"] = "India Standard Time"
    return [
        ("dentist", appointment("Dentist", _at(next_week + timedelta(days=1), 10), timedelta(hours=1))),
        ("quarter-plan", appointment("Quarter plan", _at(next_week + timedelta(days=2), 13, 30), timedelta(hours=2))),
        (
            "maybe-a-talk",
            appointment(
                "Talk at the meetup?", _at(next_week + timedelta(days=3), 11), timedelta(hours=1), show_as="TENTATIVE"
            ),
        ),
        ("mumbai", windows_zone),
        ("birthday", appointment("Mum's birthday", next_week + timedelta(days=4), timedelta(days=1), show_as="FREE")),
        ("off", appointment("Day off", next_week + timedelta(days=9), timedelta(days=1), show_as="OOF")),
        (
            "night-train",
            appointment("Night train to Vienna", _at(next_week + timedelta(days=13), 22), timedelta(hours=9)),
        ),
    ]
