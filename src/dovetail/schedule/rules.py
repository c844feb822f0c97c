"""Recurrence rules (RFC 5545 3.3.10): which starts a RRULE names, on the clock of the event's zone.

A rule is read as candidate days in one period (year, month, week, day, hour) after the other. Periods do not depend on
each other, so a rule without COUNT is entered at the period in question, and a rule that never matches ends with the
last period asked for: the work is bounded by the window, not by the rule.

Rules that repeat more often than hourly are refused, as are RSCALE (RFC 7529), BYEASTER and other additions.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import product

from dovetail.schedule.values import BadValue, read_time

FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAYS_OF = {"MONTHLY": 31, "WEEKLY": 7, "DAILY": 1, "HOURLY": 1}
_STEPS_OF_START = 10  # against one for looking at a day

_LIMITS = {
    "BYMONTH": (1, 12, False),
    "BYWEEKNO": (1, 53, True),
    "BYYEARDAY": (1, 366, True),
    "BYMONTHDAY": (1, 31, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSECOND": (0, 60, False),
    "BYSETPOS": (1, 366, True),
}


class BadRule(ValueError):
    """The rule cannot be followed; the text says why, without quoting it."""


class Steps:
    """How much work recurrence may still make: about a microsecond each, part of what a whole may make."""

    def __init__(self, left: int, whole: Steps | None = None) -> None:
        self.left = left
        self._whole = whole

    def part(self, most: int) -> Steps:
        """At most so many of these steps."""
        return Steps(most, self)

    def take(self, cost: int) -> None:
        """Raises BadRule when so many are not left."""
        if self._whole is not None:
            self._whole.take(cost)
        self.left -= cost
        if self.left < 0:
            raise BadRule("it repeats too often, or has to be counted from too far back")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with everything it leaves to DTSTART filled in. `by_day` holds (ordinal or 0, weekday)."""

    frequency: str
    interval: int
    count: int | None
    until: datetime | None
    by_month: frozenset[int]
    by_week: frozenset[int]
    by_year_day: frozenset[int]
    by_month_day: frozenset[int]
    by_day: frozenset[tuple[int, int]]
    hours: tuple[int, ...]
    times: tuple[tuple[int, int], ...]  # minute, second
    by_position: tuple[int, ...]
    week_start: int


def read_rule(text: str, start: datetime, *, all_day: bool = False) -> Rule:
    """The rule of an event that starts at `start`. Raises BadRule."""
    parts: dict[str, str] = {}
    for part in filter(None, text.strip().upper().split(";")):
        key, _, value = part.partition("=")
        if key in parts:
            raise BadRule(f"it says {_known(key)} twice")
        parts[key] = value
    frequency = parts.pop("FREQ", "")
    if frequency in ("SECONDLY", "MINUTELY"):
        raise BadRule("it repeats more often than hourly")
    if frequency not in FREQUENCIES:
        raise BadRule("it does not say how often it repeats")
    numbers = {key: _numbers(key, parts.pop(key, "")) for key in _LIMITS}
    interval = _positive(parts.pop("INTERVAL", "1"), "INTERVAL")
    count = _positive(parts.pop("COUNT"), "COUNT") if "COUNT" in parts else None
    until = _until(parts.pop("UNTIL"), start, all_day=all_day) if "UNTIL" in parts else None
    by_day = frozenset(_by_day(part, frequency) for part in filter(None, parts.pop("BYDAY", "").split(",")))
    week_start = parts.pop("WKST", "MO")
    if week_start not in WEEKDAYS:
        raise BadRule("WKST is not a weekday")
    if parts.pop("RSCALE", "GREGORIAN") != "GREGORIAN" or parts:
        raise BadRule("it uses parts that are not known")

    day_said = numbers["BYWEEKNO"] or numbers["BYYEARDAY"] or numbers["BYMONTHDAY"] or by_day
    if not day_said and frequency in ("YEARLY", "MONTHLY"):
        numbers["BYMONTHDAY"] = (start.day,)
        if frequency == "YEARLY" and not numbers["BYMONTH"]:
            numbers["BYMONTH"] = (start.month,)
    if not day_said and frequency == "WEEKLY":
        by_day = frozenset([(0, start.weekday())])
    times = tuple(product(numbers["BYMINUTE"] or (start.minute,), numbers["BYSECOND"] or (start.second,)))
    if len(times) > 1:
        raise BadRule("it repeats more often than hourly")
    every_hour = tuple(range(24))
    return Rule(
        frequency=frequency,
        interval=interval,
        count=count,
        until=until,
        by_month=frozenset(numbers["BYMONTH"]),
        by_week=frozenset(numbers["BYWEEKNO"]),
        by_year_day=frozenset(numbers["BYYEARDAY"]),
        by_month_day=frozenset(numbers["BYMONTHDAY"]),
        by_day=by_day,
        hours=numbers["BYHOUR"] or (every_hour if frequency == "HOURLY" else (start.hour,)),
        times=times,
        by_position=numbers["BYSETPOS"],
        week_start=WEEKDAYS.index(week_start),
    )


