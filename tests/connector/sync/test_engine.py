"""What a sync does, told as the User, the Customer or the server would notice it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from connector.sync.crashing import POINTS, CrashingJournal
from connector.sync.model_server import Booking
from connector.sync.world import World, block, hours
from dovetail.connector.calendars.memory import HUNG, STEPS, Answer, Died, Trouble
from dovetail.connector.calendars.port import CalendarError
from dovetail.connector.link.port import Disconnected, Unreachable
from dovetail.connector.sync.runs import Outcome
from dovetail.protocol.messages import Access, BookingState, ItemOutcome, Roles, ShowAs
from dovetail.schedule.busy import BusyStatus


def booked(world: World, day: float = 3, hour: float = 10) -> UUID:
    """A booking that is in the calendar."""
    booking = world.server.book(world.at(int(day), hour), world.at(int(day), hour + 1))
    world.sync()
    assert world.item(booking)
    return booking


def state_of(world: World, booking: UUID) -> tuple[BookingState, int]:
    found = world.server.state.bookings[booking]
    return found.state, found.revision


def outcome_of(world: World, booking: UUID, calendar: str = "main") -> ItemOutcome:
    reported = world.reported(booking, calendar)
    assert reported is not None
    return reported.outcome


def full_week(world: World, calendar: str = "main", many: int = 30) -> list[str]:
    return [world.adds(world.at(1 + number % 10, 8 + number % 9), calendar=calendar) for number in range(many)]


# --- busy time ----------------------------------------------------------------------------------------------------


def test_it_works(world: World) -> None:
    world.adds(world.at(1, 9))
    world.adds(world.at(2, 9), calendar="busy")
    booking = world.server.book(world.at(3, 10), world.at(3, 11))

    report = world.sync()

    assert (report.outcome, report.created) == (Outcome.OK, 2)
    assert world.is_busy(world.at(1, 9))
    assert world.is_busy(world.at(2, 9), "busy")
    assert not world.is_busy(world.at(3, 10)), "the server knows the times of its own bookings"
    assert world.item(booking).fields.start == world.at(3, 10)
    assert outcome_of(world, booking) is ItemOutcome.WRITTEN


def test_a_sync_with_nothing_to_say_is_one_small_request(world: World) -> None:
    full_week(world)
    booked(world)

    report = world.sync()

    assert (report.requests, report.items_read, report.chunks_sent) == (1, 0, 0)
    assert report.bytes_sent < 1000
    assert len(world.calendar.writes) == 2


def test_busy_time_follows_the_calendar(world: World) -> None:
    moved, deleted = world.adds(world.at(1, 9)), world.adds(world.at(2, 9))
    full_week(world)
    world.sync()

    world.calendar.user_moves("main", moved, world.at(4, 20), world.at(4, 21))
    world.calendar.user_deletes("main", deleted)
    world.adds(world.at(5, 20), status=BusyStatus.FREE)
    report = world.sync()

    assert report.items_read == 2
    assert world.is_busy(world.at(4, 20))
    assert not world.is_busy(world.at(5, 20))


def test_calendars_without_a_role_are_not_looked_at(world: World) -> None:
    world.adds(world.at(1, 9), calendar="other")
    world.calendar.trouble("other", HUNG)
    assert world.sync().outcome is Outcome.OK
    assert world.server.state.chunks == {}


def test_the_day_rolls_on(world: World) -> None:
    past, ahead = world.at(0, 14), world.at(20, 9)
    for start in (past, ahead + timedelta(days=3)):
        world.adds(start)
    full_week(world)
    world.sync()
    assert world.is_busy(past)

    for _ in range(4):
        world.passes(timedelta(days=1))
        assert world.sync().requests == 1

    assert not world.is_busy(past)
    assert world.is_busy(ahead + timedelta(days=3))
    assert world.server.refusals == 0


@pytest.mark.parametrize(
    "wrong_by", [timedelta(days=-400), timedelta(hours=5), timedelta(days=30), timedelta(days=4000)]
)
def test_a_clock_that_is_wrong_or_jumps_loses_nothing(world: World, wrong_by: timedelta) -> None:
    full_week(world)
    booking = booked(world)
    before = world.busy_on_server()

    for error in (wrong_by, timedelta(0), -wrong_by):
        world.pc_error = error
        world.sync()
        assert world.busy_on_server() == before
        assert world.item(booking).fields.start == world.at(3, 10)
        assert max(world.server.state.busy_as_of.values()) <= world.time


# --- what is not seen is not gone ---------------------------------------------------------------------------------


@pytest.mark.parametrize("probe", [Answer.UNKNOWN, Answer.NOTHING], ids=["unknown", "even said to be gone"])
def test_a_calendar_that_answers_0_then_2_then_248_loses_nothing(world: World, probe: Answer) -> None:
    """The script of OGCS#1201, where both sides were wiped."""
    for number in range(248):
        world.adds(world.at(1, 0) + timedelta(minutes=90 * number), 1)
    booking = booked(world, 4, 2)
    world.server.delete_cancels = True
    before = world.busy_on_server()
    writes = len(world.calendar.writes)

    for sees, later in ((0, timedelta(minutes=6)), (2, timedelta(minutes=3)), (None, timedelta(hours=3))):
        world.calendar.trouble("main", Trouble(sees=sees, probe=probe if sees is not None else Answer.TRUTH))
        report = world.sync()
        assert world.busy_on_server() == before
        assert report.held == (0 if sees is None or probe is Answer.UNKNOWN else 249 - sees)
        world.passes(later)

    assert state_of(world, booking) == (BookingState.LIVE, 1)
    assert len(world.calendar.writes) == writes
    assert world.sync().outcome is Outcome.OK


