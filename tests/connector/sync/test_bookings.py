"""What becomes of bookings in the calendar, and of what the User does to them there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.sync.telling import apart, booked, full_week, outcome_of, state_of
from connector.sync.world import World
from dovetail.connector.calendars.memory import HUNG
from dovetail.connector.sync.runs import Outcome
from dovetail.protocol.messages import BookingState, ItemOutcome, ShowAs


def test_a_rescheduled_booking_keeps_its_item_and_what_the_user_added(world: World) -> None:
    booking = booked(world)
    item = world.item(booking)
    world.calendar.user_edits("main", item.handle, category="Sales", notes="Bring coffee")

    world.server.reschedule(booking, world.at(5, 15), world.at(5, 16))
    report = world.sync()

    after = world.item(booking)
    assert (report.updated, report.requests) == (2, 2)
    assert (after.handle, after.fields.start) == (item.handle, world.at(5, 15))
    assert (after.category, after.notes) == ("Sales", "Bring coffee")
    assert world.reported(booking).revision == 2  # type: ignore[union-attr]


def test_a_canceled_booking_is_kept_and_blocks_nothing(world: World) -> None:
    booking = booked(world)
    world.server.cancel(booking)
    world.sync()

    fields = world.item(booking).fields
    assert fields.subject.startswith("CANCELED: ")
    assert fields.show_as is ShowAs.FREE
    assert not world.is_busy(world.at(3, 10))


def test_what_the_user_wrote_into_an_item_stays_until_the_booking_changes(world: World) -> None:
    booking = booked(world)
    handle = world.item(booking).handle
    world.calendar.user_edits("main", handle, body="My own words", show_as=ShowAs.TENTATIVE)
    world.sync()
    assert world.item(booking).fields.body == "My own words"
    assert world.reported(booking).show_as is ShowAs.TENTATIVE  # type: ignore[union-attr]

    world.server.annotate(booking, "asks for a vegetarian lunch")
    world.sync()
    assert "vegetarian" in world.item(booking).fields.body


def test_an_item_deleted_with_the_switch_off_is_left_so_and_made_again_once_when_rescheduled(world: World) -> None:
    booking = booked(world)
    full_week(world)
    world.sync()
    world.calendar.user_deletes("main", world.item(booking).handle)

    for _ in range(3):
        world.sync()
        assert world.calendar.items_of(booking, "main") == []
    assert outcome_of(world, booking) is ItemOutcome.GONE
    assert state_of(world, booking) == (BookingState.LIVE, 1)

    world.server.delete_cancels = True
    world.sync()
    assert state_of(world, booking) == (BookingState.LIVE, 1), "a switch does not reach back"

    world.server.reschedule(booking, world.at(5, 15), world.at(5, 16))
    world.sync()
    assert world.item(booking).fields.start == world.at(5, 15)
    world.calendar.user_deletes("main", world.item(booking).handle)
    world.sync()
    assert state_of(world, booking) == (BookingState.CANCELED, 3)


def test_deleting_with_the_switch_on_cancels_and_nothing_comes_back(world: World) -> None:
    booking = booked(world)
    full_week(world)
    world.server.delete_cancels = True
    world.sync()
    world.calendar.user_deletes("main", world.item(booking).handle)

    world.sync()
    world.sync()

    assert state_of(world, booking) == (BookingState.CANCELED, 2)
    assert world.server.state.bookings[booking].by == "user"
    assert world.calendar.items_of(booking, "main") == []


def test_tidying_up_yesterdays_meetings_cancels_none(world: World) -> None:
    booking = booked(world, 1)
    full_week(world)
    world.server.delete_cancels = True
    world.sync()
    world.passes(timedelta(days=1))
    world.calendar.user_deletes("main", world.item(booking).handle)
    world.sync()
    assert state_of(world, booking) == (BookingState.LIVE, 1)


def test_many_deletions_of_bookings_cancel_none_without_the_users_word(world: World) -> None:
    bookings = [booked(world, day) for day in range(1, 9)]
    world.server.delete_cancels = True
    world.sync()
    for booking in bookings:
        world.calendar.user_deletes("main", world.item(booking).handle)

    world.sync()
    assert all(state_of(world, booking) == (BookingState.LIVE, 1) for booking in bookings)
    world.journal.confirm_removals()
    world.sync()
    assert all(state_of(world, booking) == (BookingState.CANCELED, 2) for booking in bookings)


def test_many_deletions_that_time_alone_confirms_cancel_none(world: World) -> None:
    bookings = [booked(world, day) for day in range(1, 9)]
    world.server.delete_cancels = True
    world.sync()
    for booking in bookings:
        world.calendar.user_deletes("main", world.item(booking).handle)

    for _ in range(3):
        world.sync()
        world.passes(timedelta(minutes=11))

    assert all(state_of(world, booking) == (BookingState.LIVE, 1) for booking in bookings)
    assert {outcome_of(world, booking) for booking in bookings} == {ItemOutcome.GONE}


def test_a_deletion_the_server_holds_waits_for_the_users_word(world: World) -> None:
    """Few of the calendar's items, but many of the bookings."""
    full_week(world, many=60)
    bookings = [booked(world, day, 20) for day in range(1, 9)]
    world.server.delete_cancels = True
    world.sync()
    for booking in bookings:
        world.calendar.user_deletes("main", world.item(booking).handle)

    held = world.sync()
    assert (held.outcome, held.held) == (Outcome.HELD, 8)
    world.passes(timedelta(minutes=30))
    world.sync()
    assert all(state_of(world, booking) == (BookingState.LIVE, 1) for booking in bookings)
    world.journal.confirm_removals()
    assert world.sync().outcome is Outcome.OK
    assert all(state_of(world, booking) == (BookingState.CANCELED, 2) for booking in bookings)


