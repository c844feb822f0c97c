"""The real sync engine and the real server, without a network: whatever people do, both ends agree in the end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dovetail.connector.calendars.memory import MemoryCalendar
from dovetail.connector.link.port import Disconnected, Refused, Unreachable
from dovetail.connector.sync.engine import About, Engine
from dovetail.connector.sync.journal import Journal
from dovetail.connector.sync.keys import Identity, calendar_key
from dovetail.connector.sync.runs import Outcome
from dovetail.protocol.messages import SyncMode
from dovetail.protocol.problems import ProblemCode
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.busymap import BusyMap
from dovetail.schedule.instants import to_minutes
from dovetail.server.bookings import place
from dovetail.server.bookings.errors import BookingRefused
from dovetail.server.bookings.models import STANDING, Actor, Booking, Status
from dovetail.server.connections import erasure, pairing, roles
from dovetail.server.connections.horizon import days_interval
from dovetail.server.connections.models import Connection, ItemState
from dovetail.server.connections.refusal import Refusal
from dovetail.server.connections.sync import InProcess
from server.connections.reporter import held_by_server
from server.connections.wire import Clock
from server.people import ADA, a_host, at, event_type_of

pytestmark = pytest.mark.django_db

ABOUT = About(version="1", platform="test", mode=SyncMode.AUTO)


class Link:
    """The server as the engine sees it. `lose`: "before" or "after" for the next message to be lost then."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self.server = InProcess(connection, clock)
        self.lose = ""

    def exchange(self, request):
        lost, self.lose = self.lose, ""
        if lost == "before":
            raise Unreachable("lost")
        try:
            answer = self.server.exchange(request)
        except Refusal as refusal:
            if refusal.details.code is ProblemCode.DISCONNECTED:
                raise Disconnected("ended") from None
            raise Refused(refusal.details) from refusal
        if lost == "after":
            raise Unreachable("lost")
        return answer


class World:
    def __init__(self, folder: Path, clock: Clock) -> None:
        self.clock = clock
        self.folder = folder
        self.host = a_host()
        self.event_type = event_type_of(self.host, duration=60, spacing=60)
        self.calendar = MemoryCalendar("main", "busy", "copies", now=clock)
        self.pair()

    def pair(self) -> None:
        self.connection = pairing.connect(self.host).connection
        self.link = Link(self.connection, self.clock)
        self.lose_memory()

    def lose_memory(self) -> None:
        self.folder = self.folder / "next"
        self.folder.mkdir()
        self.journal = Journal(
            self.folder / "journal.sqlite", Identity(self.connection.connector_id, self.connection.epoch)
        )

    def key(self, name: str) -> str:
        return calendar_key(self.connection.connector_id, name)

    def sync(self):
        return Engine(self.calendar, self.link, self.journal, ABOUT, now=self.clock).sync()

    def switch(self, **switches: bool) -> None:
        Connection.objects.filter(pk=self.connection.pk).update(**switches)

    def choose(self, main: str, busy: list[str], additional: list[str]) -> None:
        keys = (list(map(self.key, names)) for names in (busy, additional))
        roles.choose(self.connection, main=self.key(main), busy=next(keys), additional=next(keys))

    def adds(self, start, hours=1, calendar="main"):
        first = to_minutes(start)
        return self.calendar.user_adds(calendar, BusyBlock(first, first + 60 * hours, BusyStatus.BUSY))

    def items(self, booking: Booking, calendar="main"):
        return self.calendar.items_of(booking.pk, calendar)


@pytest.fixture
def world(tmp_path, clock):
    return World(tmp_path, clock)


def test_a_first_sync_connects_and_a_booking_appears_in_the_calendar(world):
    world.adds(at(12))
    assert world.sync().outcome is Outcome.OK
    world.connection.refresh_from_db()
    assert world.connection.state == "connected"
    booking = place.place(world.event_type, at(9), ADA)
    world.sync()
    (item,) = world.items(booking)
    assert item.fields.start == booking.start
    assert ItemState.objects.get(calendar=world.key("main")).outcome == "written"
    assert world.sync().requests == 1


def test_an_appointment_closes_its_slot_and_no_other(world):
    world.sync()
    place.place(world.event_type, at(9), ADA)
    world.adds(at(11))
    world.sync()
    with pytest.raises(BookingRefused):
        place.place(world.event_type, at(11), ADA)
    place.place(world.event_type, at(12), ADA)


def test_deleting_and_moving_follow_their_switches(world):
    world.sync()
    world.switch(delete_cancels=True, move_reschedules=True)
    first, second = (place.place(world.event_type, at(hour, days=1), ADA) for hour in (9, 11))
    world.sync()
    world.calendar.user_deletes("main", world.items(first)[0].handle)
    world.calendar.user_moves("main", world.items(second)[0].handle, at(13, days=1), at(14, days=1))
    world.sync()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == (Status.CANCELED, Status.RESCHEDULED)
    assert second.start == at(13, days=1)
    assert world.items(first) == []
    assert len(world.items(second)) == 1


