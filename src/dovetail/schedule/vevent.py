"""The lines of one VEVENT (RFC 5545 3.6.1) to an `Event`; what is nested in it (VALARM) is left out.

An event is never lost for a damaged property: what can be known is kept, and what is wrong is noted.
Without DTEND and DURATION an event lasts its day, or no time at all (3.6.1). An end that cannot be, before the start or
unreadable, is taken as the end of the start's day: better a day too busy than a meeting on top of another.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

from dovetail.schedule.busy import BusyStatus
from dovetail.schedule.contentlines import ContentLine
from dovetail.schedule.recurrence import Event, Trouble
from dovetail.schedule.values import BadValue, Length, Reading, read_duration, read_time
from dovetail.schedule.vtimezone import FileZones
from dovetail.schedule.zones import UnknownZone

MOST_DATES = 10_000  # EXDATE and RDATE values of one event
MOST_RULES = 10
MOST_STAMPS = 20
DEEPEST = 8
LONGEST_TEXT = 1_000  # of a UID, a rule, a stamp
STAMP_PREFIX = "X-DOVETAIL-"
_TIMES = {"DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "RRULE", "RDATE", "EXDATE"}
NAMES = frozenset({"UID", "SEQUENCE", "STATUS", "TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS"} | _TIMES)

_DAY = timedelta(days=1)
_NONE = timedelta()
_LASTS_A_DAY = Length(_DAY, _NONE)
_LASTS_NO_TIME = Length(_NONE, _NONE)
_SHOWN = {
    "FREE": BusyStatus.FREE,
    "TENTATIVE": BusyStatus.TENTATIVE,
    "BUSY": BusyStatus.BUSY,
    "OOF": BusyStatus.OUT_OF_OFFICE,
    "WORKINGELSEWHERE": BusyStatus.WORKING_ELSEWHERE,
}


class EventLines:
    """The lines of an event as they come, in order to become an `Event`."""

    def __init__(self, line: int, zones: FileZones) -> None:
        self.line = line
        self.uid = ""
        self.troubles: list[Trouble] = []
        self._zones = zones
        self._depth = 0
        self._once: dict[str, ContentLine] = {}
        self._rules: list[str] = []
        self._added: list[tuple[datetime | date, Length | None]] = []
        self._excluded: list[datetime | date] = []
        self._stamp: dict[str, str] = {}

    def nest(self, by: int, line: int) -> None:
        """A component within the event begins or ends."""
        self._depth = max(0, self._depth + by)
        if self._depth == DEEPEST and by > 0:
            self._note("too_deep", "it has parts within parts within parts", line)

    def take(self, line: ContentLine) -> None:
        if self._depth:
            return
        if line.value is None:
            self._note("bad_line", "one of its lines is too long or broken", line.number)
        elif line.name in ("EXDATE", "RDATE"):
            self._take_dates(line, line.value)
        elif len(line.value) > LONGEST_TEXT:
            self._note("bad_line", "one of its lines is too long", line.number)
        elif line.name == "RRULE":
            if len(self._rules) < MOST_RULES:
                self._rules.append(line.value)
            else:
                self._note("recurrence", "it has too many rules", line.number)
        elif line.name.startswith(STAMP_PREFIX):
            if len(self._stamp) < MOST_STAMPS:
                self._stamp[line.name] = line.text()
        elif line.name == "UID":
            self.uid = self.uid or line.text().strip()
        else:
            self._once.setdefault(line.name, line)

    def event(self) -> Event | None:
        """The event, or None if not even its start is known; then `troubles` is not empty."""
        said = self._reading("DTSTART")
        if said is None:
            if "DTSTART" not in self._once:
                self._note("no_start", "it has no start", self.line)
            return None
        if not self.uid:
            self._note("no_uid", "it has no UID", self.line)
        line = self._once["DTSTART"]
        start = said.at(self._zones.local if said.time is None else self._zone_of(line))
        replaced = self._once.get("RECURRENCE-ID")
        return Event(
            uid=self.uid,
            line=self.line,
            start=start,
            length=self._length(start, all_day=said.time is None),
            status=self._status(),
            all_day=said.time is None,
            rules=tuple(self._rules),
            added=tuple(self._added),
            excluded=tuple(self._excluded),
            replaces=self._named(replaced, replaced.value or "") if replaced else None,
            and_following=replaced is not None and replaced.parameters.get("RANGE", "").upper() == "THISANDFUTURE",
            sequence=self._sequence(),
            stamp=tuple(self._stamp.items()),
            trouble=self.troubles[0] if self.troubles else None,
        )

    def _status(self) -> BusyStatus:
        """Show as: Outlook's own property first, then what RFC 5545 has (3.8.1.11, 3.8.2.7)."""
        if self._word("STATUS") == "CANCELLED":
            return BusyStatus.FREE
        if shown := self._word("X-MICROSOFT-CDO-BUSYSTATUS"):
            return _SHOWN.get(shown, BusyStatus.BUSY)
        if self._word("TRANSP") == "TRANSPARENT":
            return BusyStatus.FREE
        return BusyStatus.TENTATIVE if self._word("STATUS") == "TENTATIVE" else BusyStatus.BUSY

    def _length(self, start: datetime, *, all_day: bool) -> Length:
        shortest = _LASTS_A_DAY if all_day else _LASTS_NO_TIME
        if "DTEND" in self._once:
            said = self._reading("DTEND")
            length = said and _between(start, said.at(self._end_zone(start, said)))
        elif "DURATION" in self._once:
            length = self._duration()
        else:
            return shortest
        if length is None:
            return _rest_of_day(start)
        if length.wall + length.exact < _NONE:
            self._note("end_before_start", "it ends before it starts", self.line)
            return _rest_of_day(start)
        return length if any(length) else shortest

    def _end_zone(self, start: datetime, said: Reading) -> tzinfo:
        line = self._once["DTEND"]
        own = start.tzinfo or UTC
        return own if said.time is None or _same_zone(line, self._once["DTSTART"]) else self._zone_of(line)

    def _duration(self) -> Length | None:
        line = self._once["DURATION"]
        try:
            return read_duration(line.value or "")
        except BadValue as error:
            self._note("bad_time", f"its DURATION is {error}", line.number)
            return None

    def _take_dates(self, line: ContentLine, values: str) -> None:
        for text in values.split(","):
            if len(self._added) + len(self._excluded) >= MOST_DATES:
                self._note("too_many", f"it has more than {MOST_DATES} dates of recurrence", line.number)
                return
            begins, _, ends = text.partition("/")
            at = self._named(line, begins)
            if at is None:
                continue
            if line.name == "EXDATE":
                self._excluded.append(at)
            else:
                self._added.append((at, self._period(line, at, ends) if ends else None))

    def _period(self, line: ContentLine, start: datetime | date, ends: str) -> Length | None:
        """The length of a PERIOD (3.3.9), or None where it cannot be read: then the event's own counts."""
        try:
            if ends[:1] in "Pp":
                length = read_duration(ends)
            elif isinstance(start, datetime):
                length = _between(start, read_time(ends).at(start.tzinfo or UTC))
            else:
                return None
        except BadValue as error:
            self._note("bad_time", f"the end of an added date is {error}", line.number)
            return None
        return length if length.wall + length.exact >= _NONE else None

    def _named(self, line: ContentLine, text: str) -> datetime | date | None:
        """A date or time that names an occurrence."""
        try:
            said = read_time(text)
        except BadValue as error:
            self._note("bad_time", f"its {line.name} is {error}", line.number)
            return None
        return said.date if said.time is None else said.at(self._zone_of(line))

    def _reading(self, name: str) -> Reading | None:
        line = self._once.get(name)
        if line is None:
            return None
        try:
            return read_time(line.value or "")
        except BadValue as error:
            self._note("bad_time", f"its {name} is {error}", line.number)
            return None

    def _zone_of(self, line: ContentLine) -> tzinfo:
        name = line.parameters.get("TZID")
        if name is None:
            return self._zones.local
        try:
            return self._zones.find(name)
        except UnknownZone:
            self._note("unknown_zone", "its time zone is not known and was read as the local one", line.number)
            return self._zones.local

    def _sequence(self) -> int:
        text = self._word("SEQUENCE")
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0

    def _word(self, name: str) -> str:
        line = self._once.get(name)
        return (line.value or "").strip().upper() if line else ""

    def _note(self, code: str, reason: str, line: int) -> None:
        if not self.troubles:
            self.troubles.append(Trouble(code, reason, line))


def _between(start: datetime, end: datetime) -> Length:
    """On the clock if both are on the same one, else in elapsed time."""
    if start.tzinfo is end.tzinfo:
        return Length(end - start, _NONE)
    return Length(_NONE, end - start)


def _rest_of_day(start: datetime) -> Length:
    return Length(_DAY - timedelta(hours=start.hour, minutes=start.minute, seconds=start.second), _NONE)


def _same_zone(one: ContentLine, other: ContentLine) -> bool:
    return one.parameters.get("TZID") == other.parameters.get("TZID")
