"""iCalendar text (RFC 5545) to busy time: a streaming reader that keeps nothing but when, how firmly, and which event.

Subjects, bodies, places and people are skipped unread. A damaged item becomes a `Problem` with what is known of its
times, and the rest of the file goes on. A file of any size is read line by line; what is kept is one small record for
each event that can matter in the window.

"Show as" decides what is busy: X-MICROSOFT-CDO-BUSYSTATUS where there is one, else TRANSP and STATUS. A cancelled event
takes no time. A zone that the file defines must be defined before it is used; one that nobody knows is read as local.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta, tzinfo

from dovetail.schedule.busy import BusyBlock
from dovetail.schedule.contentlines import ContentLine, Stream, content_lines
from dovetail.schedule.instants import from_minutes
from dovetail.schedule.intervals import Interval
from dovetail.schedule.recurrence import Event, Trouble, expand
from dovetail.schedule.rules import Steps
from dovetail.schedule.vevent import NAMES, STAMP_PREFIX, EventLines
from dovetail.schedule.vtimezone import FileZones, ZoneLines

MOST_EVENTS = 200_000  # that are put together by UID
MOST_KEPT = 200_000  # EXDATE and RDATE values in a file
MOST_STEPS = 10_000_000  # of recurrence in a file: ten thousand series over a year, or ten seconds

_ZONE = frozenset(["TZID", "TZOFFSETFROM", "TZOFFSETTO"])
_WANTED = NAMES | _ZONE | {"BEGIN", "END"}


@dataclass(frozen=True, slots=True)
class EventBusy:
    """All events of one UID, expanded. `blocks` are those that meet the window, whole. `stamp` is X-DOVETAIL-*."""

    uid: str
    blocks: tuple[BusyBlock, ...]
    stamp: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """An item that could not be read in full, with the blocks that are known; `uid` None speaks of no single item.

    `reason` is in plain words and quotes nothing of the file.
    """

    uid: str | None
    line: int
    code: str
    reason: str
    blocks: tuple[BusyBlock, ...] = ()
    stamp: Mapping[str, str] = field(default_factory=dict)


def read_busy(stream: Stream, window: Interval, local_zone: tzinfo) -> Iterator[EventBusy | Problem]:
    """Read a binary stream; answer each UID once, either way, and what is wrong with the file as a whole.

    Floating times and all-day events are meant in `local_zone`. Only what the stream itself raises is raised.
    A file with more than `MOST_EVENTS` is reported, and events after that are answered one by one.
    """
    reader = _Reader(window, local_zone)
    for line in content_lines(stream, lambda name: name in _WANTED or name.startswith(STAMP_PREFIX)):
        yield from reader.take(line)
    yield from reader.finish()


class _Reader:
    """Follows BEGIN and END, and puts events together by UID."""

    def __init__(self, window: Interval, local_zone: tzinfo) -> None:
        self._window = window
        self._steps = Steps(MOST_STEPS)
        self._zones = FileZones(
            local_zone, from_minutes(window.end) + timedelta(days=400), self._steps.part(MOST_STEPS // 5)
        )
        self._groups: dict[str, list[Event]] = {}
        self._count = self._kept = self._open = 0
        self._event: EventLines | None = None
        self._zone: ZoneLines | None = None
        self._is_calendar = False

    def take(self, line: ContentLine) -> Iterator[EventBusy | Problem]:
        what = (line.name, (line.value or "").strip().upper()) if line.name in ("BEGIN", "END") else None
        if what is None:
            if self._event is not None:
                self._event.take(line)
            elif self._zone is not None:
                self._zone.take(line)
        elif what == ("BEGIN", "VEVENT"):
            yield from self._end_event(Trouble("unfinished", "it has no end", line.number))
            self._event = EventLines(line.number, self._zones)
        elif what == ("END", "VEVENT"):
            yield from self._end_event()
        elif self._event is not None:
            self._event.nest(1 if line.name == "BEGIN" else -1, line.number)
        elif what == ("BEGIN", "VTIMEZONE"):
            self._zone = ZoneLines()
        elif what == ("END", "VTIMEZONE") and self._zone is not None:
            self._zones.define(self._zone)
            self._zone = None
        elif self._zone is not None:
            self._zone.part(begins=line.name == "BEGIN")
        elif what[1] == "VCALENDAR":
            self._is_calendar = True
            self._open += 1 if line.name == "BEGIN" else -1

    def finish(self) -> Iterator[EventBusy | Problem]:
        yield from self._end_event(Trouble("unfinished", "the file ends within it", 0))
        while self._groups:
            yield self._answer(*self._groups.popitem())
        if not self._is_calendar:
            yield Problem(None, 1, "not_a_calendar", "this is not an iCalendar file")
        elif self._open > 0:
            yield Problem(None, 0, "truncated", "the file ends before the calendar does")

    def _end_event(self, trouble: Trouble | None = None) -> Iterator[EventBusy | Problem]:
        lines, self._event = self._event, None
        if lines is None:
            return
        if trouble:
            lines.troubles.append(trouble)
        event = lines.event()
        if event is None:
            first = lines.troubles[0]
            yield Problem(lines.uid or None, first.line, first.code, first.reason)
            return
        self._kept += len(event.excluded) + len(event.added)
        if self._kept > MOST_KEPT and (event.excluded or event.added):
            trouble = Trouble("too_many", "the file has too many dates of recurrence", event.line)
            event = replace(event, excluded=(), added=(), trouble=trouble)
        yield from self._keep(event)

    def _keep(self, event: Event) -> Iterator[EventBusy | Problem]:
        self._count += 1
        if self._count == MOST_EVENTS + 1:
            yield Problem(None, event.line, "too_many", f"the file has more than {MOST_EVENTS} events")
        if not event.uid or self._count > MOST_EVENTS:
            yield self._answer(event.uid, [event])
        elif event.is_plain and not expand([event], self._window, self._steps)[0]:
            self._groups.setdefault(event.uid, [])
        else:
            self._groups.setdefault(event.uid, []).append(event)

    def _answer(self, uid: str, events: list[Event]) -> EventBusy | Problem:
        blocks, troubles = expand(events, self._window, self._steps)
        stamp = dict(next((event.stamp for event in events if event.stamp), ()))
        if troubles:
            first = troubles[0]
            return Problem(uid or None, first.line, first.code, first.reason, tuple(blocks), stamp)
        return EventBusy(uid, tuple(blocks), stamp)
