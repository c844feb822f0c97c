"""When a connector is woken, and when it is let sleep."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from dovetail.protocol.hints import Hint
from dovetail.protocol.messages import SyncMode
from dovetail.schedule.instants import from_minutes, to_minutes
from dovetail.server.bookings import place
from dovetail.server.bookings.availability import availability, whole_horizon
from dovetail.server.bookings.models import Actor
from dovetail.server.connections import roles
from dovetail.server.connections.models import ConnectedCalendar
from dovetail.server.pages.models import StalePolicy
from dovetail.server.realtime import bus, occasions
from server.people import ADA, a_host, connect, event_type_of


class Ear:
    """A bus that only listens."""

    def __init__(self):
        self.hints: list[tuple[str, Hint]] = []
        self.kicked: list[str] = []

    def hint(self, connector_id, hint):
        assert not transaction.get_connection().in_atomic_block
        self.hints.append((connector_id, hint))

    def kick(self, connector_id):
        self.kicked.append(connector_id)


@pytest.fixture
def ear(transactional_db):
    occasions._looked.clear()
    ear = Ear()
    bus.use(ear)
    yield ear
    bus.use(bus.NOWHERE)


@pytest.fixture
def host(transactional_db):
    return a_host()


@pytest.fixture
def connection(host):
    return connect(host, last_contact=timezone.now(), mode=SyncMode.REAL_TIME)


@pytest.fixture
def event_type(host, connection, ear):
    found = event_type_of(host)
    ear.hints.clear()
    return found


def book(event_type):
    """The first time there is."""
    now = timezone.now()
    within = whole_horizon(event_type, now)
    start = availability(event_type, within, now).slots(to_minutes(now), within)[0]
    return place.place(event_type, from_minutes(start), ADA)


def look(path):
    return Client().get(path, secure=True, headers={"host": "localhost"})


def test_a_booking_wakes_with_the_cursor_of_its_change(ear, event_type, connection):
    book(event_type)
    assert ear.hints == [(connection.connector_id, Hint(cursor="1.0-1"))]


def test_a_cancellation_wakes(ear, event_type, connection):
    booking = book(event_type)
    place.cancel(booking, Actor.CUSTOMER)
    assert [hint.cursor for _, hint in ear.hints] == ["1.0-1", "1.0-2"]


def test_a_request_that_waits_for_approval_lets_sleep(ear, event_type, connection):
    connection.last_contact = timezone.now() - timedelta(days=1)
    connection.save()
    event_type.page.stale_policy = StalePolicy.APPROVAL
    event_type.page.save()
    book(event_type)
    assert ear.hints == []


def test_what_is_rolled_back_lets_sleep(ear, event_type):
    with transaction.atomic():
        book(event_type)
        transaction.set_rollback(True)
    assert ear.hints == []


def test_chosen_calendars_wake(ear, connection):
    ConnectedCalendar.objects.create(connection=connection, key="f" * 16, name="Other", access="bookable")
    roles.choose(connection, main="f" * 16, busy=[], additional=[])
    assert ear.hints == [(connection.connector_id, Hint(cursor="1.1-0"))]


def test_a_switch_wakes_once(ear, host, connection):
    client = Client()
    client.force_login(host)
    for _ in range(2):
        client.post("/connection/switches/", {"delete_cancels": "on"}, secure=True, headers={"host": "localhost"})
    assert len(ear.hints) == 1


def test_another_horizon_wakes(ear, event_type):
    event_type.horizon_days = 200
    event_type.save()
    assert len(ear.hints) == 1
    event_type.delete()
    assert len(ear.hints) == 2


def test_a_sync_lets_sleep(ear, connection):
    """Else each sync would bring about the next."""
    connection.last_contact = timezone.now()
    connection.save()
    assert ear.hints == []


@pytest.mark.parametrize(
    "path", ["/{page}/", "/{page}/{event_type}/", "/api/v1/pages/{page}/event-types/{event_type}/slots"]
)
def test_an_opened_page_with_old_busy_time_wakes_once_a_minute(ear, event_type, connection, path):
    connection.calendars.update(busy_as_of=timezone.now() - timedelta(hours=2))
    for _ in range(3):
        answer = look(path.format(page=event_type.page.slug, event_type=event_type.slug))
        assert answer.status_code == 200
    assert ear.hints == [(connection.connector_id, Hint(cursor="1.0-0"))]


def test_an_opened_page_with_fresh_busy_time_lets_sleep(ear, event_type, connection):
    connection.calendars.update(busy_as_of=timezone.now() - timedelta(minutes=59))
    look(f"/{event_type.page.slug}/")
    assert ear.hints == []


def test_an_opened_page_leaves_a_connector_in_manual_mode_alone(ear, event_type, connection):
    connection.mode = SyncMode.MANUAL
    connection.save()
    connection.calendars.update(busy_as_of=timezone.now() - timedelta(days=2))
    look(f"/{event_type.page.slug}/")
    assert ear.hints == []


def test_a_host_without_a_connection_is_no_trouble(ear, transactional_db):
    book(event_type_of(a_host()))
    assert ear.hints == []


def test_a_bus_that_fails_fails_nobody_s_booking(event_type):
    class Broken(Ear):
        def hint(self, connector_id, hint):
            raise RuntimeError

    bus.use(Broken())
    assert book(event_type).pk
