"""``outlook-formats``: Outlook's blobs read and expanded; every appointment of the samples, and 10,000 made-up series
with exceptions, each over 60 days. Beside icalendar + recurring-ical-events on the equal series of RFC 5545, of which
it takes the first thousand. Where both give the same busy times they are compared; where not, the run stops.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import icalendar
import recurring_ical_events

from benchmarks.result import Result
from dovetail.connector.outlook.appointment_recurrence import ExceptionInfo, Override, read_appointment_recurrence
from dovetail.connector.outlook.occurrences import occurrences
from dovetail.connector.outlook.properties import Properties
from dovetail.connector.outlook.recurrence_pattern import DAY_MINUTES, Frequency, PatternType
from dovetail.connector.outlook.time_zones import read_zone_definition, read_zone_registration
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from connector.outlook import appointments, blobs, rfc5545, samples

SERIES, PEERS, DAYS, ROUNDS = 10_000, 1_000, 60, 100
FIRST = date(2027, 3, 1)
PEER = "icalendar + recurring-ical-events"
ZONES = {"W. Europe Standard Time": "Europe/Berlin", "Eastern Standard Time": "America/New_York", "UTC": "UTC"}
READERS: dict[str, Callable[[bytes, str], object]] = {
    "PidLidAppointmentRecur": read_appointment_recurrence,
    "PidLidTimeZoneStruct": read_zone_registration,
    "PidLidAppointmentTimeZoneDefinitionRecur": read_zone_definition,
    "PidLidAppointmentTimeZoneDefinitionStartDisplay": read_zone_definition,
    "PidLidAppointmentTimeZoneDefinitionEndDisplay": read_zone_definition,
}
Made = tuple[Properties, bytes]
"""A series as Outlook keeps it, and the same as iCalendar text."""


def run() -> Iterator[Result]:
    found = [properties for _, properties in samples.appointments() if "PidLidAppointmentStartWhole" in properties]
    read = [(READERS[blob.name], blob.data, blob.name) for blob in samples.blobs() if blob.name in READERS]
    if not samples.SAMPLES.is_dir():
        raise SystemExit(f"outlook-formats: there are no samples in {samples.SAMPLES}")
    rate = per_second(len(read) * ROUNDS, lambda: [reader(*blob) for _ in range(ROUNDS) for reader, *blob in read])
    yield Result("outlook-formats", f"blobs of all samples read ({len(read)})", rate, "blobs/s")
    windows = [_year_from(properties) for properties in found]
    pairs = list(zip(found, windows, strict=True))
    rate = per_second(len(pairs) * ROUNDS, lambda: [occurrences(*pair) for _ in range(ROUNDS) for pair in pairs])
    yield Result("outlook-formats", f"appointments of all samples, a year ({len(pairs)})", rate, "appointments/s")
    yield generated()


def generated() -> Result:
    chance = random.Random(1)
    made = [series(number, chance) for number in range(SERIES)]
    first = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    window = Interval(to_minutes(first), to_minutes(first) + DAYS * DAY_MINUTES)
    rate = per_second(SERIES, lambda: [occurrences(properties, window) for properties, _ in made])
    peers = per_second(PEERS, lambda: [theirs(text, first) for _, text in made[:PEERS]])
    for properties, text in made[:PEERS]:
        if inner(occurrences(properties, window), window) != inner(theirs(text, first), window):
            raise SystemExit("outlook-formats: the two do not agree on what is busy")
    return Result("outlook-formats", f"{SERIES:,} series with exceptions, {DAYS} days", rate, "series/s", PEER, peers)


def per_second(count: int, work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return round(count / (time.process_time() - began), 1)


def series(number: int, chance: random.Random) -> Made:
    """That began up to two years before the window; one or two of its first occurrences in it moved, one deleted."""
    begin = chance.randrange(6 * 60, 20 * 60, 15)
    start = FIRST - timedelta(days=chance.randrange(730))
    weekday = 1 << start.isoweekday() % 7
    kind = (
        lambda **more: blobs.series(Frequency.DAILY, PatternType.DAY, 2 * DAY_MINUTES, start, **more),
        lambda **more: blobs.series(Frequency.WEEKLY, PatternType.WEEK, 1, start, weekdays=weekday | 0b10, **more),
        lambda **more: blobs.series(Frequency.WEEKLY, PatternType.WEEK, 2, start, weekdays=weekday, **more),
        lambda **more: blobs.series(Frequency.MONTHLY, PatternType.MONTH, 1, start, day=start.day, **more),
        lambda **more: blobs.series(
            Frequency.MONTHLY,
            PatternType.MONTH_NTH,
            1,
            start,
            weekdays=weekday,
            nth=min((start.day + 6) // 7, 5),
            **more,
        ),
    )[number % 5]
    offsets = (begin, begin + chance.choice((30, 60, 90)))
    plain = kind(offsets=offsets)
    days = rfc5545.slots(plain.pattern, FIRST + timedelta(days=7), FIRST + timedelta(days=DAYS - 7))
    moved = tuple(_moved(day, begin, chance) for day in days[:2])
    whole = kind(offsets=offsets, exceptions=moved, deleted=tuple(days[2:3]))
    zone = chance.choice(tuple(ZONES))
    return appointments.series(whole, zone), rfc5545.icalendar_text(whole, ZONES[zone], 2)


def _moved(day: date, begin: int, chance: random.Random) -> ExceptionInfo:
    midnight = blobs.minutes_of(day)
    start = midnight + begin + chance.choice((-120, 15, 180))
    return ExceptionInfo(start, start + 45, midnight + begin, {Override.BUSY_STATUS: chance.choice((1, 2, 3))})


def theirs(text: bytes, first: datetime) -> list[tuple[int, int]]:
    events = recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(first, first + timedelta(days=DAYS))
    return [tuple(to_minutes(event[name].dt.astimezone(UTC)) for name in ("DTSTART", "DTEND")) for event in events]


def inner(blocks: Sequence[tuple[int, ...]], window: Interval) -> list[tuple[int, ...]]:
    """Starts and ends well inside the window: at its edges the two mean different days."""
    day = DAY_MINUTES
    return sorted(tuple(block[:2]) for block in blocks if window.start + day < block[0] and block[1] < window.end - day)


def _year_from(properties: Properties) -> Interval:
    begin = properties["PidLidAppointmentStartWhole"]
    assert isinstance(begin, datetime)
    return Interval(to_minutes(begin), to_minutes(begin) + 365 * DAY_MINUTES)
