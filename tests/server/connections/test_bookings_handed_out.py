"""Bookings on their way to the calendar: which, after which cursor, and how their items are to look."""

from datetime import timedelta

import pytest

from dovetail.protocol.messages import BookingState, ShowAs
from dovetail.server.bookings import place
from dovetail.server.bookings.models import Actor, Booking, Status
from dovetail.server.connections import erasure, pairing, roles
from server.connections.reporter import HOME, TEAM, WORK, Reporter, item
from server.people import ADA, BOB, at, event_type_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def event_type(ada, connected):
    return event_type_of(ada, name="Intro call", location="Room 1")


def test_a_booking_is_handed_out_once(connected, event_type):
    booking = place.place(event_type, at(9), ADA)
    answer = connected.tell()
    (wanted,) = answer.bookings
    assert not answer.full
    assert (wanted.booking, wanted.revision, wanted.state) == (booking.pk, 1, BookingState.LIVE)
    assert (wanted.start, wanted.end, wanted.location) == (booking.start, booking.end, "Room 1")
    assert (wanted.show_as, wanted.calendars) == (ShowAs.BUSY, (WORK,))
    assert connected.tell().bookings == ()


def test_an_item_tells_who_comes_and_why_and_where_to_manage_it(connected, event_type):
    booking = place.place(event_type, at(9), ADA)
    (wanted,) = connected.tell().bookings
    assert wanted.subject == booking.subject
    for expected in (
        "Intro call",
        "Ada Lovelace",
        "ada@example.com",
        "About engines.",
        f"https://localhost/bookings/{booking.pk}/",
    ):
        assert expected in wanted.body
    assert booking.link_token not in wanted.body


def test_an_empty_line_is_left_out(connected, event_type):
    place.place(event_type, at(9), BOB)
    assert "\n\n" not in connected.tell().bookings[0].body


def test_a_canceled_booking_says_so_and_is_free(connected, event_type):
    booking = place.place(event_type, at(9), ADA)
    connected.tell()
    place.cancel(booking, Actor.CUSTOMER, "Ill")
    (wanted,) = connected.tell().bookings
    assert (wanted.revision, wanted.state, wanted.show_as) == (2, BookingState.CANCELED, ShowAs.FREE)
    assert wanted.subject == f"CANCELED: {booking.subject}"


def test_a_rescheduled_booking_is_the_same_item_at_its_new_time(connected, event_type):
    booking = place.place(event_type, at(9), ADA)
    connected.tell()
    place.reschedule(booking, at(11))
    (wanted,) = connected.tell().bookings
    assert (wanted.booking, wanted.revision, wanted.start) == (booking.pk, 2, at(11))


def test_copies_go_to_the_additional_calendars(connected, connection, event_type):
    roles.choose(connection, main=WORK, busy=[HOME], additional=[HOME])
    place.place(event_type, at(9), ADA)
    assert connected.tell().bookings[0].calendars == (WORK, HOME)


def test_a_request_is_not_handed_out_until_it_is_approved(connected, connection, event_type, clock):
    clock.forward(minutes=61)  # the calendar is stale: the page asks for approval
    booking = place.place(event_type, at(10), ADA)
    assert booking.status == Status.REQUESTED
    assert connected.tell().bookings == ()
    place.approve(booking)
    assert [wanted.booking for wanted in connected.tell().bookings] == [booking.pk]


def test_a_request_that_was_never_approved_is_nothing_to_a_calendar(connected, event_type, clock):
    clock.forward(minutes=61)
    place.decline(place.place(event_type, at(10), ADA))
    connected.cursor = ""
    assert connected.tell().bookings == ()


@pytest.mark.parametrize(
    "cursor",
    ["", "nonsense", "1.1-", "1.1--1", "1.1-999", "2.1-0", "1.0-0", "0.1-0", "1.1-" + "9" * 40, "1.1-٣", "1.1-1\n"],
)
def test_a_cursor_that_is_not_ours_is_answered_in_full(connected, event_type, cursor):
    booking = place.place(event_type, at(9), ADA)
    connected.tell()
    connected.cursor = cursor
    answer = connected.tell()
    assert answer.full
    assert [wanted.booking for wanted in answer.bookings] == [booking.pk]