@pytest.mark.parametrize(
    "trouble",
    [
        HUNG,
        Trouble(sees=0, complete=False),
        Trouble(sees=3, complete=False, probe=Answer.NOTHING),
        Trouble(sees=28, probe=Answer.UNKNOWN),
    ],
    ids=["hung", "nothing, incomplete", "a part, incomplete", "a part, the rest unknown"],
)
def test_what_was_not_seen_stays_busy_and_is_not_called_fresh(world: World, trouble: Trouble) -> None:
    full_week(world)
    world.sync()
    before, fresh = world.busy_on_server(), world.server.state.busy_as_of[world.key("main")]
    world.passes(hours(1))

    world.calendar.trouble("main", trouble)
    world.adds(world.at(15, 9), calendar="busy")
    report = world.sync()

    assert report.outcome is Outcome.DEGRADED
    assert world.busy_on_server() == before
    assert world.server.state.busy_as_of[world.key("main")] == fresh
    assert world.server.state.busy_as_of[world.key("busy")] == world.time
    assert world.is_busy(world.at(15, 9), "busy"), "the other calendar is not kept waiting"


def test_an_incomplete_scan_may_add(world: World) -> None:
    full_week(world)
    world.sync()
    before = world.busy_on_server()
    new = world.adds(world.at(9, 22))
    world.calendar.trouble("main", Trouble(sees=frozenset({new}), complete=False))

    world.sync()

    assert set(world.busy_on_server()) >= {*before, block(world.at(9, 22))}


