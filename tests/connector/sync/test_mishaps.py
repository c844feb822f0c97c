"""When messages, processes, databases, clocks or calendars fail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.sync.crashing import POINTS, CrashingJournal
from connector.sync.model_server import Booking
from connector.sync.telling import apart, booked, full_week, outcome_of, state_of
from connector.sync.world import World, block
from dovetail.connector.calendars.memory import STEPS, Died, Trouble
from dovetail.connector.calendars.port import CalendarError
from dovetail.connector.link.port import Disconnected, Unreachable
from dovetail.connector.sync.runs import Outcome
from dovetail.protocol.messages import BookingState, ItemOutcome, Roles


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


def test_a_write_that_failed_is_no_trouble_any_more_once_the_booking_is_canceled(world: World) -> None:
    world.sync()
    booking = world.server.book(world.at(3, 10), world.at(3, 11))

    def refuse(step: str) -> None:
        if step == "create.before":
            raise CalendarError("The calendar is full. Delete something.", transient=False)

    world.calendar.crash_points = refuse
    assert world.sync().failed == 2
    world.server.cancel(booking)
    assert world.sync().outcome is Outcome.OK
    assert world.reported(booking) is None


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


@pytest.mark.parametrize(("many", "sees"), [(3, 0), (20, 0), (20, 1)])
def test_a_lost_database_and_a_deletion_that_comes_true_lose_nothing(world: World, many: int, sees: int) -> None:
    """That items of bookings were deleted vouches for nothing else."""
    apart(world, many)
    deleted = [booked(world, day, 20) for day in range(7, 13)]
    world.sync()
    before = world.busy_on_server()
    world.database_is_lost()
    world.calendar.trouble("main", Trouble(sees=sees))
    world.sync()
    for booking in deleted:
        world.calendar.user_deletes("main", world.item(booking).handle)
    world.sync()
    booked(world, 13, 20)
    world.passes(timedelta(minutes=11))
    world.sync()
    assert world.busy_on_server() == before


@pytest.mark.parametrize("many", [3, 30])
def test_a_lost_database_and_a_failing_scan_lose_nothing(world: World, many: int) -> None:
    apart(world, many)
    world.sync()
    before = world.busy_on_server()
    world.database_is_lost()
    world.calendar.trouble("main", Trouble(sees=1, complete=False))
    world.sync()
    assert world.busy_on_server() == before
    assert world.server.refusals == 0


def test_a_lost_database_and_a_failing_scan_double_no_booking(world: World) -> None:
    booking = booked(world)
    world.database_is_lost()
    world.calendar.trouble("main", Trouble(sees=0, complete=False))

    assert world.sync().adopted == 1
    assert world.item(booking)
    assert outcome_of(world, booking) is ItemOutcome.WRITTEN


def test_a_lost_database_makes_no_new_item_beside_the_one_the_user_moved_away(world: World) -> None:
    booking = booked(world)
    moved = world.calendar.user_moves_to("main", world.item(booking).handle, "main")
    world.database_is_lost()

    assert world.sync().created == 0
    assert [item.handle for item in world.calendar.items("main")] == [moved]
    assert outcome_of(world, booking) is ItemOutcome.ELSEWHERE


def test_a_calendar_program_that_does_not_answer_loses_nothing(world: World) -> None:
    full_week(world)
    booked(world)
    before = world.server.snapshot()

    def refuse(step: str) -> None:
        if step == "list":
            raise CalendarError("Outlook is not running.")

    world.calendar.crash_points = refuse
    for lost in (False, True):
        if lost:
            world.database_is_lost()
        report = world.sync()
        assert report.outcome is Outcome.DEGRADED
        assert [problem.reason for problem in report.problems] == ["Outlook is not running."]
        assert world.server.state == before


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


def test_a_restored_server_that_has_gone_on_meanwhile_gets_its_way_too(world: World) -> None:
    """Its count of changes has passed the cursor again: only the roots tell."""
    booking = booked(world)
    snapshot = world.server.snapshot()
    world.server.reschedule(booking, world.at(5, 15), world.at(5, 16))
    world.sync()

    world.server.state = snapshot
    for hour in (8, 12, 16):
        world.server.book(world.at(7, hour), world.at(7, hour + 1))
    world.sync()
    assert world.item(booking).fields.start == world.at(3, 10)


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