def starts(rule: Rule, start: datetime, first: datetime, last: datetime, steps: Steps) -> Iterator[datetime]:
    """The starts from `first` to `last`, ascending, as times on the clock of `start`'s zone.

    `start` itself is always the first, whether the rule names it or not (RFC 5545 3.8.5.3). `first` and `last` are in
    `start`'s zone. Raises BadRule when no `steps` are left.
    """
    if first <= start <= last:
        yield start
    counted = 1
    end = last
    if rule.until is not None and rule.until < last:
        end = rule.until.replace(tzinfo=last.tzinfo) + timedelta(days=1)  # a day covers the difference of two zones
    for candidates in _periods(rule, start, start if rule.count else max(start, first), end, steps):
        for at in candidates:
            if at <= start:
                continue
            if at > last or (rule.until is not None and at > rule.until):
                return
            counted += 1
            if rule.count is not None and counted > rule.count:
                return
            if at >= first:
                yield at


def _periods(rule: Rule, start: datetime, first: datetime, last: datetime, steps: Steps) -> Iterator[list[datetime]]:
    """The candidates of each period from the one with `first` to the one with `last`."""
    origin = _period_of(rule, start)
    skipped = max(0, _period_of(rule, first) - origin) // rule.interval * rule.interval
    days = _DAYS_OF.get(rule.frequency, 31 * (len(rule.by_month) or 12))
    for period in range(origin + skipped, _period_of(rule, last) + 1, rule.interval):
        candidates = [
            datetime.combine(day, time(hour, *clock), start.tzinfo)
            for day in _days(rule, period)
            for hour in rule.hours
            if rule.frequency != "HOURLY" or hour == period % 24
            for clock in rule.times
        ]
        steps.take(days + _STEPS_OF_START * len(candidates))
        if rule.by_position:
            size = len(candidates)
            chosen = {place - 1 if place > 0 else size + place for place in rule.by_position}
            candidates = [candidates[place] for place in sorted(chosen) if 0 <= place < size]
        yield candidates


def _period_of(rule: Rule, at: datetime) -> int:
    """The number of the period that `at` lies in."""
    match rule.frequency:
        case "YEARLY":
            return at.year
        case "MONTHLY":
            return at.year * 12 + at.month - 1
        case "WEEKLY":  # ordinal 1 is a Monday
            return (at.toordinal() - 1 - rule.week_start) // 7
        case "DAILY":
            return at.toordinal()
        case _:
            return at.toordinal() * 24 + at.hour