def test_time_that_confirms_deletions_confirms_no_changes_of_bookings(world: World) -> None:
    handles = apart(world, 40)
    bookings = [booked(world, 9 + day, 20) for day in range(8)]
    world.server.move_reschedules = True
    world.sync()
    for handle in handles[:10]:
        world.calendar.user_deletes("main", handle)
    assert world.sync().held == 10
    world.passes(timedelta(minutes=11))
    for day, booking in enumerate(bookings):
        item = world.item(booking)
        world.calendar.user_moves("main", item.handle, world.at(9 + day, 6), world.at(9 + day, 7))

    world.sync()
    assert len(world.busy_on_server()) == 30, "the deletions are believed"
    assert world.sync().held == 8
    assert all(state_of(world, booking) == (BookingState.LIVE, 1) for booking in bookings)


def test_moving_with_the_switch_off_is_left_alone_and_told(world: World) -> None:
    booking = booked(world)
    world.calendar.user_moves("main", world.item(booking).handle, world.at(6, 9), world.at(6, 10))

    world.sync()
    world.server.move_reschedules = True
    world.sync()

    assert state_of(world, booking) == (BookingState.LIVE, 1)
    assert world.item(booking).fields.start == world.at(6, 9)
    assert world.reported(booking).start == world.at(6, 9)  # type: ignore[union-attr]


def test_moving_with_the_switch_on_reschedules(world: World) -> None:
    booking = booked(world)
    world.server.move_reschedules = True
    world.sync()
    world.calendar.user_moves("main", world.item(booking).handle, world.at(6, 9), world.at(6, 10))

    world.sync()

    after = world.server.state.bookings[booking]
    assert (after.start, after.revision, after.by) == (world.at(6, 9), 2, "user")
    assert world.item(booking, "copies").fields.start == world.at(6, 9), "the additional calendar follows"
    assert world.sync().requests == 1


