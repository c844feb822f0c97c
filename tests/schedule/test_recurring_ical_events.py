"""What a calendar blocks, against icalendar with recurring-ical-events, which read the whole tree."""

from datetime import UTC, date, datetime, time
from random import Random

import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event

from dovetail.schedule.instants import from_minutes, to_minutes
from dovetail.schedule.intervals import Interval, clip
from schedule.calendars import read, window
from schedule.generated import items

WITHIN = window("2026-03-01", "2026-12-01")


def instant(value: date | datetime) -> int:
    return to_minutes(value if isinstance(value, datetime) else datetime.combine(value, time(), UTC))


def takes_time(event: Event) -> bool:
    return event.get("STATUS") != "CANCELLED" and event.get("TRANSP") != "TRANSPARENT"


def by_the_peer(text: str) -> list[Interval]:
    query = recurring_ical_events.of(Calendar.from_ical(text))
    found = query.between(from_minutes(WITHIN.start), from_minutes(WITHIN.end))
    return clip((Interval(instant(e.start), instant(e.end)) for e in found if takes_time(e)), WITHIN)


@given(st.integers(0, 10**9))
@settings(deadline=None, max_examples=60)
def test_a_generated_series_blocks_what_a_whole_tree_reader_says(seed: int) -> None:
    for _, text in items(Random(seed), singles=1, series=2):
        results = read(text.encode(), WITHIN, local="UTC")
        assert clip((Interval(*b[:2]) for r in results for b in r.blocks), WITHIN) == by_the_peer(text)
