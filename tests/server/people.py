"""A User with a page, Customers, a connected calendar: what the server's tests begin with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from dovetail.schedule.busymap import CHUNK_MINUTES
from dovetail.schedule.instants import to_minutes
from dovetail.server.accounts.models import User
from dovetail.server.accounts.services import open_account
from dovetail.server.bookings.place import Customer
from dovetail.server.connections.models import BusyChunk, ConnectedCalendar, Connection, State
from dovetail.server.pages.models import EventType

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
"""A Monday morning in winter, an hour before Berlin's offices open at 08:00 UTC."""

PASSWORD = "correct horse battery"
ADA = Customer("Ada Lovelace", "ada@example.com", "Europe/London", "About engines.")
BOB = Customer("Bob", "bob@example.com", "America/New_York")

_numbers = count(1)


def a_host(zone: str = "Europe/Berlin", name: str = "Grace Host") -> User:
    return open_account(f"host{next(_numbers)}@example.com", PASSWORD, name, zone)


def event_type_of(host: User, **changes: object) -> EventType:
    """The host's event type, with these settings changed. Without lead time, so that NOW is enough."""
    found = EventType.objects.select_related("page__user").get(page__user=host)
    for name, value in {"lead_time": 0, **changes}.items():
        setattr(found, name, value)
    found.save()
    return found


def at(hour: int, minute: int = 0, days: int = 0) -> datetime:
    """UTC on the day of NOW, or days later."""
    return NOW.replace(hour=hour, minute=minute) + timedelta(days=days)


def connect(host: User, *, last_contact: datetime | None = NOW, **changes: object) -> Connection:
    """A connected calendar that has nothing in it yet."""
    connection = Connection.objects.create(
        user=host,
        **{"state": State.CONNECTED, "connector_id": f"T{host.pk:09}", "last_contact": last_contact, **changes},
    )
    ConnectedCalendar.objects.create(
        connection=connection,
        key=f"{host.pk:016x}",
        name="Calendar",
        access="bookable",
        is_main=True,
        busy_as_of=last_contact,
    )
    return connection


def busy_in_calendar(connection: Connection, start: datetime, end: datetime, status: int = 2) -> None:
    """One busy block, within one week's chunk."""
    first, last = to_minutes(start), to_minutes(end)
    calendar = connection.calendars.get(is_main=True)
    chunk, _ = BusyChunk.objects.get_or_create(
        calendar=calendar, index=first // CHUNK_MINUTES, defaults={"digest": "0" * 64, "blocks": []}
    )
    chunk.blocks = sorted([*chunk.blocks, [first, last, status]])
    chunk.save()
