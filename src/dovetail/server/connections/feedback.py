"""Feedback: calendar to server, only where the User switched it on (original-connector 7.5).

=========  ==========  =====================================================================================
change     switch      effect
=========  ==========  =====================================================================================
deleted    on          canceled as if by the User on the page; the Customer is mailed
moved      on          rescheduled, reminders follow, nobody is mailed; another booking has that time: CONFLICT
either     off         SWITCHED_OFF
=========  ==========  =====================================================================================

Acted on only while the booking stands, has not begun, and has the revision the item was written at, else STALE: so
repeating a feedback is harmless. Only the item in the main booking calendar counts. More than max(5, 20 %) of the
standing bookings at once are HELD until the User confirms them in the connector.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from dovetail.protocol.messages import Change, Feedback, FeedbackAnswer, FeedbackOutcome
from dovetail.server.activity.models import Entry, record
from dovetail.server.bookings import place
from dovetail.server.bookings.errors import BookingRefused, NotBookable, SlotTaken
from dovetail.server.bookings.models import STANDING, Actor, Booking
from dovetail.server.connections import guard
from dovetail.server.connections.models import ConnectedCalendar, Connection, ItemState
from dovetail.server.connections.refusal import inconsistent


def act(
    connection: Connection, feedback: Iterable[Feedback], *, confirmed: bool, now: datetime
) -> tuple[FeedbackAnswer, ...]:
    """`confirmed`: the User said that so many are meant. `connection` is changed, not saved. Raises Refusal (422)."""
    wishes = tuple(feedback)
    bookings = _bookings(connection, wishes)
    verdicts = {wish.booking: _verdict(connection, wish, bookings.get(wish.booking), now) for wish in wishes}
    to_do = [wish for wish in wishes if verdicts[wish.booking] is FeedbackOutcome.ACCEPTED]
    standing = Booking.objects.filter(host=connection.user_id, status__in=STANDING, start__gt=now).count()
    hold = not confirmed and guard.too_many(len(to_do), standing)
    for wish in to_do:
        booking = bookings[wish.booking]
        verdicts[wish.booking] = FeedbackOutcome.HELD if hold else _do(connection, wish, booking, now)
    _note_held(connection, len(to_do) if hold else 0)
    return tuple(FeedbackAnswer(booking=booking, outcome=outcome) for booking, outcome in verdicts.items())


def _bookings(connection: Connection, wishes: tuple[Feedback, ...]) -> dict[UUID, Booking]:
    """The bookings spoken of, by id; those that nobody has are left out."""
    ids = {wish.booking for wish in wishes}
    if len(ids) != len(wishes):
        raise inconsistent("There are two feedbacks on one booking.")
    if any(wish.change is Change.MOVED and not _has_times(wish) for wish in wishes):
        raise inconsistent("A moved item has a start and a later end.")
    found = {booking.pk: booking for booking in Booking.objects.filter(pk__in=ids)}
    if any(booking.host_id != connection.user_id for booking in found.values()):
        raise inconsistent("The feedback speaks of a booking that this connection does not have.")
    return found


def _has_times(wish: Feedback) -> bool:
    return wish.start is not None and wish.end is not None and wish.start < wish.end


def _verdict(connection: Connection, wish: Feedback, booking: Booking | None, now: datetime) -> FeedbackOutcome:
    """ACCEPTED means: to be done, unless there are too many."""
    if booking is None or booking.detached or booking.epoch != connection.epoch:
        return FeedbackOutcome.STALE
    if booking.revision != wish.revision or not booking.stands or booking.start <= now:
        return FeedbackOutcome.STALE
    switch = connection.delete_cancels if wish.change is Change.DELETED else connection.move_reschedules
    if not switch or not _is_about_main(connection, wish.booking):
        return FeedbackOutcome.SWITCHED_OFF
    return FeedbackOutcome.ACCEPTED


def _is_about_main(connection: Connection, booking: UUID) -> bool:
    """Not when the items reported for the booking are all in other calendars: the main one has been changed since."""
    main = ConnectedCalendar.objects.filter(connection=connection, is_main=True).first()
    items = ItemState.objects.filter(connection=connection, booking=booking)
    return main is not None and (items.filter(calendar=main.key).exists() or not items.exists())


def _do(connection: Connection, wish: Feedback, booking: Booking, now: datetime) -> FeedbackOutcome:
    try:
        if wish.change is Change.DELETED:
            place.cancel(booking, Actor.USER, revision=wish.revision, now=now)
        elif wish.start is not None and wish.end is not None:
            place.move_from_calendar(booking, wish.revision, wish.start, wish.end, now=now)
        return FeedbackOutcome.ACCEPTED
    except (SlotTaken, NotBookable):
        _tell_conflict(connection, wish, booking)
        return FeedbackOutcome.CONFLICT
    except BookingRefused:
        return FeedbackOutcome.STALE


def _tell_conflict(connection: Connection, wish: Feedback, booking: Booking) -> None:
    """Once for each move, however often it is repeated."""
    assert wish.start is not None
    details = {"revision": wish.revision, "start": wish.start.isoformat()}
    kind = "booking.move_conflict"
    if not Entry.objects.filter(booking=booking, kind=kind, details=details).exists():
        record(connection.user, kind, "connector", booking, **details)


def _note_held(connection: Connection, count: int) -> None:
    if count and not connection.held_feedback:
        record(connection.user, "connection.feedback_held", "server", count=count)
    connection.held_feedback = count
