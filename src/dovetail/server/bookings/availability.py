"""When a User can be booked, read from the database: one query for each kind of thing, then :mod:`dovetail.schedule`.

Busy is what would put two things in one place: the User's other bookings, live holds of other Customers, the busy
blocks of the main booking calendar and the busy calendars, and items of bookings that the User moved by hand. An item
at an older revision than its booking is about to be moved or freed by the connector and blocks nothing.

The freshness gate (:func:`page_state`) says what a page does when the calendar has not been heard of. Without a
connected calendar only bookings close slots.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from django.db.models import Min, Q, QuerySet

from dovetail.protocol.messages import ItemOutcome, ShowAs, SyncMode
from dovetail.schedule.busymap import CHUNK_MINUTES
from dovetail.schedule.hours import DAY, Hours
from dovetail.schedule.instants import from_minutes, to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval
from dovetail.schedule.slots import SlotRules, is_bookable, slots
from dovetail.server.bookings.models import HELD_OR_PAST, Booking, Hold
from dovetail.server.connections.models import BusyChunk, ConnectedCalendar, Connection, ItemState, State
from dovetail.server.pages.models import BookingPage, EventType, StalePolicy

LONGEST_MEETING = timedelta(days=7)
"""No booking is longer, so those that reach into a range begin at most this much before it."""

_AROUND = 8 * DAY  # on either side: whole weeks for the caps, and what has long buffers


class Mode(StrEnum):
    OPEN = "open"
    APPROVAL = "approval"
    CLOSED = "closed"


@dataclass(frozen=True)
class PageState:
    """What a page does now; `reason` is ``""``, ``switched_off``, ``never_synced`` or ``stale``."""

    mode: Mode
    reason: str = ""


OPEN = PageState(Mode.OPEN)


@dataclass(frozen=True)
class Availability:
    """Everything that decides, as it was when it was read. `now`, `within` and starts are minutes since the epoch."""

    state: PageState
    hours: Hours
    rules: SlotRules
    busy: tuple[Interval, ...]
    booked: tuple[int, ...]

    def slots(self, now: int, within: Interval) -> list[int]:
        """The starts to offer; none when the page is closed. `within` must lie in what was read."""
        if self.state.mode is Mode.CLOSED:
            return []
        return slots(self.hours, self.rules, self.busy, self.booked, now, within)

    def is_bookable(self, start: int, now: int) -> bool:
        return is_bookable(start, self.hours, self.rules, self.busy, self.booked, now)


def availability(
    event_type: EventType, within: Interval, now: datetime, *, moving: Booking | None = None, hold: str = ""
) -> Availability:
    """What decides about starts in `within` (minutes). `moving` is a booking that makes room for itself, `hold` the
    token of a hold that the Customer asking has."""
    page, rules = event_type.page, event_type.rules()
    reach = Interval(within.start - rules.buffer_before, within.end + rules.duration + rules.buffer_after)
    connection = live_connection(page.user_id)
    meetings = _meetings(page.user_id, reach, moving)
    busy = [meeting.busy(rules) for meeting in meetings]
    busy += _holds(page.user_id, reach, now, hold)
    if connection is not None:
        busy += _calendar_busy(connection, reach)
        busy += _items_moved_by_hand(connection, reach, meetings, moving)
        busy += _not_looked_at(connection, reach)
    booked = tuple(to_minutes(meeting.start) for meeting in meetings if meeting.event_type == event_type.pk)
    return Availability(page_state(page, now, connection), page.hours(), rules, tuple(busy), booked)


def whole_horizon(event_type: EventType, now: datetime) -> Interval:
    """All starts that an event type can have at `now`."""
    return event_type.rules().bookable(to_minutes(now))


def live_connection(user_id: int) -> Connection | None:
    return next(iter(Connection.objects.filter(~Q(state=State.DISCONNECTED), user=user_id)), None)


def page_state(page: BookingPage, now: datetime, connection: Connection | None) -> PageState:
    """`connection` is the User's live one, if any.

    1. A page that is switched off, or whose calendar was chosen but never synced, is closed.
    2. In auto and real-time mode the calendar is stale when the connector has not been heard of for longer than the
       page allows. In manual mode silence says nothing: what counts is the age of the oldest busy time that blocks.
    3. What a page does about stale data is its policy.
    """
    if not page.is_open:
        return PageState(Mode.CLOSED, "switched_off")
    if connection is None:
        return OPEN
    seen = _last_seen(connection)
    if connection.state == State.PENDING_FIRST_SYNC or seen is None:
        return PageState(Mode.CLOSED, "never_synced")
    if now - seen <= timedelta(minutes=page.stale_after_minutes):
        return OPEN
    modes = {
        StalePolicy.ACCEPT.value: OPEN,
        StalePolicy.APPROVAL.value: PageState(Mode.APPROVAL, "stale"),
        StalePolicy.PAUSE.value: PageState(Mode.CLOSED, "stale"),
    }
    return modes[page.stale_policy]


def _last_seen(connection: Connection) -> datetime | None:
    if connection.mode != SyncMode.MANUAL:
        return connection.last_contact
    oldest: datetime | None = _blocking(connection).aggregate(at=Min("busy_as_of"))["at"]
    return oldest or connection.last_contact


def _blocking(connection: Connection) -> QuerySet[ConnectedCalendar]:
    return ConnectedCalendar.objects.filter(Q(is_main=True) | Q(is_busy=True), connection=connection)


class _Meeting(NamedTuple):
    booking: UUID
    revision: int
    start: datetime
    end: datetime
    event_type: int | None
    buffer_before: int | None
    buffer_after: int | None

    def busy(self, rules: SlotRules) -> Interval:
        """Between two meetings the longer of their two buffers is kept free. `schedule.slots` keeps those of `rules`,
        so this meeting is widened by what its own are longer."""
        start, end = _minutes(self.start, self.end)
        return Interval(
            start - max(0, (self.buffer_before or 0) - rules.buffer_after),
            end + max(0, (self.buffer_after or 0) - rules.buffer_before),
        )


def _meetings(host_id: int, reach: Interval, moving: Booking | None) -> list[_Meeting]:
    rows = Booking.objects.filter(
        host=host_id,
        status__in=HELD_OR_PAST,
        start__gte=from_minutes(reach.start - _AROUND) - LONGEST_MEETING,
        start__lt=from_minutes(reach.end + _AROUND),
    ).values_list(
        "id", "revision", "start", "end", "event_type", "event_type__buffer_before", "event_type__buffer_after"
    )
    meetings = [_Meeting(*row) for row in rows]
    return [meeting for meeting in meetings if moving is None or meeting.booking != moving.pk]


def _holds(host_id: int, reach: Interval, now: datetime, own: str) -> list[Interval]:
    live = Hold.objects.filter(host=host_id, expires_at__gt=now, **_meeting(reach)).values_list("token", "start", "end")
    return [_minutes(start, end) for token, start, end in live if token != own]


def _calendar_busy(connection: Connection, reach: Interval) -> list[Interval]:
    chunks = BusyChunk.objects.filter(
        Q(calendar__is_main=True) | Q(calendar__is_busy=True),
        calendar__connection=connection,
        index__gte=reach.start // CHUNK_MINUTES,
        index__lte=reach.end // CHUNK_MINUTES,
    )
    return [Interval(block[0], block[1]) for blocks in chunks.values_list("blocks", flat=True) for block in blocks]


def _not_looked_at(connection: Connection, reach: Interval) -> list[Interval]:
    """The days after those the connector's scan covered, as after a horizon was raised: they may be busy."""
    if connection.window_last is None:
        return []
    unseen = to_minutes(datetime.combine(connection.window_last + timedelta(days=1), time(), UTC))
    return [Interval(max(reach.start, unseen), reach.end)] if unseen < reach.end else []


