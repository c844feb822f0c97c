"""Recurrence rules against dateutil, which walks every rule from its start."""

from datetime import UTC, datetime, timedelta
from itertools import takewhile

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dovetail.schedule.rules import Steps, read_rule, starts

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def some(low: int, high: int, *, signed: bool = False) -> st.SearchStrategy[list[str]]:
    number = st.integers(low, high)
    both = number | number.map(int.__neg__) if signed else number
    return st.lists(both, min_size=1, max_size=3, unique=True).map(lambda found: [str(n) for n in sorted(found)])


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"]))
    parts = {"FREQ": frequency, "INTERVAL": str(draw(st.integers(1, 4)))}
    weekdays = st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True)
    choices: dict[str, st.SearchStrategy[list[str]]] = {
        "BYMONTH": some(1, 12),
        "BYMONTHDAY": some(1, 31, signed=True),
        "BYHOUR": some(0, 23),
        "BYDAY": weekdays,
    }
    if frequency != "WEEKLY":  # dateutil counts positions of the first week from DTSTART, RFC 5545 from its first day
        choices["BYSETPOS"] = some(1, 3, signed=True)
    if frequency == "YEARLY":
        choices |= {"BYWEEKNO": some(1, 53, signed=True), "BYYEARDAY": some(1, 366, signed=True)}
    if frequency in ("YEARLY", "MONTHLY"):
        nth = st.integers(1, 5) | st.integers(-5, -1)
        choices["BYDAY"] |= st.lists(st.builds(lambda n, day: f"{n}{day}", nth, st.sampled_from(DAYS)), min_size=1)
    for name in draw(st.lists(st.sampled_from(sorted(choices)), max_size=3, unique=True)):
        parts[name] = ",".join(draw(choices[name]))
    if draw(st.booleans()):
        parts["WKST"] = draw(st.sampled_from(DAYS))
    if draw(st.booleans()):
        parts["COUNT"] = str(draw(st.integers(1, 40)))
    return ";".join(f"{key}={value}" for key, value in parts.items())


@given(rules(), st.integers(0, 1000), st.integers(0, 23), st.integers(-300, 1000), st.integers(0, 400))
@settings(deadline=None, max_examples=300)
def test_a_rule_names_the_starts_that_dateutil_names(text: str, day: int, hour: int, later: int, days: int) -> None:
    # dateutil follows a rule that never matches up to the year 9999, so that year had better be near.
    start = datetime(9992, 1, 1, hour, 30, tzinfo=UTC) + timedelta(days=day)
    first = start + timedelta(days=later)
    last = first + timedelta(days=days)
    named = walked_by_dateutil(text, start, last)
    # It leaves out a DTSTART that the rule does not name, and does not count it; RFC 5545 has it counted.
    assume("COUNT" not in text or start in named)
    expected = sorted(at for at in {start, *named} if first <= at <= last)
    assert list(starts(read_rule(text, start), start, first, last, Steps(10**6))) == expected


def walked_by_dateutil(text: str, start: datetime, last: datetime) -> list[datetime]:
    try:
        return list(takewhile(lambda at: at <= last, rrulestr(text, dtstart=start)))
    except ValueError:  # "empty set": hours that the interval never reaches
        return []


@pytest.mark.parametrize("week", [1, 20, 52, 53])
def test_the_weeks_of_a_year_are_iso_8601s(week: int) -> None:
    start = datetime(2000, 1, 3, 12, tzinfo=UTC)
    last = datetime(2040, 1, 1, tzinfo=UTC)
    found = starts(read_rule(f"FREQ=YEARLY;BYWEEKNO={week}", start), start, start, last, Steps(10**6))
    days = (start + timedelta(days=day) for day in range((last - start).days + 1))
    assert list(found) == [day for day in days if day.isocalendar().week == week or day == start]


def test_only_the_periods_asked_for_cost_anything() -> None:
    start = datetime(1900, 1, 1, tzinfo=UTC)
    steps = Steps(1000)
    june = datetime(2026, 6, 1, tzinfo=UTC)
    found = starts(read_rule("FREQ=DAILY;INTERVAL=2", start), start, june, june + timedelta(days=60), steps)
    assert len(list(found)) == 31
    assert steps.left > 500