def test_in_full_means_all_that_have_not_long_ended_and_canceled_ones_too(connected, event_type, clock):
    over = place.place(event_type, at(8), ADA)
    canceled = place.place(event_type, at(9, days=1), ADA)
    coming = place.place(event_type, at(10, days=3), BOB)
    place.cancel(canceled, Actor.USER)
    clock.now = over.end + timedelta(days=2, minutes=1)
    connected.cursor = ""
    assert {wanted.booking for wanted in connected.tell().bookings} == {canceled.pk, coming.pk}
    clock.now = over.end + timedelta(days=2)
    connected.cursor = ""
    assert over.pk in {wanted.booking for wanted in connected.tell().bookings}


def test_the_same_cursor_has_the_same_answer(connected, event_type):
    connected.tell()
    cursor = connected.cursor
    place.place(event_type, at(9), ADA)
    first = connected.tell().bookings
    connected.cursor = cursor
    assert connected.tell().bookings == first


def test_another_users_bookings_are_not_handed_out(connected, event_type, eve):
    place.place(event_type_of(eve), at(9), ADA)
    connected.cursor = ""
    assert connected.tell().bookings == ()


def test_after_a_reconnect_the_old_bookings_are_not_ours_any_more(connected, connection, event_type, ada, clock):
    old = place.place(event_type, at(9), ADA)
    connected.tell()
    erasure.erase(connection, actor="user")
    again = Reporter(pairing.connect(ada).connection, clock)
    again.begin()
    assert again.connection.epoch == 2
    place.cancel(Booking.objects.get(pk=old.pk), Actor.CUSTOMER)
    new = place.place(event_type, at(10), BOB)
    again.cursor = ""
    assert [wanted.booking for wanted in again.tell().bookings] == [new.pk]


def test_a_new_main_calendar_gets_new_bookings_and_what_was_written_stays_where_it_is(
    connected, connection, event_type
):
    written = place.place(event_type, at(9), ADA)
    waiting = place.place(event_type, at(10), BOB)
    connected.items = (item(written),)
    connected.tell()
    roles.choose(connection, main=HOME, busy=[WORK], additional=[])
    answer = connected.tell()
    assert answer.full
    assert {wanted.booking: wanted.calendars for wanted in answer.bookings} == {
        written.pk: (WORK,),
        waiting.pk: (HOME,),
    }


def test_a_copy_that_was_written_goes_on_being_kept_up(connected, connection, event_type):
    roles.choose(connection, main=WORK, busy=[HOME], additional=[HOME])
    connected.tell()
    booking = place.place(event_type, at(9), ADA)
    assert connected.tell().bookings[0].calendars == (WORK, HOME)
    connected.items = (item(booking), item(booking, HOME))
    connected.tell()
    roles.choose(connection, main=WORK, busy=[HOME], additional=[])
    assert connected.tell().bookings[0].calendars == (WORK, HOME)


def test_a_booking_whose_copy_alone_could_be_written_still_goes_to_the_main_calendar(connected, connection, event_type):
    roles.choose(connection, main=WORK, busy=[HOME], additional=[HOME])
    connected.tell()
    booking = place.place(event_type, at(9), ADA)
    connected.items = (item(booking, HOME),)
    connected.tell()
    connected.cursor = ""
    assert connected.tell().bookings[0].calendars == (WORK, HOME)


def test_without_a_main_calendar_nothing_is_handed_out_and_nothing_is_lost(connected, connection, event_type):
    booking = place.place(event_type, at(9), ADA)
    connection.calendars.update(is_main=False)
    assert connected.tell().bookings == ()
    roles.choose(connection, main=WORK, busy=[HOME, TEAM], additional=[])
    assert [wanted.booking for wanted in connected.tell().bookings] == [booking.pk]