def _items_moved_by_hand(
    connection: Connection, reach: Interval, meetings: list[_Meeting], moving: Booking | None
) -> list[Interval]:
    items = ItemState.objects.filter(connection=connection, outcome=ItemOutcome.WRITTEN, **_meeting(reach))
    rows = items.values_list("booking", "revision", "start", "end", "calendar", "show_as")
    where_they_belong = {meeting[:4] for meeting in meetings}
    moved = [row for row in rows if row[:4] not in where_they_belong and row[5] != ShowAs.FREE]
    if not moved:  # nearly always: the questions below are for those few
        return []
    blocking = set(_blocking(connection).values_list("key", flat=True))
    revisions = dict(Booking.objects.filter(pk__in=[row[0] for row in moved]).values_list("id", "revision"))
    return [
        _minutes(start, end)
        for booking, revision, start, end, calendar, _ in moved
        if calendar in blocking
        and revisions.get(booking, 0) <= revision
        and not (moving is not None and moving.pk == booking)
    ]


def _meeting(reach: Interval) -> dict[str, datetime]:
    return {"start__lt": from_minutes(reach.end), "end__gt": from_minutes(reach.start)}


def _minutes(start: datetime, end: datetime) -> Interval:
    return Interval(to_minutes(start), to_minutes_ceil(end))