def apart(world: World, many: int) -> list[str]:
    """Appointments that do not touch."""
    return [world.adds(world.at(1 + number // 6, 3 * (number % 6))) for number in range(many)]


def test_many_deletions_wait_until_a_second_look_ten_minutes_later(world: World) -> None:
    handles = apart(world, 30)
    world.sync()
    for handle in handles[:6]:
        world.calendar.user_deletes("main", handle)
    world.adds(world.at(12, 9))

    held = world.sync()
    assert (held.outcome, held.held) == (Outcome.HELD, 6)
    assert len(world.busy_on_server()) == 31, "additions go on"
    world.passes(timedelta(minutes=9))
    assert world.sync().held == 6
    world.passes(timedelta(minutes=1))
    assert world.sync().held == 0
    assert len(world.busy_on_server()) == 25


def test_fewer_than_a_fifth_go_at_once(world: World) -> None:
    handles = apart(world, 30)
    world.sync()
    for handle in handles[:5]:
        world.calendar.user_deletes("main", handle)
    assert world.sync().held == 0
    assert len(world.busy_on_server()) == 25


def test_the_user_can_confirm_what_is_held(world: World) -> None:
    handles = apart(world, 30)
    world.sync()
    for handle in handles[:20]:
        world.calendar.user_deletes("main", handle)
    assert world.sync().held == 20

    assert world.journal.confirm_removals() == 20
    world.calendar.user_deletes("main", handles[20])
    assert world.sync().held == 1, "what came after the User's word is not meant by it"
    assert len(world.busy_on_server()) == 10


def test_an_emptied_calendar_is_not_believed_at_once_however_small(world: World) -> None:
    handle = world.adds(world.at(1, 9))
    world.sync()
    world.calendar.user_deletes("main", handle)

    assert world.sync().outcome is Outcome.HELD
    assert world.is_busy(world.at(1, 9))
    assert world.journal.confirm_removals() == 1
    assert world.sync().outcome is Outcome.OK
    assert not world.is_busy(world.at(1, 9))


def test_an_item_that_cannot_be_read_is_told_and_stays_busy(world: World) -> None:
    full_week(world)
    broken = world.adds(world.at(12, 9))
    world.sync()

    for times_known in (True, False):
        world.calendar.break_item("main", broken, times_known=times_known)
        new = world.adds(world.at(13, 9 if times_known else 11))
        report = world.sync()
        assert report.outcome is Outcome.DEGRADED
        assert [(problem.calendar, problem.where) for problem in report.problems] == [("main", broken)]
        assert world.is_busy(world.at(12, 9))
        assert world.is_busy(world.at(13, 9 if times_known else 11)), f"{new} is not kept waiting"
    assert world.server.state.busy_as_of[world.key("main")] == world.time


def test_a_calendar_that_is_not_there_any_more_stays_busy_until_its_role_is_taken(world: World) -> None:
    world.adds(world.at(2, 9), calendar="busy")
    world.sync()

    world.calendar.hide("busy")
    world.sync()
    assert world.is_busy(world.at(2, 9), "busy")
    listed = {calendar.key: calendar.access for calendar in world.server.state.calendars}
    assert listed[world.key("busy")] is Access.UNREADABLE

    world.server.give_roles("main")
    world.sync()
    assert not world.is_busy(world.at(2, 9), "busy")


# --- bookings -----------------------------------------------------------------------------------------------------


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


# --- when things go wrong -----------------------------------------------------------------------------------------


def test_one_item_that_the_calendar_refuses_does_not_keep_the_others(world: World) -> None:
    world.sync()
    for day in range(3, 6):
        world.server.book(world.at(day, 10), world.at(day, 11))
    refusals = iter([True])

    def refuse(step: str) -> None:
        if step == "create.before" and next(refusals, False):
            raise CalendarError("The calendar is full. Delete something.", transient=False)

    world.calendar.crash_points = refuse
    report = world.sync("interval")

    assert (report.created, report.failed, report.outcome) == (5, 1, Outcome.DEGRADED)
    failed = [item for item in world.server.state.items if item.outcome is ItemOutcome.FAILED]
    assert [item.reason for item in failed] == ["The calendar is full. Delete something."]
    assert world.sync("interval").created == 0, "it is left alone for a while"
    assert world.sync("interval").requests == 1
    assert world.sync("manual").created == 1, "not when the User asks"


def test_a_user_who_is_faster_than_the_sync_is_not_overwritten(world: World) -> None:
    booking = booked(world)
    handle = world.item(booking).handle
    world.server.reschedule(booking, world.at(5, 15), world.at(5, 16))

    def user_acts(step: str) -> None:
        if step == "update.before":
            world.calendar.crash_points = lambda step: None
            world.calendar.user_edits("main", handle, body="My own words")

    world.calendar.crash_points = user_acts
    report = world.sync()
    assert report.to_repeat == 1
    assert world.calendar.item("main", handle).fields.body == "My own words"

    world.sync()
    assert world.item(booking).fields.start == world.at(5, 15)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("message", [0, 1, 2])
def test_a_lost_message_costs_a_repetition(world: World, when: str, message: int) -> None:
    full_week(world)
    booking = world.server.book(world.at(3, 10), world.at(3, 11))
    world.server.lose = [""] * message + [when]

    with pytest.raises(Unreachable):
        world.sync()
    assert world.journal.runs()[0].outcome is Outcome.UNREACHABLE

    world.sync()
    assert world.item(booking)
    assert outcome_of(world, booking) is ItemOutcome.WRITTEN
    assert world.sync().requests == 1


@pytest.mark.parametrize("step", [*STEPS, *POINTS])
@pytest.mark.parametrize("what", ["book", "reschedule", "delete"])
def test_the_process_may_end_at_any_step(world: World, step: str, what: str) -> None:
    world.journal_kind = CrashingJournal
    full_week(world)
    booking = booked(world)
    world.server.delete_cancels = True
    world.sync()
    if what == "book":
        other = world.server.book(world.at(4, 10), world.at(4, 11))
    elif what == "reschedule":
        world.server.reschedule(booking, world.at(5, 15), world.at(5, 16))
    else:
        world.calendar.user_deletes("main", world.item(booking).handle)

    if step in STEPS:
        world.calendar.die_at(step)
    CrashingJournal.dying_at = step if step in POINTS else ""
    try:
        world.sync("interval")
    except Died:
        world.ends()
    finally:
        CrashingJournal.dying_at = ""
        world.calendar.crash_points = lambda step: None

    world.sync()
    assert world.sync().requests == 1
    if what == "book":
        assert world.item(other)
        assert world.item(other).stamp.handle  # type: ignore[union-attr]
        assert outcome_of(world, other) is ItemOutcome.WRITTEN
    elif what == "reschedule":
        assert world.item(booking).fields.start == world.at(5, 15)
    else:
        assert state_of(world, booking) == (BookingState.CANCELED, 2)


def test_a_lost_database_costs_one_slow_sync_and_no_duplicate(world: World) -> None:
    full_week(world)
    bookings = [booked(world, day) for day in range(1, 5)]
    before, writes = world.busy_on_server(), len(world.calendar.writes)

    world.database_is_lost()
    world.sync()

    assert len(world.calendar.writes) == writes
    assert world.busy_on_server() == before
    assert all(world.item(booking) for booking in bookings)
    assert world.sync().requests == 1


def test_an_old_copy_of_the_database_does_no_harm(world: World) -> None:
    full_week(world)
    moved, deleted, canceled = (booked(world, day) for day in (1, 2, 3))
    world.server.delete_cancels = world.server.move_reschedules = True
    backup = world.database_is_copied()
    world.sync()

    new = booked(world, 5)
    world.server.reschedule(moved, world.at(7, 9), world.at(7, 10))
    world.server.cancel(canceled)
    world.calendar.user_deletes("main", world.item(deleted).handle)
    world.adds(world.at(9, 20))
    world.sync()
    bookings, busy = dict(world.server.state.bookings), world.busy_on_server()
    writes = len(world.calendar.writes)

    world.database_is_replaced_by(backup)
    world.sync()

    assert world.server.state.bookings == bookings
    assert world.busy_on_server() == busy
    assert len(world.calendar.writes) == writes
    assert world.item(new)
    assert world.sync().requests == 1


def test_a_lost_database_and_a_calendar_that_shows_nothing_lose_nothing(world: World) -> None:
    world.adds(world.at(1, 9))
    world.sync()
    world.database_is_lost()
    world.calendar.trouble("main", Trouble(sees=0))

    assert world.sync().outcome is Outcome.HELD
    assert world.is_busy(world.at(1, 9))
    world.calendar.trouble("main")
    assert world.sync().outcome is Outcome.OK


def test_a_lost_database_and_a_failing_scan_lose_nothing(world: World) -> None:
    full_week(world)
    world.sync()
    before = world.busy_on_server()
    world.database_is_lost()
    world.calendar.trouble("main", Trouble(sees=3, complete=False))
    world.sync()
    assert world.busy_on_server() == before


def test_a_server_restored_from_its_backup_gets_its_way(world: World) -> None:
    booking = booked(world)
    snapshot = world.server.snapshot()
    world.server.reschedule(booking, world.at(5, 15), world.at(5, 16))
    later = booked(world, 6)
    world.sync()

    world.server.state = snapshot
    world.sync()
    assert world.item(booking).fields.start == world.at(3, 10)
    assert world.is_busy(world.at(6, 10)), "an item of a booking nobody knows is ordinary busy time"
    assert world.calendar.items_of(later, "main")

    world.server.reschedule(booking, world.at(8, 15), world.at(8, 16))
    world.sync()
    assert world.item(booking).fields.start == world.at(8, 15)


def test_after_a_reconnect_old_bookings_are_the_users_own_appointments(world: World) -> None:
    booking = booked(world)
    item = world.calendar.item("main", world.item(booking).handle)
    as_it_was = (item.fields, item.stamp)
    world.ends()
    world.server.disconnect()

    world.sync()
    assert world.is_busy(world.at(3, 10))

    world.server.put(Booking(booking, world.at(9, 9), world.at(9, 10), (world.key("main"),)))
    world.sync()
    assert (item.fields, item.stamp) == as_it_was, "not even when the same booking comes back"


def test_a_server_that_speaks_of_another_pairing_is_not_believed(world: World) -> None:
    world.sync()
    engine = world.engine()
    world.server.epoch = 2
    with pytest.raises((AssertionError, Disconnected, Unreachable, Exception)):
        engine.sync()


def test_other_calendars_can_be_given_the_roles_at_any_time(world: World) -> None:
    world.adds(world.at(1, 9))
    world.adds(world.at(2, 9), calendar="other")
    world.sync()

    world.server.give_roles("other", busy=("copies",))
    world.sync()

    assert not world.is_busy(world.at(1, 9))
    assert world.is_busy(world.at(2, 9), "other")
    booking = world.server.book(world.at(3, 10), world.at(3, 11))
    world.sync()
    assert world.item(booking, "other")


def test_before_the_user_has_chosen_a_calendar_nothing_is_written_or_told(world: World) -> None:
    world.adds(world.at(1, 9))
    world.server.roles = Roles()
    report = world.sync()
    assert report.outcome is Outcome.OK
    assert len(world.server.state.calendars) == 4
    assert world.server.state.chunks == {}


def test_nothing_of_an_appointment_but_its_times_leaves_the_computer(world: World) -> None:
    booking = booked(world)
    secret = "Oncologist, second opinion"
    handle = world.calendar.user_adds("main", block(world.at(1, 9)), subject=secret, body=secret, location=secret)
    world.calendar.user_edits("main", world.item(booking).handle, body=secret, notes=secret, category=secret)
    world.sync()
    world.calendar.break_item("main", handle)
    world.sync()
    assert world.server.requests
    assert all("Oncologist" not in request.model_dump_json() for request in world.server.requests)
    assert "Oncologist" not in repr(world.journal.runs(10))