def test_moving_onto_another_booking_is_a_conflict_and_said_once(world: World) -> None:
    booking, other = booked(world), booked(world, 6, 9)
    world.server.move_reschedules = True
    world.sync()
    world.calendar.user_moves("main", world.item(booking).handle, world.at(6, 9), world.at(6, 10))

    assert world.sync().feedback == 1
    assert world.sync().feedback == 0
    assert state_of(world, booking) == (BookingState.LIVE, 1)
    assert state_of(world, other) == (BookingState.LIVE, 1)


def test_the_customer_wins_when_both_move_it(world: World) -> None:
    booking = booked(world)
    world.server.move_reschedules = True
    world.sync()
    world.calendar.user_moves("main", world.item(booking).handle, world.at(6, 9), world.at(6, 10))
    world.server.reschedule(booking, world.at(7, 9), world.at(7, 10))

    world.sync()

    assert world.server.state.bookings[booking].by == "customer"
    assert world.item(booking).fields.start == world.at(7, 9)


@pytest.mark.parametrize("to", ["main", "busy", "copies", "other"])
def test_an_item_moved_to_another_calendar_is_an_ordinary_appointment_there(world: World, to: str) -> None:
    booking = booked(world)
    full_week(world)
    world.server.delete_cancels = world.server.move_reschedules = True
    world.sync()
    moved = world.calendar.user_moves_to("main", world.item(booking).handle, to)

    world.sync()

    assert state_of(world, booking) == (BookingState.LIVE, 1)
    assert outcome_of(world, booking) is ItemOutcome.ELSEWHERE
    if to in ("main", "busy"):
        assert world.is_busy(world.at(3, 10), to)
    world.server.cancel(booking)
    world.sync()
    assert not world.calendar.item(to, moved).fields.subject.startswith("CANCELED")


def test_nobody_is_canceled_while_it_cannot_be_sought_everywhere(world: World) -> None:
    booking = booked(world)
    full_week(world)
    world.server.delete_cancels = True
    world.sync()
    world.calendar.user_moves_to("main", world.item(booking).handle, "other")
    world.calendar.trouble("other", HUNG)

    world.sync()
    assert state_of(world, booking) == (BookingState.LIVE, 1)
    world.calendar.trouble("other")
    world.sync()
    assert state_of(world, booking) == (BookingState.LIVE, 1)
    assert outcome_of(world, booking) is ItemOutcome.ELSEWHERE


@pytest.mark.parametrize("where", ["main", "copies"])
def test_a_copy_of_an_item_is_the_users_own(world: World, where: str) -> None:
    booking = booked(world)
    full_week(world)
    world.server.delete_cancels = world.server.move_reschedules = True
    world.sync()
    copy = world.calendar.user_copies("main", world.item(booking).handle, where)
    world.calendar.user_moves(where, copy, world.at(8, 9), world.at(8, 10))
    before = world.calendar.item(where, copy)

    world.sync()
    world.server.reschedule(booking, world.at(5, 15), world.at(5, 16))
    world.sync()
    assert world.calendar.item(where, copy) == before
    if where == "main":
        assert world.is_busy(world.at(8, 9)), "a copy is ordinary busy time"

    world.calendar.user_deletes(where, copy)
    world.sync()
    assert state_of(world, booking) == (BookingState.LIVE, 2)


def test_the_item_in_an_additional_calendar_changes_nothing_on_the_server(world: World) -> None:
    booking = booked(world)
    full_week(world, "copies")
    world.server.delete_cancels = world.server.move_reschedules = True
    world.sync()
    world.calendar.user_moves("copies", world.item(booking, "copies").handle, world.at(8, 9), world.at(8, 10))
    world.sync()
    world.calendar.user_deletes("copies", world.item(booking, "copies").handle)
    world.sync()
    assert state_of(world, booking) == (BookingState.LIVE, 1)
    assert outcome_of(world, booking, "copies") is ItemOutcome.GONE