def test_a_change_of_roles_is_settled_by_one_sync(world):
    world.adds(at(12), calendar="copies")
    world.adds(at(13), calendar="busy")
    world.sync()
    booking = place.place(world.event_type, at(9), ADA)
    world.sync()
    world.choose("copies", [], ["busy"])
    assert world.sync().outcome is Outcome.OK
    assert {key for key, _ in held_by_server(world.connection)} == {world.key("copies")}
    assert len(world.items(booking)) == 1
    assert world.items(booking, "copies") == []
    place.cancel(booking, Actor.CUSTOMER)
    world.sync()
    assert "CANCELED" in world.items(booking)[0].fields.subject


def test_a_disconnected_connector_is_told_and_a_reconnect_leaves_old_items_alone(world):
    world.sync()
    old = place.place(world.event_type, at(9, days=1), ADA)
    world.sync()
    erasure.erase(world.connection, actor="user")
    with pytest.raises(Disconnected):
        world.sync()
    world.pair()
    assert world.sync().outcome is Outcome.OK
    assert held_by_server(world.connection)  # the old item is ordinary busy time now
    place.cancel(Booking.objects.get(pk=old.pk), Actor.CUSTOMER)
    before = world.items(old)
    world.sync()
    assert world.items(old) == before


HOURS = st.integers(9, 15)
DAYS = st.integers(1, 4)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), DAYS, HOURS),
        st.tuples(st.just("book"), DAYS, HOURS),
        st.tuples(st.just("cancel"), st.integers(0, 9)),
        st.tuples(st.just("reschedule"), st.integers(0, 9), DAYS, HOURS),
        st.tuples(st.just("delete"), st.integers(0, 9)),
        st.tuples(st.just("move"), st.integers(0, 9), st.integers(1, 5)),
        st.tuples(st.just("switch"), st.booleans(), st.booleans()),
        st.tuples(
            st.just("roles"),
            st.sampled_from([("main", ["busy"], ["copies"]), ("main", [], []), ("busy", ["copies"], [])]),
        ),
        st.tuples(st.sampled_from(["sync", "lost before", "lost after", "no memory", "a day"])),
    ),
    max_size=16,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_people_do_two_clean_syncs_settle_it(steps, tmp_path_factory, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("django.utils.timezone.now", clock)
    world = World(tmp_path_factory.mktemp("world"), clock)
    world.sync()
    for step in steps:
        take(world, step)
    for _ in range(2):
        world.sync()
    assert world.sync().requests == 1
    assert held_by_server(world.connection) == seen_by_hand(world)
    for booking in Booking.objects.filter(host=world.host, status__in=STANDING):
        assert sum(len(world.items(booking, calendar)) for calendar in ("main", "busy")) <= 1


def take(world, step):
    bookings = list(Booking.objects.filter(host=world.host, status__in=STANDING, start__gt=world.clock.now))
    chosen = bookings[step[1] % len(bookings)] if bookings and len(step) > 1 and isinstance(step[1], int) else None
    items = world.items(chosen) if chosen else []
    try:
        match step:
            case "add", day, hour:
                world.adds(at(hour, days=day))
            case "book", day, hour:
                place.place(world.event_type, at(hour, days=day), ADA)
            case ("cancel", _) if chosen:
                place.cancel(chosen, Actor.CUSTOMER)
            case ("reschedule", _, day, hour) if chosen:
                place.reschedule(chosen, at(hour, days=day))
            case ("delete", _) if items:
                world.calendar.user_deletes("main", items[0].handle)
            case ("move", _, hours) if items:
                span = timedelta(hours=hours)
                world.calendar.user_moves("main", items[0].handle, chosen.start + span, chosen.end + span)
            case "switch", deletes, moves:
                world.switch(delete_cancels=deletes, move_reschedules=moves)
            case "roles", choice:
                world.choose(*choice)
            case ("sync",):
                world.sync()
            case (lost,) if lost.startswith("lost"):
                world.link.lose = lost.removeprefix("lost ")
                world.sync()
            case ("no memory",):
                world.lose_memory()
            case ("a day",):
                world.clock.forward(days=1)
    except (BookingRefused, Unreachable):
        pass


def seen_by_hand(world):
    """The busy map as an onlooker would draw it: what blocks in the blocking calendars, bookings' own items aside."""
    world.connection.refresh_from_db()
    window = days_interval(world.connection.window_first, world.connection.window_last)
    found = roles.roles_of(world.connection)
    blocks = {}
    for name in ("main", "busy", "copies"):
        if world.key(name) in (found.main, *found.busy):
            blocks[world.key(name)] = [
                block for item in world.calendar.items(name) if item.stamp is None for block in item.blocks()
            ]
    return dict(BusyMap.reduce(blocks, window).chunks)
