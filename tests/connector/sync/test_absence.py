"""What is not seen is not gone: calendars that show less than they hold."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.sync.telling import apart, booked, full_week, outcome_of, state_of
from connector.sync.world import World, block, hours
from dovetail.connector.calendars.memory import HUNG, Answer, Trouble
from dovetail.connector.sync.runs import Outcome
from dovetail.protocol.messages import Access, BookingState, ItemOutcome


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


@pytest.mark.parametrize("confirms", [True, False])
def test_deletions_in_two_waves_end_with_one_word_of_the_user_or_two_looks(world: World, confirms: bool) -> None:
    """The second wave is held here while the server would not take the first."""
    handles = apart(world, 30)
    world.sync()
    for handle in handles[:7]:
        world.calendar.user_deletes("main", handle)
    assert world.sync().held == 7
    world.passes(timedelta(minutes=11))
    for handle in handles[7:15]:
        world.calendar.user_deletes("main", handle)
    assert world.sync().refused == ("main",)
    assert len(world.busy_on_server()) == 30

    if confirms:
        world.journal.confirm_removals()
    else:
        world.passes(timedelta(minutes=11))
    assert world.sync().outcome is Outcome.OK
    assert len(world.busy_on_server()) == 15


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


def test_an_item_that_a_look_does_not_find_and_a_search_does_is_not_gone(world: World) -> None:
    booking = booked(world)
    apart(world, 10)
    world.server.delete_cancels = True
    world.sync()
    others = {item.handle for item in world.calendar.items("main")} - {world.item(booking).handle}
    world.calendar.trouble("main", Trouble(sees=frozenset(others), probe=Answer.NOTHING))

    world.sync()
    assert state_of(world, booking) == (BookingState.LIVE, 1)
    assert outcome_of(world, booking) is ItemOutcome.WRITTEN
