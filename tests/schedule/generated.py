"""Generated calendars that peers can read too: single events and series with exceptions, in several zones.

Local times between 01:00 and 04:00 are left out: peers disagree about the hours that a clock skips or repeats. Zones
come with the file, as peers need them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random

from dateutil.rrule import rrulestr


def _yearly(month: int, sunday: int) -> str:
    return f"RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY={sunday}SU\r\n"


DEFINITIONS = {
    "Europe/Berlin": [
        ("DAYLIGHT", "19960331T020000", "+0100", "+0200", _yearly(3, -1)),
        ("STANDARD", "19961027T030000", "+0200", "+0100", _yearly(10, -1)),
    ],
    "America/New_York": [
        ("DAYLIGHT", "20070311T020000", "-0500", "-0400", _yearly(3, 2)),
        ("STANDARD", "20071104T020000", "-0400", "-0500", _yearly(11, 1)),
    ],
    "Asia/Kathmandu": [("STANDARD", "19860101T000000", "+0530", "+0545", "")],
    "Australia/Sydney": [
        ("STANDARD", "20080406T030000", "+1100", "+1000", _yearly(4, 1)),
        ("DAYLIGHT", "20081005T020000", "+1000", "+1100", _yearly(10, 1)),
    ],
}
ZONES = list(DEFINITIONS)
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
FIRST = datetime(2026, 2, 1)  # noqa: DTZ001 - local times, whose zone is chosen for each event
DAYS = 330


def items(random: Random, singles: int, series: int) -> Iterator[tuple[str, str]]:
    """(UID, text of a calendar with that one item) for each."""
    for number in range(singles + series):
        uid = f"item-{number}"
        in_zone = random.choice([*ZONES, None])
        all_day = random.random() < 0.15
        make = _series if number < series else _single
        zones = [] if in_zone is None or all_day else [definition(in_zone)]
        body = [*zones, *make(random, uid, in_zone, all_day)]
        yield uid, "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", *body, "END:VCALENDAR", ""])


def definition(name: str) -> str:
    """The zone as VTIMEZONE, with yearly rules, as calendar programs write it."""
    parts = [
        f"BEGIN:{kind}\r\nDTSTART:{start}\r\nTZOFFSETFROM:{before}\r\nTZOFFSETTO:{after}\r\n{rule}END:{kind}"
        for kind, start, before, after, rule in DEFINITIONS[name]
    ]
    return "\r\n".join(["BEGIN:VTIMEZONE", f"TZID:{name}", *parts, "END:VTIMEZONE"])


def _single(random: Random, uid: str, in_zone: str | None, all_day: bool) -> list[str]:
    start = _moment(random, all_day)
    return [_event(random, uid, _starts(in_zone, all_day, start, random), _shown(random))]


def _series(random: Random, uid: str, in_zone: str | None, all_day: bool) -> list[str]:
    start = _moment(random, all_day) - timedelta(days=random.choice([0, 0, 50, 1500]))
    rule = _rule(random, start)
    if random.random() < 0.3:
        until = start + timedelta(days=random.randrange(10, 2000))
        rule += f";UNTIL={until:%Y%m%d}" if all_day else f";UNTIL={until:%Y%m%d}T235959Z"
    elif random.random() < 0.3:
        rule += f";COUNT={random.randrange(1, 80)}"
    without_until = rule.partition(";UNTIL")[0]
    happens = [at for at in islice(rrulestr(without_until, dtstart=start), 1500) if at > FIRST][:40]
    chosen = random.sample(happens, min(len(happens), random.randrange(5)))
    excluded = [_property("EXDATE", in_zone, all_day, at) for at in chosen[:2]]
    shown = _shown(random)
    master = _event(random, uid, _starts(in_zone, all_day, start, random), [f"RRULE:{rule}", *excluded, *shown])
    return [master, *(_override(random, uid, in_zone, all_day, at) for at in chosen[2:])]


def _override(random: Random, uid: str, in_zone: str | None, all_day: bool, at: datetime) -> str:
    moved = at + timedelta(days=random.randrange(-20, 20))
    lines = [_property("RECURRENCE-ID", in_zone, all_day, at), *_shown(random)]
    return _event(random, uid, _starts(in_zone, all_day, moved, random), lines)


def _rule(random: Random, start: datetime) -> str:
    own_day = WEEKDAYS[start.weekday()]
    days = ",".join({own_day, *random.sample(WEEKDAYS, random.randrange(4))})
    interval = random.randrange(1, 4)
    return random.choice(
        [
            f"FREQ=DAILY;INTERVAL={interval}",
            f"FREQ=WEEKLY;INTERVAL={interval};BYDAY={days};WKST={random.choice(['MO', 'SU'])}",
            f"FREQ=WEEKLY;INTERVAL={interval}",
            f"FREQ=MONTHLY;INTERVAL={interval};BYDAY={(start.day - 1) // 7 + 1}{own_day}",
            f"FREQ=MONTHLY;BYMONTHDAY={start.day}",
            "FREQ=YEARLY",
        ]
    )


def _moment(random: Random, all_day: bool) -> datetime:
    day = FIRST + timedelta(days=random.randrange(DAYS))
    return day if all_day else day + timedelta(minutes=5 * random.randrange(4 * 12, 23 * 12))


def _starts(in_zone: str | None, all_day: bool, start: datetime, random: Random) -> list[str]:
    if all_day:
        end = start + timedelta(days=random.randrange(1, 4))
    else:
        end = start + timedelta(minutes=5 * random.randrange(1, 24))
    return [_property("DTSTART", in_zone, all_day, start), _property("DTEND", in_zone, all_day, end)]


def _property(name: str, in_zone: str | None, all_day: bool, at: datetime) -> str:
    if all_day:
        return f"{name};VALUE=DATE:{at:%Y%m%d}"
    return f"{name};TZID={in_zone}:{at:%Y%m%dT%H%M%S}" if in_zone else f"{name}:{at:%Y%m%dT%H%M%S}Z"


def _shown(random: Random) -> list[str]:
    return random.choice(
        [[], [], ["TRANSP:OPAQUE"], ["TRANSP:TRANSPARENT"], ["STATUS:TENTATIVE"], ["STATUS:CANCELLED"]]
    )


def _event(random: Random, uid: str, starts: list[str], lines: list[str]) -> str:
    alarm = ["BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT15M", "END:VALARM"]
    head = ["BEGIN:VEVENT", f"UID:{uid}", f"DTSTAMP:{datetime(2026, 1, 1, tzinfo=UTC):%Y%m%dT%H%M%SZ}"]
    return "\r\n".join([*head, *starts, *lines, *random.choice([alarm, []]), "END:VEVENT"])
