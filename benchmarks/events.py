"""Generated appointments as iCalendar text: the same for the same number, recurring ones every twentieth."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")
RULES = (
    "FREQ=DAILY",
    "FREQ=WEEKLY;BYDAY=MO,WE,FR",
    "FREQ=WEEKLY;INTERVAL=2",
    "FREQ=MONTHLY;BYDAY=2TU",
    "FREQ=YEARLY",
)


def components(count: int, first: datetime) -> Iterator[tuple[str, str]]:
    """(uid, VEVENT text) of `count` appointments within a year from 90 days before `first`; 5 % recur."""
    chance = random.Random(count)
    for number in range(count):
        start = first + timedelta(days=chance.randrange(-90, 275), minutes=15 * chance.randrange(24, 76))
        yield component(number, start, chance)


def component(number: int, start: datetime, chance: random.Random) -> tuple[str, str]:
    uid = f"{number:06d}@bench.dovetail"
    minutes = chance.choice((15, 30, 30, 60, 60, 90))
    zone = chance.choice(ZONES)
    lines = [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20260101T000000Z",
        _time("DTSTART", start, zone),
        _time("DTEND", start + timedelta(minutes=minutes), zone),
        f"SUMMARY:Appointment {number}",
        "DESCRIPTION:" + "A few lines that nobody but its owner is to read. " * 3,
    ]
    if number % 20 == 0:
        lines.append(f"RRULE:{chance.choice(RULES)}")
        if number % 40 == 0:
            lines.append(_time("EXDATE", start + timedelta(days=14), zone))
    if chance.random() < 0.1:
        lines.append("TRANSP:TRANSPARENT")
    lines.append("END:VEVENT")
    return uid, "\r\n".join(lines) + "\r\n"


def _time(name: str, at: datetime, zone: str) -> str:
    text = at.strftime("%Y%m%dT%H%M%S")
    return f"{name}:{text}Z" if zone == "UTC" else f"{name};TZID={zone}:{text}"


def as_one_file(count: int, first: datetime) -> str:
    return calendar("".join(text for _, text in components(count, first)))


def calendar(body: str) -> str:
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Dovetail//benchmark//EN\r\n{body}END:VCALENDAR\r\n"


def as_folder(folder: Path, count: int, first: datetime) -> None:
    """One file an appointment, as vdirsyncer's vdir has it."""
    folder.mkdir(parents=True)
    for uid, text in components(count, first):
        (folder / f"{uid.partition('@')[0]}.ics").write_text(calendar(text), newline="")


def this_monday() -> datetime:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday())
