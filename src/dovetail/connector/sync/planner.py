"""What to tell the server and what to write into the calendars. Pure: a picture in, values out that can be printed.

The server owns a booking's time; the calendar owns everything else. For a booking's item in one of its calendars:

============  =====================  =========================  ============================
item \\ server  same revision          newer revision             canceled
============  =====================  =========================  ============================
as written    nothing                update                     update: CANCELED, free, kept
changed       nothing; moved and     update, the server's time  update
              switch on: MOVED       wins
gone          nothing; just now and  create once                nothing
              switch on: DELETED
elsewhere     nothing                create once                nothing
unknown       nothing                wait                       wait
copy          ignore: it is the User's own appointment
============  =====================  =========================  ============================

Feedback follows a change *since the last sync*, under the switch as it stands then: turning a switch on does not cancel
what was deleted while it was off. It concerns the main booking calendar only, and bookings that have not begun.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from dovetail.connector.calendars.port import Draft, Item
from dovetail.connector.sync.guards import View
from dovetail.connector.sync.keys import Identity
from dovetail.connector.sync.state import Link, LinkKey, Memory, draft_of
from dovetail.protocol.messages import (
    BookingState,
    Change,
    DesiredBooking,
    Feedback,
    FeedbackAnswer,
    FeedbackOutcome,
    ItemOutcome,
    Settings,
)
from dovetail.schedule.busy import BusyBlock
from dovetail.schedule.busymap import BusyMap
from dovetail.schedule.intervals import Interval

LONGEST_WAIT = timedelta(hours=6)


@dataclass(frozen=True)
class Place:
    """A booking's item in one calendar: what is wanted, what we remember, what is there."""

    key: LinkKey
    calendar_key: str
    wanted: DesiredBooking
    link: Link | None
    view: View
    original: Item | None

    @cached_property
    def draft(self) -> Draft:
        return draft_of(self.wanted)

    @property
    def is_current(self) -> bool:
        """The item was last written as it is wanted now. A revision alone may lie: a server restored from a backup
        gives the same number to something else."""
        stamp = self.original.stamp if self.original else None
        return stamp is not None and (stamp.revision, stamp.digest) == (self.wanted.revision, self.draft.digest())

    @property
    def is_unsure(self) -> bool:
        handle = self.original.handle if self.original else self.link.handle if self.link else ""
        return self.view.is_unsure(handle)


@dataclass(frozen=True)
class Picture:
    """All that a decision needs. `views` by the adapter's calendar id; `memory` as of now."""

    identity: Identity
    memory: Memory
    settings: Settings
    views: Mapping[str, View]
    now: datetime

    @cached_property
    def calendars(self) -> dict[str, str]:
        """Key to adapter's id, of the calendars that were looked at."""
        return {self.identity.key(calendar): calendar for calendar in self.views}

    @cached_property
    def blocking(self) -> frozenset[str]:
        """Keys of the calendars that block time."""
        roles = self.settings.roles
        return frozenset(key for key in (roles.main, *roles.busy) if key is not None)

    @cached_property
    def originals(self) -> dict[LinkKey, list[Item]]:
        """The items this pairing wrote, without the copies the User made of them. One for each key, if all is well."""
        found: dict[LinkKey, list[Item]] = {}
        for calendar, view in self.views.items():
            for _, item in sorted(pair for pair in view.items.items() if pair[1].stamp is not None):
                if (booking := self.identity.wrote(item)) is not None:
                    found.setdefault((booking, calendar), []).append(item)
        return found

    @cached_property
    def places(self) -> list[Place]:
        return [
            self._place(wanted, key, self.calendars[key])
            for wanted in self.memory.desired.values()
            for key in dict.fromkeys(wanted.calendars)
            if key in self.calendars
        ]

    def _place(self, wanted: DesiredBooking, calendar_key: str, calendar: str) -> Place:
        """Of several originals the one we know is taken, else the first; the others are left as they are."""
        key = (wanted.booking, calendar)
        link = self.memory.links.get(key)
        found = self.originals.get(key, [])
        linked = [item for item in found if link is not None and item.handle == link.handle]
        original = next(iter(linked or found), None)
        return Place(key, calendar_key, wanted, link, self.views[calendar], original)

    def is_stray(self, booking: UUID, item: Item) -> bool:
        """An item of this booking that is not its own item in one of its calendars: a copy, or moved there."""
        if self.identity.stamped(item) != booking:
            return False
        return not item.is_original() or all(place.key != (booking, item.calendar) for place in self.places)

    @cached_property
    def surplus(self) -> dict[str, int]:
        """How many originals too many a calendar has. Nothing is done about them but to say so."""
        counts: dict[str, int] = {}
        for place in self.places:
            if (extra := len(self.originals.get(place.key, ())) - 1) > 0:
                counts[place.key[1]] = counts.get(place.key[1], 0) + extra
        return counts


