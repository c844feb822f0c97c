"""The only writer of bookings and holds.

Every function is one transaction: it locks the host, reads fresh rows, asks the function that drew the page
(:func:`dovetail.schedule.slots.is_bookable`), and writes behind the claims, which refuse an overlap on SQLite and
PostgreSQL alike. It raises a :class:`~dovetail.server.bookings.errors.BookingRefused` and changes nothing, or returns
the row as it now is.

`now` is for tests; everybody else leaves it out.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db.models import Q
from django.utils import timezone

from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval
from dovetail.schedule.slots import CELL_MINUTES
from dovetail.server.accounts.models import User
from dovetail.server.bookings.availability import LONGEST_MEETING, Availability, Mode, availability, live_connection
from dovetail.server.bookings.changes import number, tell
from dovetail.server.bookings.claims import claim, is_claimed, lock_host, writes
from dovetail.server.bookings.errors import NotBookable, SlotTaken, StaleRevision, WrongStatus
from dovetail.server.bookings.models import STANDING, Actor, Booking, Change, Claim, Hold, Status
from dovetail.server.pages.models import EventType

HOLD_TIME = timedelta(minutes=5)
MOST_HOLDS = 10
"""Live holds of one host; more Customers at once go without, so that nobody can hold up a whole page."""


@dataclass(frozen=True)
class Customer:
    name: str
    email: str
    zone: str
    note: str = ""


@writes
def hold(event_type: EventType, start: datetime, *, instead_of: str = "", now: datetime | None = None) -> Hold | None:
    """Keep the time for five minutes while the Customer fills in the form, and let go of the hold `instead_of`.

    A courtesy, so None where there is none: on a page that asks for approval, and beyond MOST_HOLDS.
    Raises SlotTaken, NotBookable.
    """
    now = now or timezone.now()
    host = lock_host(event_type.page.user_id)
    event_type = _fresh(event_type)
    _let_go(host, now, instead_of)
    found = _read(event_type, start, now)
    end = start + event_type.length
    _require(found, host, start, end, now)
    if found.state.mode is Mode.APPROVAL or Hold.objects.filter(host=host).count() >= MOST_HOLDS:
        return None
    kept = Hold.objects.create(
        token=secrets.token_urlsafe(32), host=host, start=start, end=end, expires_at=now + HOLD_TIME
    )
    claim(host, start, end, hold=kept)
    return kept


@writes
def place(
    event_type: EventType,
    start: datetime,
    customer: Customer,
    *,
    hold: str = "",
    key: str | None = None,
    now: datetime | None = None,
) -> Booking:
    """Book: scheduled, or requested where the page asks for approval now. A request claims no time.

    `hold` is the token the Customer got for this time, if any; the booking takes its place. `key` makes a repeated
    call return the booking of the first. Raises SlotTaken, NotBookable.
    """
    now = now or timezone.now()
    host = lock_host(event_type.page.user_id)
    if key and (same := Booking.objects.filter(host=host, idempotency_key=key).first()):
        return same
    event_type = _fresh(event_type)
    found = _read(event_type, start, now, hold=hold)
    end = start + event_type.length
    _require(found, host, start, end, _chosen_at(host, start, hold, now), hold=hold)
    _let_go(host, now, hold)
    booking = Booking(
        host=host,
        event_type=event_type,
        start=start,
        end=end,
        subject=_subject(event_type, customer, host),
        location=event_type.location,
        customer_name=customer.name,
        customer_email=customer.email,
        customer_zone=customer.zone,
        customer_note=customer.note,
        link_token=secrets.token_urlsafe(32),
        idempotency_key=key or None,
    )
    if found.state.mode is Mode.APPROVAL:
        booking.status = Status.REQUESTED
        booking.save(force_insert=True)
        tell(booking, Change.REQUESTED)
    else:
        booking.status = Status.SCHEDULED
        _begin_to_stand(booking, host)
        booking.save(force_insert=True)
        claim(host, start, end, booking=booking)
        tell(booking, Change.SCHEDULED)
    return booking


@writes
def approve(booking: Booking, *, now: datetime | None = None) -> Booking:
    """Schedule a requested booking. The User is not bound by hours or busy time, only by other bookings.

    Approving twice is once. Raises SlotTaken, NotBookable (past), WrongStatus.
    """
    now = now or timezone.now()
    host, booking = _locked(booking)
    if booking.stands:
        return booking
    _must(booking.status == Status.REQUESTED)
    if booking.start <= now:
        raise NotBookable("past")
    _let_go(host, now)
    booking.status, booking.actor = Status.SCHEDULED, Actor.USER
    _begin_to_stand(booking, host)
    booking.save()
    claim(host, booking.start, booking.end, booking=booking)
    tell(booking, Change.APPROVED)
    return booking


@writes
def decline(booking: Booking, reason: str = "") -> Booking:
    """Answer a request with no. Declining twice is once. Raises WrongStatus."""
    _, booking = _locked(booking)
    if booking.status == Status.CANCELED:
        return booking
    _must(booking.status == Status.REQUESTED)
    _end(booking, Actor.USER, reason)
    tell(booking, Change.DECLINED)
    return booking


@writes
def reschedule(booking: Booking, start: datetime, *, now: datetime | None = None) -> Booking:
    """The Customer takes another time: the new one is claimed and the old one let go, or nothing changes.

    Raises SlotTaken, NotBookable (also where the page asks for approval now: no time is given up for a maybe),
    WrongStatus.
    """
    now = now or timezone.now()
    host, booking = _locked(booking)
    _must(booking.stands and booking.start > now)
    if booking.start == start:
        return booking
    if booking.event_type is None:
        raise NotBookable("gone")
    found = _read(booking.event_type, start, now, moving=booking)
    if found.state.mode is Mode.APPROVAL:
        raise NotBookable("approval")
    end = start + booking.event_type.length
    _require(found, host, start, end, now, moving=booking)
    _let_go(host, now)
    before = booking.start
    _move(booking, host, start, end, Actor.CUSTOMER)
    tell(booking, Change.RESCHEDULED, before=before)
    return booking


@writes
def move_from_calendar(
    booking: Booking, revision: int, start: datetime, end: datetime, *, now: datetime | None = None
) -> Booking:
    """The User moved the booking's item in the calendar. Hours and busy time do not bind the User, other bookings do.

    No mail is sent: the User is taken to have agreed it with the Customer. Reminders follow. `revision` is the one the
    item was written at. Raises SlotTaken, StaleRevision, NotBookable (no meeting has these times), WrongStatus.
    """
    now = now or timezone.now()
    host, booking = _locked(booking)
    _must_be_at(booking, revision)
    _must(booking.stands)
    if (booking.start, booking.end) == (start, end):
        return booking
    if not timedelta(0) < end - start <= LONGEST_MEETING:
        raise NotBookable("too_long")
    _let_go(host, now)
    before = booking.start
    _move(booking, host, start, end, Actor.USER)
    tell(booking, Change.MOVED, before=before)
    return booking


@writes
def cancel(
    booking: Booking,
    actor: Actor,
    reason: str = "",
    *,
    revision: int | None = None,
    now: datetime | None = None,
) -> Booking:
    """Cancel a booking or take back a request. Canceling twice is once.

    `revision` is for the calendar, where the User deleted the item that was written at it; all else is as if the User
    had canceled here. A Customer cannot cancel what has begun. Raises StaleRevision, WrongStatus.
    """
    now = now or timezone.now()
    host, booking = _locked(booking)
    if booking.status == Status.CANCELED:
        return booking
    if revision is not None:
        _must_be_at(booking, revision)
    _must(booking.stands or booking.status == Status.REQUESTED)
    _must(actor != Actor.CUSTOMER or booking.start > now)
    if booking.stands:
        booking.claims.all().delete()
        booking.revision += 1
        number(booking, host)
    _end(booking, actor, reason)
    tell(booking, Change.CANCELED, from_calendar=revision is not None)
    return booking


@writes
def mark_no_show(booking: Booking, *, now: datetime | None = None) -> Booking:
    """The Customer did not come. From the start of the meeting on; the calendar is not touched. Raises WrongStatus."""
    now = now or timezone.now()
    _, booking = _locked(booking)
    if booking.status == Status.NO_SHOW:
        return booking
    _must(booking.status in (*STANDING, Status.COMPLETED) and booking.start <= now)
    booking.status, booking.actor = Status.NO_SHOW, Actor.USER
    booking.save(update_fields=["status", "actor"])
    tell(booking, Change.NO_SHOW)
    return booking


@writes
def finish(*, now: datetime | None = None, at_most: int = 100) -> None:
    """What the clock does: meetings that ended are completed, requests whose time came unanswered expire, and holds
    and claims of the past are forgotten."""
    now = now or timezone.now()
    ended = Q(status__in=STANDING, end__lte=now)
    unanswered = Q(status=Status.REQUESTED, start__lte=now)
    due = Booking.objects.filter(ended | unanswered).select_related("event_type__page").order_by("host", "start")
    for host_id, _ in groupby(due[:at_most], key=lambda booking: booking.host_id):
        host = lock_host(host_id)
        for booking in due.filter(host=host)[:at_most]:
            booking.host = host
            if booking.stands:
                booking.status, booking.actor = Status.COMPLETED, Actor.SERVER
                booking.save(update_fields=["status", "actor"])
                tell(booking, Change.COMPLETED)
            else:
                _end(booking, Actor.SERVER, "Nobody answered the request in time.")
                tell(booking, Change.EXPIRED)
    Hold.objects.filter(expires_at__lte=now).delete()
    Claim.objects.filter(cell__lt=to_minutes(now - LONGEST_MEETING) // CELL_MINUTES).delete()


def _fresh(event_type: EventType) -> EventType:
    found = EventType.objects.select_related("page").filter(pk=event_type.pk, is_active=True).first()
    if found is None:
        raise NotBookable("gone")
    return found


def _locked(booking: Booking) -> tuple[User, Booking]:
    host = lock_host(booking.host_id)
    booking = Booking.objects.select_related("event_type__page").get(pk=booking.pk)
    booking.host = host
    return host, booking


def _must(holds: bool) -> None:
    if not holds:
        raise WrongStatus


def _must_be_at(booking: Booking, revision: int) -> None:
    if booking.revision != revision:
        raise StaleRevision


def _read(
    event_type: EventType, start: datetime, now: datetime, *, moving: Booking | None = None, hold: str = ""
) -> Availability:
    minute = to_minutes(start)
    return availability(event_type, Interval(minute, minute + 1), now, moving=moving, hold=hold)


def _require(
    found: Availability,
    host: User,
    start: datetime,
    end: datetime,
    now: datetime,
    *,
    moving: Booking | None = None,
    hold: str = "",
) -> None:
    if found.state.mode is Mode.CLOSED:
        raise NotBookable("closed")
    whole_minute = not (start.second or start.microsecond)
    if whole_minute and found.is_bookable(to_minutes(start), to_minutes(now)):
        return
    if is_claimed(host, start, end, but_for=moving, hold=hold):
        raise SlotTaken
    raise NotBookable("not_open")


def _chosen_at(host: User, start: datetime, hold: str, now: datetime) -> datetime:
    """The lead time is that of the moment the Customer chose the time: it must not run out while the form is filled."""
    kept = Hold.objects.filter(host=host, token=hold, start=start, expires_at__gt=now).first()
    return kept.expires_at - HOLD_TIME if kept else now


def _let_go(host: User, now: datetime, own: str = "") -> None:
    """Delete the expired holds of this host, and the Customer's own, with their claims."""
    Hold.objects.filter(host=host, expires_at__lte=now).delete()
    if own:
        Hold.objects.filter(host=host, token=own).delete()


def _begin_to_stand(booking: Booking, host: User) -> None:
    connection = live_connection(host.pk)
    booking.epoch = connection.epoch if connection else None
    number(booking, host)


def _move(booking: Booking, host: User, start: datetime, end: datetime, actor: Actor) -> None:
    booking.claims.all().delete()
    booking.start, booking.end = start, end
    booking.status, booking.actor = Status.RESCHEDULED, actor
    booking.revision += 1
    number(booking, host)
    booking.save()
    claim(host, start, end, booking=booking)


def _end(booking: Booking, actor: Actor, reason: str) -> None:
    booking.status, booking.actor, booking.cancel_reason = Status.CANCELED, actor, reason
    booking.save()


def _subject(event_type: EventType, customer: Customer, host: User) -> str:
    return f"{event_type.name}: {customer.name} and {host}"[:200]
