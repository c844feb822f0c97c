"""What a sync tells the server of the calendars, and what it costs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.sync.telling import booked, full_week, outcome_of
from connector.sync.world import World, block
from dovetail.connector.calendars.memory import HUNG
from dovetail.connector.sync.runs import Outcome
from dovetail.protocol.messages import ItemOutcome
from dovetail.schedule.busy import BusyStatus


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
    world.calendar.user_adds("main", *[block(world.at(day, 20)) for day in range(30)])
    for start in (past, ahead + timedelta(days=3)):
        world.adds(start)
    full_week(world)
    world.sync()
    assert world.is_busy(past)

    for day in range(1, 5):
        world.passes(timedelta(days=1))
        assert world.sync().requests == 1
        assert world.is_busy(world.at(20 + day, 20)), "a series goes on"

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


def test_ten_thousand_appointments_cost_one_small_request_when_nothing_changed(world: World) -> None:
    for number in range(10_000):
        world.calendar.user_adds("main", block(world.at(0, 0) + timedelta(minutes=3 * number), 0.5))
    assert world.sync().items_read == 10_000

    report = world.sync()

    assert (report.requests, report.items_read, report.items_seen) == (1, 0, 10_000)
    assert report.bytes_sent < 1000
