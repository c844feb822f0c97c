"""Booking, moving and canceling: what happens to the times, and to the rows behind them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dovetail.server.bookings.errors import NotBookable, SlotTaken, StaleRevision, WrongStatus
from dovetail.server.bookings.models import Actor, Booking, Claim, Hold, Status
from dovetail.server.bookings.place import (
    HOLD_TIME,
    MOST_HOLDS,
    approve,
    cancel,
    decline,
    finish,
    hold,
    mark_no_show,
    move_from_calendar,
    place,
    reschedule,
)
from dovetail.server.pages.models import EventType
from server.people import ADA, BOB, NOW, a_host, at, busy_in_calendar, connect, event_type_of

pytestmark = pytest.mark.django_db


def test_an_open_time_is_booked_and_claimed() -> None:
    host = a_host()
    booking = place(event_type_of(host), at(9), ADA, now=NOW)
    assert (booking.status, booking.start, booking.end) == (Status.SCHEDULED, at(9), at(9, 30))
    assert Claim.objects.filter(host=host, booking=booking).count() == 6


def test_a_booked_time_is_taken_and_the_next_one_is_not() -> None:
    event_type = event_type_of(a_host())
    place(event_type, at(9), ADA, now=NOW)
    with pytest.raises(SlotTaken):
        place(event_type, at(9), BOB, now=NOW)
    place(event_type, at(9, 30), BOB, now=NOW)


@pytest.mark.parametrize(
    "when", [at(7, 30), at(16), at(9, 5), at(9, days=5), at(9, days=70), at(9) + timedelta(seconds=1)]
)
def test_a_time_the_page_does_not_offer_is_refused(when) -> None:
    with pytest.raises(NotBookable, match="not_open"):
        place(event_type_of(a_host()), when, ADA, now=NOW)
    assert not Booking.objects.exists()
    assert not Claim.objects.exists()


def test_busy_time_in_the_calendar_refuses() -> None:
    host = a_host()
    busy_in_calendar(connect(host), at(9), at(10))
    with pytest.raises(NotBookable):
        place(event_type_of(host), at(9, 30), ADA, now=NOW)
    place(event_type_of(host), at(10), ADA, now=NOW)


def test_a_buffer_keeps_meetings_apart_without_claiming_time() -> None:
    event_type = event_type_of(a_host(), buffer_after=30)
    booking = place(event_type, at(9), ADA, now=NOW)
    with pytest.raises(NotBookable):
        place(event_type, at(9, 30), BOB, now=NOW)
    place(event_type, at(10), BOB, now=NOW)
    assert booking.claims.count() == 6


def test_of_two_buffers_between_two_meetings_the_longer_counts() -> None:
    host = a_host()
    place(event_type_of(host, buffer_after=60), at(9), ADA, now=NOW)
    event_type = event_type_of(host, buffer_after=0, buffer_before=30)
    EventType.objects.create(page=event_type.page, slug="long", name="Long", buffer_after=60)
    Booking.objects.update(event_type=EventType.objects.get(slug="long"))
    with pytest.raises(NotBookable):
        place(event_type, at(10), BOB, now=NOW)
    place(event_type, at(10, 30), BOB, now=NOW)


def test_the_day_cap_counts_meetings_that_are_over_but_not_canceled_ones() -> None:
    event_type = event_type_of(a_host(), day_cap=2)
    place(event_type, at(9), ADA, now=NOW)
    canceled = place(event_type, at(10), ADA, now=NOW)
    with pytest.raises(NotBookable):
        place(event_type, at(11), BOB, now=NOW)
    cancel(canceled, Actor.CUSTOMER, now=NOW)
    finish(now=at(9, 45))
    place(event_type, at(11), BOB, now=at(9, 45))
    with pytest.raises(NotBookable):
        place(event_type, at(12), BOB, now=at(9, 45))
    place(event_type, at(12, days=1), BOB, now=at(9, 45))


def test_the_week_cap_counts_the_whole_week() -> None:
    event_type = event_type_of(a_host(), week_cap=1)
    place(event_type, at(9), ADA, now=NOW)
    with pytest.raises(NotBookable):
        place(event_type, at(9, days=4), BOB, now=NOW)
    place(event_type, at(9, days=7), BOB, now=NOW)


def test_a_repeated_call_with_the_same_key_is_one_booking() -> None:
    event_type = event_type_of(a_host())
    first = place(event_type, at(9), ADA, key="k", now=NOW)
    assert place(event_type, at(9), ADA, key="k", now=NOW) == first
    assert Booking.objects.count() == 1


def test_the_same_key_at_another_host_is_another_booking() -> None:
    first = place(event_type_of(a_host()), at(9), ADA, key="k", now=NOW)
    assert place(event_type_of(a_host()), at(9), ADA, key="k", now=NOW) != first


def test_a_hold_keeps_others_out_until_it_expires() -> None:
    event_type = event_type_of(a_host())
    hold(event_type, at(9), now=NOW)
    with pytest.raises(SlotTaken):
        place(event_type, at(9), BOB, now=NOW)
    late = NOW + HOLD_TIME
    place(event_type, at(9), BOB, now=late)
    assert not Hold.objects.exists()


def test_a_booking_takes_the_place_of_its_hold() -> None:
    event_type = event_type_of(a_host())
    kept = hold(event_type, at(9), now=NOW)
    booking = place(event_type, at(9), ADA, hold=kept.token, now=NOW)
    assert not Hold.objects.exists()
    assert set(Claim.objects.values_list("booking", flat=True)) == {booking.pk}


def test_the_lead_time_does_not_run_out_while_the_form_is_filled_in() -> None:
    event_type = event_type_of(a_host(), lead_time=60)
    kept = hold(event_type, at(9), now=at(8))
    place(event_type, at(9), ADA, hold=kept.token, now=at(8, 4))
    with pytest.raises(NotBookable):
        place(event_type, at(9, 30), BOB, now=at(8, 31))


def test_choosing_another_time_lets_go_of_the_first() -> None:
    event_type = event_type_of(a_host())
    first = hold(event_type, at(9), now=NOW)
    hold(event_type, at(10), instead_of=first.token, now=NOW)
    place(event_type, at(9), BOB, now=NOW)


def test_nobody_can_hold_a_whole_page() -> None:
    event_type = event_type_of(a_host())
    for number in range(MOST_HOLDS):
        hold(event_type, at(8 + number // 2, number % 2 * 30), now=NOW)
    assert hold(event_type, at(15), now=NOW) is None
    place(event_type, at(15), ADA, now=NOW)


def test_rescheduling_takes_the_new_time_and_frees_the_old() -> None:
    event_type = event_type_of(a_host())
    booking = place(event_type, at(9), ADA, now=NOW)
    moved = reschedule(booking, at(9, 30), now=NOW)
    assert (moved.status, moved.start, moved.revision) == (Status.RESCHEDULED, at(9, 30), 2)
    place(event_type, at(9), BOB, now=NOW)


def test_rescheduling_to_a_taken_time_changes_nothing() -> None:
    event_type = event_type_of(a_host())
    booking = place(event_type, at(9), ADA, now=NOW)
    place(event_type, at(10), BOB, now=NOW)
    with pytest.raises(SlotTaken):
        reschedule(booking, at(10), now=NOW)
    booking.refresh_from_db()
    assert (booking.start, booking.revision, booking.claims.count()) == (at(9), 1, 6)


def test_a_canceled_time_is_open_again() -> None:
    event_type = event_type_of(a_host())
    booking = cancel(place(event_type, at(9), ADA, now=NOW), Actor.CUSTOMER, "Ill", now=NOW)
    assert (booking.status, booking.actor, booking.cancel_reason, booking.revision) == (
        "canceled",
        "customer",
        "Ill",
        2,
    )
    assert cancel(booking, Actor.USER, now=NOW).actor == "customer"
    place(event_type, at(9), BOB, now=NOW)


def test_a_customer_cannot_cancel_what_has_begun_but_the_user_can() -> None:
    booking = place(event_type_of(a_host()), at(9), ADA, now=NOW)
    with pytest.raises(WrongStatus):
        cancel(booking, Actor.CUSTOMER, now=at(9))
    assert cancel(booking, Actor.USER, now=at(9)).status == Status.CANCELED


def test_each_change_has_the_next_number_for_the_connector() -> None:
    host = a_host()
    event_type = event_type_of(host)
    booking = place(event_type, at(9), ADA, now=NOW)
    other = place(event_type, at(10), BOB, now=NOW)
    moved = reschedule(booking, at(11), now=NOW)
    canceled = cancel(other, Actor.USER, now=NOW)
    host.refresh_from_db()
    assert (booking.seq, other.seq, moved.seq, canceled.seq, host.change_seq) == (1, 2, 3, 4, 4)


def test_saving_an_old_copy_of_a_user_does_not_turn_the_numbers_back() -> None:
    old = a_host()
    place(event_type_of(old), at(9), ADA, now=NOW)
    old.name = "New Name"
    old.save()
    old.refresh_from_db()
    assert (old.name, old.change_seq) == ("New Name", 1)


def test_a_booking_remembers_the_connection_it_was_made_under() -> None:
    connected, alone = a_host(), a_host()
    connect(connected, epoch=3)
    assert place(event_type_of(connected), at(9), ADA, now=NOW).epoch == 3
    assert place(event_type_of(alone), at(9), ADA, now=NOW).epoch is None


def test_changes_to_a_detached_booking_are_not_numbered() -> None:
    host = a_host()
    booking = place(event_type_of(host), at(9), ADA, now=NOW)
    Booking.objects.update(detached=True)
    assert reschedule(booking, at(10), now=NOW).seq == 1
    assert cancel(booking, Actor.USER, now=NOW).seq == 1
    host.refresh_from_db()
    assert host.change_seq == 1


class TestApproval:
    def stale(self, **changes):
        host = a_host()
        connect(host, last_contact=NOW - timedelta(hours=2))
        return event_type_of(host, **changes)

    def test_a_request_claims_nothing(self) -> None:
        event_type = self.stale()
        assert hold(event_type, at(9), now=NOW) is None
        first = place(event_type, at(9), ADA, now=NOW)
        second = place(event_type, at(9), BOB, now=NOW)
        assert (first.status, second.status, first.seq) == (Status.REQUESTED, Status.REQUESTED, 0)
        assert not Claim.objects.exists()

    def test_the_first_approval_gets_the_time(self) -> None:
        event_type = self.stale()
        first, second = (place(event_type, at(9), who, now=NOW) for who in (ADA, BOB))
        approved = approve(first, now=NOW)
        assert (approved.status, approved.actor, approved.epoch, approved.seq) == (Status.SCHEDULED, Actor.USER, 1, 1)
        assert approve(first, now=NOW).seq == 1
        with pytest.raises(SlotTaken):
            approve(second, now=NOW)
        assert decline(second, "Sorry").status == Status.CANCELED
        with pytest.raises(WrongStatus):
            approve(second, now=NOW)

    def test_a_customer_can_take_a_request_back(self) -> None:
        request = cancel(place(self.stale(), at(9), ADA, now=NOW), Actor.CUSTOMER, now=NOW)
        assert (request.status, request.seq) == (Status.CANCELED, 0)

    def test_a_request_is_not_approved_after_its_time(self) -> None:
        request = place(self.stale(), at(9), ADA, now=NOW)
        with pytest.raises(NotBookable, match="past"):
            approve(request, now=at(9))
        finish(now=at(9))
        request.refresh_from_db()
        assert (request.status, request.actor) == (Status.CANCELED, Actor.SERVER)

    def test_no_time_is_given_up_for_a_maybe(self) -> None:
        host = a_host()
        booking = place(event_type_of(host), at(9), ADA, now=NOW)
        connect(host, last_contact=NOW - timedelta(hours=2))
        with pytest.raises(NotBookable, match="approval"):
            reschedule(booking, at(10), now=NOW)


class TestFromTheCalendar:
    def test_a_move_ignores_hours_and_busy_time(self) -> None:
        host = a_host()
        connection = connect(host)
        booking = place(event_type_of(host), at(9), ADA, now=NOW)
        busy_in_calendar(connection, at(20), at(21))
        moved = move_from_calendar(booking, 1, at(20, 2), at(20, 47), now=NOW)
        assert (moved.status, moved.actor, moved.start, moved.end) == ("rescheduled", "user", at(20, 2), at(20, 47))
        assert (moved.revision, moved.seq, moved.claims.count()) == (2, 2, 10)

    def test_a_move_onto_another_booking_is_refused(self) -> None:
        event_type = event_type_of(a_host())
        booking = place(event_type, at(9), ADA, now=NOW)
        place(event_type, at(10), BOB, now=NOW)
        with pytest.raises(SlotTaken):
            move_from_calendar(booking, 1, at(10, 15), at(10, 45), now=NOW)

    def test_a_move_of_an_older_revision_is_stale(self) -> None:
        booking = place(event_type_of(a_host()), at(9), ADA, now=NOW)
        reschedule(booking, at(10), now=NOW)
        with pytest.raises(StaleRevision):
            move_from_calendar(booking, 1, at(11), at(11, 30), now=NOW)
        with pytest.raises(StaleRevision):
            cancel(booking, Actor.USER, revision=1, now=NOW)

    @pytest.mark.parametrize("end", [at(9), at(8), at(10, days=8)])
    def test_impossible_times_are_refused(self, end) -> None:
        booking = place(event_type_of(a_host()), at(10), ADA, now=NOW)
        with pytest.raises(NotBookable):
            move_from_calendar(booking, 1, at(9), end, now=NOW)

    def test_a_deleted_item_cancels(self) -> None:
        booking = place(event_type_of(a_host()), at(9), ADA, now=NOW)
        canceled = cancel(booking, Actor.USER, revision=1, now=NOW)
        assert (canceled.status, canceled.revision, canceled.seq) == (Status.CANCELED, 2, 2)


class TestTheClock:
    def test_a_meeting_is_completed_once_it_has_ended(self) -> None:
        booking = place(event_type_of(a_host()), at(9), ADA, now=NOW)
        finish(now=at(9, 29))
        booking.refresh_from_db()
        assert booking.status == Status.SCHEDULED
        finish(now=at(9, 30))
        booking.refresh_from_db()
        assert (booking.status, booking.actor) == (Status.COMPLETED, Actor.SERVER)

    def test_a_no_show_is_marked_from_the_start_on_and_keeps_its_time(self) -> None:
        event_type = event_type_of(a_host(), duration=60)
        booking = place(event_type, at(9), ADA, now=NOW)
        with pytest.raises(WrongStatus):
            mark_no_show(booking, now=at(8, 59))
        assert mark_no_show(booking, now=at(9, 10)).status == Status.NO_SHOW
        with pytest.raises(SlotTaken):
            place(event_type, at(9, 30), BOB, now=at(9, 15))

    def test_old_claims_and_holds_are_forgotten(self) -> None:
        event_type = event_type_of(a_host())
        place(event_type, at(9), ADA, now=NOW)
        hold(event_type, at(10), now=NOW)
        finish(now=at(9, days=8))
        assert not Claim.objects.exists()
        assert not Hold.objects.exists()


def test_an_event_type_that_is_switched_off_takes_no_bookings() -> None:
    with pytest.raises(NotBookable, match="gone"):
        place(event_type_of(a_host(), is_active=False), at(9), ADA, now=NOW)