def _days(rule: Rule, period: int) -> Iterator[date]:
    """The days of the period that the rule names, ascending."""
    match rule.frequency:
        case "YEARLY":
            months = sorted(rule.by_month) or range(1, 13)
            ordinals = [day for month in months for day in _month(period, month)]
        case "MONTHLY":
            ordinals = list(_month(period // 12, period % 12 + 1))
        case "WEEKLY":
            monday = period * 7 + 1 + rule.week_start
            ordinals = list(range(monday, monday + 7))
        case "DAILY":
            ordinals = [period]
        case _:
            ordinals = [period // 24]
    for ordinal in ordinals:
        if 1 <= ordinal <= date.max.toordinal():
            day = date.fromordinal(ordinal)
            if _names(rule, day):
                yield day


def _month(year: int, month: int) -> range:
    first = date(year, month, 1).toordinal()
    return range(first, first + calendar.monthrange(year, month)[1])


def _names(rule: Rule, day: date) -> bool:
    """Whether every BY part that chooses days chooses this one."""
    if rule.by_month and day.month not in rule.by_month:
        return False
    if rule.by_month_day:
        length = calendar.monthrange(day.year, day.month)[1]
        if not rule.by_month_day & {day.day, day.day - length - 1}:
            return False
    if rule.by_year_day:
        of_year, length = day.timetuple().tm_yday, 365 + calendar.isleap(day.year)
        if not rule.by_year_day & {of_year, of_year - length - 1}:
            return False
    if rule.by_week and not rule.by_week & _week_numbers(day, rule.week_start):
        return False
    if not rule.by_day or (0, day.weekday()) in rule.by_day:
        return True
    return bool(rule.by_day & {(nth, day.weekday()) for nth in _ordinals(rule, day)})


def _ordinals(rule: Rule, day: date) -> tuple[int, int]:
    """Which of its weekday this is in the month (or the year, where the rule speaks of years), from either end."""
    if rule.frequency == "YEARLY" and not rule.by_month:
        place, length = day.timetuple().tm_yday, 365 + calendar.isleap(day.year)
    else:
        place, length = day.day, calendar.monthrange(day.year, day.month)[1]
    return (place - 1) // 7 + 1, -((length - place) // 7 + 1)


def _week_numbers(day: date, week_start: int) -> set[int]:
    """The number of the week, from the start and from the end of the year it belongs to (ISO 8601 with WKST)."""
    middle = day.toordinal() - (day.weekday() - week_start) % 7 + 3  # a week belongs to the year of its fourth day
    if not 1 <= middle <= date.max.toordinal():
        return set()
    year = date.fromordinal(middle).year
    new_year = date(year, 1, 1).toordinal()
    number = (middle - new_year) // 7 + 1
    weeks = (364 + calendar.isleap(year) - (middle - new_year)) // 7 + number
    return {number, number - weeks - 1}


def _numbers(key: str, text: str) -> tuple[int, ...]:
    low, high, signed = _LIMITS[key]
    found = set()
    for part in filter(None, text.split(",")):
        digits = part.lstrip("+-") if signed else part
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 3 and low <= int(digits) <= high):
            raise BadRule(f"{key} has a number it cannot have")
        found.add(-int(digits) if part.startswith("-") else int(digits))
    return tuple(sorted({min(number, 59) for number in found} if key == "BYSECOND" else found))


def _by_day(text: str, frequency: str) -> tuple[int, int]:
    digits = text[:-2].lstrip("+-")
    if text[-2:] not in WEEKDAYS or (text[:-2] and not (digits.isascii() and digits.isdigit() and len(digits) <= 2)):
        raise BadRule("BYDAY has something that is not a weekday")
    nth = int(digits or 0) * (-1 if text.startswith("-") else 1)
    if abs(nth) > 53:
        raise BadRule("BYDAY has a number it cannot have")
    return (nth if frequency in ("YEARLY", "MONTHLY") else 0), WEEKDAYS.index(text[-2:])


def _positive(text: str, key: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise BadRule(f"{key} is not a number above zero")
    return int(text)


def _until(text: str, start: datetime, *, all_day: bool) -> datetime:
    """The last instant that may start: a date means the whole of that day, whatever the event is."""
    try:
        reading = read_time(text)
    except BadValue:
        raise BadRule("UNTIL is not a time") from None
    if reading.time is None or all_day:
        return datetime.combine(reading.date, time.max, start.tzinfo)
    return reading.at(start.tzinfo or UTC)


def _known(key: str) -> str:
    return key if key in (*_LIMITS, "FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST") else "a part"