# --- busy time ----------------------------------------------------------------------------------------------------


def busy_map(picture: Picture, items: Mapping[str, Mapping[str, Item]], window: Interval) -> BusyMap:
    """The time that the main and the busy calendars block, without the items of bookings: the server knows their times
    from the items' own reports. Copies, items of an earlier pairing and of bookings that are over are ordinary."""
    exempt = {
        (place.key[1], place.original.handle)
        for place in picture.places
        if place.original is not None and (place.wanted.state is BookingState.LIVE or not place.is_current)
    }
    blocks: dict[str, list[BusyBlock]] = {}
    for key in picture.blocking & picture.calendars.keys():
        calendar = picture.calendars[key]
        blocks[key] = [
            block for handle, item in items[calendar].items() if (calendar, handle) not in exempt for block in item.busy
        ]
    return BusyMap.reduce(blocks, window)


# --- what became of the items -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Notice:
    """The links as they are seen to stand, and what the User's changes ask of the server."""

    before: Mapping[LinkKey, Link]
    links: Mapping[LinkKey, Link]
    feedback: Mapping[LinkKey, Feedback]

    def settled(self, answers: Collection[FeedbackAnswer]) -> dict[LinkKey, Link]:
        """The links to remember: a change the server has not decided on is to be noticed again."""
        decided = {answer.booking for answer in answers if answer.outcome is not FeedbackOutcome.HELD}
        open_ = {key for key in self.feedback if key[0] not in decided}
        return {key: self.before[key] if key in open_ else link for key, link in self.links.items()}


def vanished(picture: Picture) -> list[LinkKey]:
    """Items that were written and are surely not in their calendar any more: to be sought elsewhere."""
    return [place.key for place in picture.places if _vanished(place)]


def notice(picture: Picture, strays: Mapping[UUID, bool]) -> Notice:
    """`strays`: for each vanished booking whether an item of it turned up elsewhere; absent: that could not be told."""
    links = dict(picture.memory.links)
    feedback: dict[LinkKey, Feedback] = {}
    for place in picture.places:
        link = _noticed(place, strays)
        if link is None:
            links.pop(place.key, None)
        else:
            links[place.key] = link
            if place.link is not None and (change := _change(picture, place, place.link, link)) is not None:
                feedback[place.key] = change
    return Notice(picture.memory.links, links, feedback)


def _vanished(place: Place) -> bool:
    link = place.link
    return (
        place.original is None
        and link is not None
        and link.handle != ""
        and link.outcome not in (ItemOutcome.GONE, ItemOutcome.ELSEWHERE)
        and not place.is_unsure
    )


def _noticed(place: Place, strays: Mapping[UUID, bool]) -> Link | None:
    link, item, wanted = place.link, place.original, place.wanted
    if item is not None and item.stamp is not None:
        shown = item.current or place.draft
        seen = Link(item.handle, item.stamp.revision, ItemOutcome.WRITTEN, shown.start, shown.end, shown.show_as)
        if place.view.failure and not place.is_current:
            return replace(seen, outcome=ItemOutcome.UNKNOWN, reason=place.view.failure)
        failed = link is not None and link.outcome is ItemOutcome.FAILED and link.tried == wanted.revision
        if failed and link is not None and not place.is_current:
            return replace(
                seen,
                outcome=ItemOutcome.FAILED,
                reason=link.reason,
                tried=link.tried,
                attempts=link.attempts,
                next_try=link.next_try,
            )
        return seen
    if link is None or (link.revision == 0 and link.outcome is ItemOutcome.UNKNOWN):
        if place.view.failure and wanted.state is BookingState.LIVE:
            reason = place.view.failure
            return Link("", 0, ItemOutcome.UNKNOWN, wanted.start, wanted.end, wanted.show_as, reason)
        return None
    if link.outcome is ItemOutcome.FAILED and not link.handle and wanted.state is BookingState.CANCELED:
        return None  # it was never written, and no longer is to be
    if _vanished(place) and (stray := strays.get(wanted.booking)) is not None:
        return replace(link, outcome=ItemOutcome.ELSEWHERE if stray else ItemOutcome.GONE, reason="")
    return link


