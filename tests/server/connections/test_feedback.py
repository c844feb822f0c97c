"""Feedback: what deleting and moving a booking's item in the calendar does, switch by switch."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import mail

from dovetail.protocol.messages import Change, Feedback, FeedbackOutcome
from dovetail.server.activity.models import Entry
from dovetail.server.bookings import place
from dovetail.server.bookings.models import Actor, Booking, Status
from dovetail.server.connections import roles
from dovetail.server.connections.models import Connection
from dovetail.server.connections.refusal import Refusal
from dovetail.server.jobs.models import Job
from server.connections.reporter import HOME, WORK, item
from server.people import ADA, BOB, at, event_type_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def event_type(ada, connected):
    return event_type_of(ada)


@pytest.fixture
def booking(event_type):
    return place.place(event_type, at(9, days=1), ADA)


def switch(connection, **switches):
    Connection.objects.filter(pk=connection.pk).update(**switches)


def deleted(booking, revision=1):
    return Feedback(booking=booking.pk, revision=revision, change=Change.DELETED)


def moved(booking, start, revision=1, minutes=30):
    end = start + timedelta(minutes=minutes)
    return Feedback(booking=booking.pk, revision=revision, change=Change.MOVED, start=start, end=end)


def outcome(connected, *feedback):
    return [answer.outcome for answer in connected.tell(*feedback).feedback]


def mails():
    return {job.args["mail"] for job in Job.objects.filter(kind="notifications.mail")}


ACCEPTED, STALE, CONFLICT = FeedbackOutcome.ACCEPTED, FeedbackOutcome.STALE, FeedbackOutcome.CONFLICT
SWITCHED_OFF, HELD = FeedbackOutcome.SWITCHED_OFF, FeedbackOutcome.HELD


def test_with_the_switches_off_nothing_happens(connected, booking):
    Job.objects.all().delete()
    assert outcome(connected, deleted(booking)) == [SWITCHED_OFF]
    assert outcome(connected, moved(booking, at(11, days=1))) == [SWITCHED_OFF]
    booking.refresh_from_db()
    assert (booking.status, booking.start) == (Status.SCHEDULED, at(9, days=1))
    assert mails() == set()


def test_one_switch_is_not_the_other(connected, connection, booking):
    switch(connection, move_reschedules=True)
    assert outcome(connected, deleted(booking)) == [SWITCHED_OFF]
    switch(connection, move_reschedules=False, delete_cancels=True)
    assert outcome(connected, moved(booking, at(11, days=1))) == [SWITCHED_OFF]


def test_deleting_cancels_as_the_user_and_the_customer_is_mailed(connected, connection, booking):
    switch(connection, delete_cancels=True)
    Job.objects.all().delete()
    answer = connected.tell(deleted(booking))
    assert [found.outcome for found in answer.feedback] == [ACCEPTED]
    booking.refresh_from_db()
    assert (booking.status, booking.actor, booking.revision) == (Status.CANCELED, Actor.USER, 2)
    assert "customer_canceled" in mails()
    assert [(wanted.booking, wanted.revision) for wanted in answer.bookings] == [(booking.pk, 2)]


def test_moving_reschedules_and_nobody_is_mailed(connected, connection, booking):
    switch(connection, move_reschedules=True)
    Job.objects.filter(kind="notifications.mail").delete()
    answer = connected.tell(moved(booking, at(11, days=1), minutes=45))
    assert [found.outcome for found in answer.feedback] == [ACCEPTED]
    booking.refresh_from_db()
    assert (booking.status, booking.actor) == (Status.RESCHEDULED, Actor.USER)
    assert (booking.start, booking.end) == (at(11, days=1), at(11, 45, days=1))
    assert mails() == set()
    assert not mail.outbox
    assert [(wanted.start, wanted.revision) for wanted in answer.bookings] == [(at(11, days=1), 2)]


def test_a_repeated_feedback_does_nothing_more(connected, connection, booking, event_type):
    switch(connection, delete_cancels=True, move_reschedules=True)
    other = place.place(event_type, at(14, days=1), BOB)
    wishes = deleted(booking), moved(other, at(15, days=1))
    assert outcome(connected, *wishes) == [ACCEPTED, ACCEPTED]
    entries, jobs = Entry.objects.count(), Job.objects.count()
    assert outcome(connected, *wishes) == [STALE, STALE]
    assert (Entry.objects.count(), Job.objects.count()) == (entries, jobs)


def test_a_newer_change_by_the_customer_wins(connected, connection, booking):
    switch(connection, delete_cancels=True, move_reschedules=True)
    place.reschedule(booking, at(13, days=1))
    answer = connected.tell(deleted(booking))
    assert [found.outcome for found in answer.feedback] == [STALE]
    assert [wanted.start for wanted in answer.bookings] == [at(13, days=1)]


def test_a_move_onto_another_booking_is_a_conflict_told_once(connected, connection, booking, event_type):
    switch(connection, move_reschedules=True)
    place.place(event_type, at(11, days=1), BOB)
    for _ in range(2):
        assert outcome(connected, moved(booking, at(11, 15, days=1))) == [CONFLICT]
    booking.refresh_from_db()
    assert (booking.status, booking.start, booking.revision) == (Status.SCHEDULED, at(9, days=1), 1)
    assert Entry.objects.filter(kind="booking.move_conflict", booking=booking).count() == 1


def test_a_conflict_does_not_undo_the_rest_of_the_sync(connected, connection, booking, event_type):
    switch(connection, move_reschedules=True, delete_cancels=True)
    other = place.place(event_type, at(11, days=1), BOB)
    connected.meet(WORK, at(16))
    assert outcome(connected, moved(booking, at(11, days=1)), deleted(other)) == [CONFLICT, ACCEPTED]
    assert connection.calendars.get(key=WORK).chunks.exists()


def test_a_meeting_of_a_month_is_no_meeting(connected, connection, booking):
    switch(connection, move_reschedules=True)
    assert outcome(connected, moved(booking, at(9, days=1), minutes=30 * 1440)) == [CONFLICT]


def test_what_has_begun_is_not_canceled_by_tidying_up(connected, connection, booking, clock):
    switch(connection, delete_cancels=True)
    clock.now = booking.start
    assert outcome(connected, deleted(booking)) == [STALE]


def test_bookings_of_an_earlier_epoch_are_left_alone(connected, connection, booking):
    switch(connection, delete_cancels=True)
    Booking.objects.update(detached=True)
    assert outcome(connected, deleted(booking)) == [STALE]
    Booking.objects.update(detached=False, epoch=0)
    assert outcome(connected, deleted(booking)) == [STALE]


def test_an_item_in_what_is_no_more_the_main_calendar_does_not_count(connected, connection, booking):
    switch(connection, delete_cancels=True)
    connected.items = (item(booking),)
    connected.tell()
    roles.choose(connection, main=HOME, busy=[WORK], additional=[])
    connected.tell()
    assert outcome(connected, deleted(booking)) == [SWITCHED_OFF]


def test_more_than_five_and_a_fifth_at_once_are_held(connected, connection, event_type):
    switch(connection, delete_cancels=True)
    bookings = [place.place(event_type, at(8 + n, days=1), ADA) for n in range(6)]
    assert outcome(connected, *map(deleted, bookings)) == [HELD] * 6
    assert Booking.objects.filter(status=Status.SCHEDULED).count() == 6
    connection.refresh_from_db()
    assert connection.held_feedback == 6
    outcome(connected, *map(deleted, bookings))
    assert Entry.objects.filter(kind="connection.feedback_held").count() == 1
    connected.confirmed = (WORK,)
    assert outcome(connected, *map(deleted, bookings)) == [ACCEPTED] * 6
    connection.refresh_from_db()
    assert connection.held_feedback == 0


def test_five_at_once_are_believed(connected, connection, event_type):
    switch(connection, delete_cancels=True)
    bookings = [place.place(event_type, at(8 + n, days=1), ADA) for n in range(6)]
    assert outcome(connected, *map(deleted, bookings[:5])) == [ACCEPTED] * 5


def test_a_booking_that_nobody_has_is_stale(connected, connection, booking):
    switch(connection, delete_cancels=True)
    assert outcome(connected, deleted(booking).model_copy(update={"booking": uuid4()})) == [STALE]


def test_another_users_booking_is_refused_and_nothing_changes(connected, connection, booking, eve):
    switch(connection, delete_cancels=True)
    hers = place.place(event_type_of(eve), at(9), BOB)
    with pytest.raises(Refusal):
        connected.tell(deleted(booking), deleted(hers))
    booking.refresh_from_db()
    assert booking.status == Status.SCHEDULED


@pytest.mark.parametrize("change", [{"start": None}, {"end": None}, {"end": at(8)}])
def test_a_move_without_sensible_times_is_refused(connected, booking, change):
    with pytest.raises(Refusal):
        connected.tell(moved(booking, at(11)).model_copy(update=change))


def test_two_wishes_for_one_booking_are_refused(connected, booking):
    with pytest.raises(Refusal):
        connected.tell(deleted(booking), moved(booking, at(11)))
