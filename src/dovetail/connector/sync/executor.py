"""Writing to the calendars, one item at a time, so that a crash anywhere costs a look and never a duplicate.

Every write: 1. the calendar is searched for the booking (before a create), 2. the intent is journalled, 3. the calendar
acts, 4. the result is journalled. What was planned and has no result is looked up before anything else is done. A
calendar that refuses one item does not keep the others from being written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

from dovetail.connector.calendars.port import CalendarError, CalendarPort, Item, ItemChanged, ItemGone
from dovetail.connector.sync.journal import Journal
from dovetail.connector.sync.planner import Create, Operation, Update, failed
from dovetail.connector.sync.state import Link, LinkKey, Memory, Step
from dovetail.protocol.messages import ItemOutcome
from dovetail.schedule.instants import to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval


class Result(Enum):
    CREATED = auto()
    UPDATED = auto()
    ADOPTED = auto()  # an item for the booking was there already
    ELSEWHERE = auto()  # only a copy was there: the User's own
    CHANGED = auto()  # the User was faster: look again at the next sync
    FAILED = auto()


@dataclass(frozen=True)
class Done:
    result: Result
    link: Link | None = None
    item: Item | None = None


class Executor:
    """Does what the planner says, and keeps the journal."""

    def __init__(self, calendars: CalendarPort, journal: Journal) -> None:
        self._calendars = calendars
        self._journal = journal
        self._identity = journal.identity

    def recover(self, memory: Memory) -> Memory:
        """Find out what became of the writes that were under way when the process ended. Those that cannot be looked up
        stay planned; a create searches anew in any case."""
        for intent in self._journal.intents():
            if intent.step is not Step.PLANNED:
                continue
            key = (intent.booking, intent.calendar)
            try:
                found, _ = self._search(key, Interval(0, 1))
            except CalendarError:
                continue
            if found is None:
                self._journal.gave_up(key, None)
                continue
            link = link_of(found)
            wanted = memory.desired.get(intent.booking)
            if wanted is not None and wanted.revision == link.revision:
                # What we wrote, not what stands: a move by the User since then is still to be noticed.
                link = replace(link, start=wanted.start, end=wanted.end)
            self._journal.acted(key, link, None)
            memory = memory.with_item(key, link, None)
        return memory

    def perform(self, operation: Operation, link: Link | None, now: datetime) -> Done:
        """Do it; `link` is what is remembered of this item."""
        try:
            if isinstance(operation, Create):
                return self._create(operation)
            return self._update(operation)
        except (ItemChanged, ItemGone):
            self._journal.gave_up(operation.key, None)
            return Done(Result.CHANGED)
        except CalendarError as error:
            after = failed(link, operation, error.reason, transient=error.transient, now=now)
            self._journal.gave_up(operation.key, after)
            return Done(Result.FAILED, after)

    def _create(self, operation: Create) -> Done:
        booking, calendar = operation.key
        draft = operation.draft
        found, copy = self._search(operation.key, Interval(to_minutes(draft.start), to_minutes_ceil(draft.end)))
        if found is not None:
            return self._acted(Result.ADOPTED, operation, found)
        if copy is not None and copy.stamp is not None and copy.stamp.revision >= operation.revision:
            link = Link("", operation.revision, ItemOutcome.ELSEWHERE, draft.start, draft.end, draft.show_as)
            self._journal.acted(operation.key, link, None)
            return Done(Result.ELSEWHERE, link)
        self._journal.plan(operation.key, operation.revision)
        stamp = self._identity.stamp(booking, operation.revision, draft.digest())
        return self._acted(Result.CREATED, operation, self._calendars.create(calendar, draft, stamp))

    def _update(self, operation: Update) -> Done:
        booking, calendar = operation.key
        draft = operation.draft
        self._journal.plan(operation.key, operation.revision)
        stamp = self._identity.stamp(booking, operation.revision, draft.digest(), operation.handle)
        item = self._calendars.update(calendar, operation.handle, operation.version, draft, stamp)
        return self._acted(Result.UPDATED, operation, item)

    def _acted(self, result: Result, operation: Operation, item: Item) -> Done:
        link = link_of(item)
        self._journal.acted(operation.key, link, item)
        return Done(result, link, item)

    def _search(self, key: LinkKey, window: Interval) -> tuple[Item | None, Item | None]:
        """The booking's own item in a calendar, else the copy of it with the highest revision."""
        booking, calendar = key
        stamped = [
            item
            for item in self._calendars.find_by_booking(calendar, booking, window)
            if self._identity.stamped(item) == booking
        ]
        originals = sorted((item for item in stamped if item.is_original()), key=lambda item: item.handle)
        copies = sorted(
            (item for item in stamped if not item.is_original()),
            key=lambda item: item.stamp.revision if item.stamp else 0,
        )
        return next(iter(originals), None), next(reversed(copies), None)


def link_of(item: Item) -> Link:
    """What is remembered of an item that carries our stamp."""
    if item.stamp is None or item.current is None:
        raise CalendarError("The calendar shows a booking's item without what Dovetail wrote on it.")
    current = item.current
    return Link(item.handle, item.stamp.revision, ItemOutcome.WRITTEN, current.start, current.end, current.show_as)
