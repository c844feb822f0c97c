"""Time zones that a calendar file defines itself: VTIMEZONE (RFC 5545 3.6.5), for names that nobody else knows.

Only rules that repeat yearly are followed, which is all that real zones need.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from dovetail.schedule.contentlines import ContentLine
from dovetail.schedule.rules import BadRule, Steps, read_rule, starts
from dovetail.schedule.values import BadValue, Reading, read_offset, read_time
from dovetail.schedule.zones import UnknownZone, zone

MOST_ZONES = 1_000
MOST_OBSERVANCES = 100
MOST_ONSETS = 2_000
MOST_STEPS = 100_000  # for one zone


@dataclass(frozen=True, slots=True)
class Observance:
    """A STANDARD or DAYLIGHT part: when the clock first changed, from and to which offset, and when again."""

    start: Reading
    offset_from: timedelta
    offset_to: timedelta
    rules: tuple[str, ...] = ()
    added: tuple[Reading, ...] = ()


class FileZones:
    """The zones that TZID may name: IANA's and Windows' first, then what the file defines."""

    def __init__(self, local: tzinfo, until: datetime, steps: Steps) -> None:
        self.local = local
        self._until = until
        self._steps = steps
        self._defined: dict[str, DefinedZone] = {}

    def define(self, lines: ZoneLines) -> None:
        """Remember a zone, if nobody else knows it and it can be followed."""
        try:
            zone(lines.name)
        except UnknownZone:
            if lines.name and len(self._defined) < MOST_ZONES:
                try:
                    self._defined[lines.name] = DefinedZone(
                        lines.observances(), self._until, self._steps.part(MOST_STEPS)
                    )
                except (BadRule, BadValue):
                    self._defined.pop(lines.name, None)

    def find(self, name: str) -> tzinfo:
        """Raises UnknownZone."""
        return self._defined.get(name) or zone(name)


class ZoneLines:
    """The lines of a VTIMEZONE as they come."""

    def __init__(self) -> None:
        self.name = ""
        self._parts: list[dict[str, list[str]]] = []
        self._is_open = False

    def part(self, *, begins: bool) -> None:
        self._is_open = begins
        if begins:
            self._parts.append({})
            del self._parts[MOST_OBSERVANCES:]

    def take(self, line: ContentLine) -> None:
        value = (line.value or "")[:1_000]
        if not self._is_open:
            if line.name == "TZID":
                self.name = value
        elif len(values := self._parts[-1].setdefault(line.name, [])) < MOST_ONSETS:
            values.append(value)

    def observances(self) -> list[Observance]:
        """Raises BadValue."""
        return [self._observance(part) for part in self._parts]

    def _observance(self, part: dict[str, list[str]]) -> Observance:
        def only(name: str) -> str:
            return next(iter(part.get(name, ())), "")

        return Observance(
            read_time(only("DTSTART")),
            read_offset(only("TZOFFSETFROM")),
            read_offset(only("TZOFFSETTO")),
            tuple(part.get("RRULE", ())),
            tuple(read_time(text) for value in part.get("RDATE", ()) for text in value.split(",")),
        )


class DefinedZone(tzinfo):
    """A zone by its changes of offset up to `until`; afterwards the last one stays. Raises BadRule.

    It reads clocks as RFC 5545 3.3.5 does, which has no second reading of a time (`fold`).
    """

    def __init__(self, observances: Sequence[Observance], until: datetime, steps: Steps) -> None:
        onsets = sorted({onset for part in observances for onset in _onsets(part, until, steps)})
        if not onsets:
            raise BadRule("its time zone has no offset")
        self._offsets = [onsets[0][1], *(after for _, _, after in onsets)]
        # A time that the clock skips or repeats counts with the offset before the change.
        self._changes = [(at + max(before, after)).replace(tzinfo=None) for at, before, after in onsets]

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        if dt is None:
            return None
        return self._offsets[bisect_right(self._changes, dt.replace(tzinfo=None))]

    def dst(self, dt: datetime | None) -> timedelta | None:
        return None

    def tzname(self, dt: datetime | None) -> str | None:
        return None


def _onsets(part: Observance, until: datetime, steps: Steps) -> list[tuple[datetime, timedelta, timedelta]]:
    """(instant, offset before, offset after) of every change this part describes."""
    clock = timezone(part.offset_from)
    start = part.start.at(clock).replace(tzinfo=clock)
    found = [start, *(added.at(clock) for added in part.added)]
    for text in part.rules:
        rule = read_rule(text, start)
        if rule.frequency != "YEARLY":
            raise BadRule("its time zone changes by rules that are not yearly")
        found += starts(rule, start, start, until.replace(tzinfo=clock), steps)
    if len(found) > MOST_ONSETS or not all(2 <= at.year <= 9998 for at in found):
        raise BadRule("its time zone changes too often or too far away")
    return [(at.astimezone(UTC), part.offset_from, part.offset_to) for at in found]
