"""What the connector remembers between two syncs, as plain values.

None of it is precious: each part is rebuilt from the calendar (items carry stamps), from the server (an empty cursor
answers with all bookings, a mismatch with all digests), or is asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from dovetail.connector.calendars.port import CalendarInfo, Draft, Item
from dovetail.protocol.messages import (
    BookingState,
    DesiredBooking,
    ItemOutcome,
    Settings,
    ShowAs,
    SyncResponse,
    Window,
)
from dovetail.protocol.report import NO_CALENDARS, NO_ITEMS, root_digest
from dovetail.schedule.busymap import ChunkKey
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval

CANCELED_PREFIX = "CANCELED: "


@dataclass(frozen=True)
class Held:
    """A removal that waits. `since`: the first scan that showed it; `confirmed`: the User said that it is meant."""

    since: datetime
    confirmed: bool = False


class Part(StrEnum):
    """What of a calendar the server would not take."""

    BUSY = "busy"
    FEEDBACK = "feedback"


@dataclass(frozen=True)
class Base:
    """One calendar as last seen in `window`; `items` by handle. Items with an empty version are read again."""

    window: Interval
    items: Mapping[str, Item] = field(default_factory=dict)
    held: Mapping[str, Held] = field(default_factory=dict)

    def known(self, window: Interval) -> dict[str, str]:
        """Handle to version, for a scan of this very window."""
        if window != self.window:
            return {}
        return {handle: item.version for handle, item in self.items.items() if item.version}


@dataclass(frozen=True)
class Link:
    """A booking's item in one calendar, at the revision last written there (0: never).

    `start`, `end`, `show_as` are the item's own as last seen. `tried`, `attempts` and `next_try` belong to a write that
    failed: the revision it was for, how often, and when it is worth another.
    """

    handle: str
    revision: int
    outcome: ItemOutcome
    start: datetime
    end: datetime
    show_as: ShowAs
    reason: str = ""
    tried: int = 0
    attempts: int = 0
    next_try: datetime | None = None


LinkKey = tuple[UUID, str]  # booking, the adapter's calendar id


@dataclass(frozen=True)
class Acknowledged:
    """The digests of what the server holds, as far as we know."""

    calendars: str = NO_CALENDARS
    items: str = NO_ITEMS
    chunks: Mapping[ChunkKey, str] = field(default_factory=dict)

    @property
    def root(self) -> str:
        return root_digest(self.calendars, self.items, self.chunks)


@dataclass(frozen=True)
class Memory:
    """`calendars` as last listed, and those with a role that are not listed any more. `bases` and `links` go by the
    adapter's calendar ids, `refused` (removals the server would not take) by calendar key and part. `skew`: what to add
    to this computer's clock to have the server's. `settings` is None until the server told them.
    """

    calendars: tuple[CalendarInfo, ...] = ()
    bases: Mapping[str, Base] = field(default_factory=dict)
    links: Mapping[LinkKey, Link] = field(default_factory=dict)
    desired: Mapping[UUID, DesiredBooking] = field(default_factory=dict)
    settings: Settings | None = None
    cursor: str = ""
    acknowledged: Acknowledged = field(default_factory=Acknowledged)
    window: Window | None = None
    skew: timedelta = timedelta(0)
    refused: Mapping[tuple[str, Part], Held] = field(default_factory=dict)

    def taught(self, answer: SyncResponse, clock: datetime) -> Memory:
        """With what an answer says of settings, bookings and time; `clock` is this computer's."""
        desired = {} if answer.full else dict(self.desired)
        desired.update((wanted.booking, wanted) for wanted in answer.bookings)
        window = window_from(answer.server_time.date(), answer.settings.window_days)
        return replace(
            self,
            settings=answer.settings,
            cursor=answer.cursor,
            skew=answer.server_time - clock,
            desired=desired,
        ).without_past(interval_of(window))

    def with_item(self, key: LinkKey, link: Link, item: Item | None) -> Memory:
        """After a write of ours to a calendar, or one that failed."""
        booking, calendar = key
        bases = self.bases
        if item is not None and (base := bases.get(calendar)) is not None:
            bases = {**bases, calendar: replace(base, items={**base.items, item.handle: item})}
        return replace(self, links={**self.links, (booking, calendar): link}, bases=bases)

    def without_past(self, window: Interval) -> Memory:
        """Forget bookings that ended before the window, and items of bookings nobody speaks of: these are ordinary
        appointments from now on."""
        desired = {b: wanted for b, wanted in self.desired.items() if to_minutes(wanted.end) > window.start}
        if len(desired) == len(self.desired) and all(booking in desired for booking, _ in self.links):
            return self
        links = {key: link for key, link in self.links.items() if key[0] in desired}
        return replace(self, desired=desired, links=links)


class Step(StrEnum):
    """How far a write to a calendar has come. Once the server has acknowledged it, it is confirmed and forgotten."""

    PLANNED = "planned"  # it may have been done, or not
    ACTED = "acted"  # the calendar did it, the server does not know yet


@dataclass(frozen=True)
class Intent:
    """A write to a calendar, journalled before it is done."""

    booking: UUID
    calendar: str
    revision: int
    step: Step


def window_from(today: date, days: int) -> Window:
    """The UTC days a scan covers: yesterday, and `days` ahead."""
    return Window(first_day=today - timedelta(days=1), last_day=today + timedelta(days=days))


def interval_of(window: Window) -> Interval:
    return Interval(_midnight(window.first_day), _midnight(window.last_day + timedelta(days=1)))


def _midnight(day: date) -> int:
    return to_minutes(datetime(day.year, day.month, day.day, tzinfo=UTC))


def draft_of(wanted: DesiredBooking) -> Draft:
    """How the booking's items are to look. A canceled one is kept, says so, and blocks no time."""
    subject, show_as = wanted.subject, wanted.show_as
    if wanted.state is BookingState.CANCELED:
        show_as = ShowAs.FREE
        if not subject.startswith(CANCELED_PREFIX):
            subject = CANCELED_PREFIX + subject
    return Draft(wanted.start, wanted.end, subject, wanted.body, wanted.location, show_as)