def _change(picture: Picture, place: Place, before: Link, after: Link) -> Feedback | None:
    """What the User did to the item since the last sync, if the server is to act on it."""
    wanted, settings = place.wanted, picture.settings
    concerned = (
        place.calendar_key == settings.roles.main
        and wanted.state is BookingState.LIVE
        and wanted.start > picture.now
        and before.outcome is ItemOutcome.WRITTEN
        and before.revision == wanted.revision
    )
    if not concerned:
        return None
    if after.outcome is ItemOutcome.GONE:
        if settings.delete_cancels and before.handle not in place.view.released:
            return Feedback(booking=wanted.booking, revision=wanted.revision, change=Change.DELETED)
        return None
    times = (after.start, after.end)
    moved = place.is_current and times not in ((before.start, before.end), (wanted.start, wanted.end))
    if moved and settings.move_reschedules and after.outcome is ItemOutcome.WRITTEN and after.start < after.end:
        return Feedback(
            booking=wanted.booking,
            revision=wanted.revision,
            change=Change.MOVED,
            start=after.start,
            end=after.end,
        )
    return None


# --- what to write ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Create:
    """A new item for a booking; the calendar is searched for one first."""

    key: LinkKey
    revision: int
    draft: Draft = field(repr=False)


@dataclass(frozen=True)
class Update:
    """The item at `handle`, last seen at `version`, is to look like `draft`."""

    key: LinkKey
    handle: str
    version: str
    revision: int
    draft: Draft = field(repr=False)


Operation = Create | Update


def operations(picture: Picture, *, urgent: bool = False) -> tuple[Operation, ...]:
    """The writes that bring the calendars to what the server wants. `urgent`: those that failed lately too."""
    return tuple(_operations(picture, urgent))


def _operations(picture: Picture, urgent: bool) -> Iterator[Operation]:
    for place in picture.places:
        link, item, wanted = place.link, place.original, place.wanted
        if place.is_unsure or (not urgent and _is_waiting(link, wanted.revision, picture.now)):
            continue
        if item is not None and item.stamp is not None:
            if not place.is_current or not item.stamp.handle:
                yield Update(place.key, item.handle, item.version, wanted.revision, place.draft)
        elif wanted.state is BookingState.LIVE and (link is None or link.revision != wanted.revision):
            yield Create(place.key, wanted.revision, place.draft)


def _is_waiting(link: Link | None, revision: int, now: datetime) -> bool:
    if link is None or link.next_try is None or link.tried != revision:
        return False
    return timedelta(0) < link.next_try - now <= LONGEST_WAIT


def failed(link: Link | None, operation: Operation, reason: str, *, transient: bool, now: datetime) -> Link:
    """The link after a write that the calendar refused: tried again after 1, 2, 4 … minutes, at the latest 6 hours."""
    draft = operation.draft
    before = link or Link("", 0, ItemOutcome.FAILED, draft.start, draft.end, draft.show_as)
    attempts = before.attempts + 1 if before.tried == operation.revision else 1
    wait = min(timedelta(minutes=1) * 2 ** min(attempts - 1, 20), LONGEST_WAIT) if transient else LONGEST_WAIT
    return replace(
        before,
        handle=operation.handle if isinstance(operation, Update) else "",
        outcome=ItemOutcome.FAILED,
        reason=reason[:300],
        tried=operation.revision,
        attempts=attempts,
        next_try=now + wait,
    )
