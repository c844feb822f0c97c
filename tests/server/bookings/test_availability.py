"""What closes a slot, and what a page does when its calendar has not been heard of."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from dovetail.schedule.instants import from_minutes, to_minutes
from dovetail.server.bookings.availability import (
    Mode,
    availability,
    live_connection,
    page_state,
    whole_horizon,
)
from dovetail.server.bookings.models import Actor, Booking
from dovetail.server.bookings.place import HOLD_TIME, cancel, hold, place, reschedule
from dovetail.server.connections.models import ConnectedCalendar, Connection, ItemState, State
from dovetail.server.pages.models import EventType, StalePolicy
from server.people import ADA, NOW, a_host, at, busy_in_calendar, connect, event_type_of

pytestmark = pytest.mark.django_db


def offered(event_type: EventType, now: datetime = NOW, **asked) -> list[datetime]:
    found = availability(event_type, whole_horizon(event_type, now), now, **asked)
    return [from_minutes(start) for start in found.slots(to_minutes(now), whole_horizon(event_type, now))]


def today(event_type: EventType, now: datetime = NOW, **asked) -> list[str]:
    """The times offered on the day of NOW, UTC."""
    return [f"{start:%H:%M}" for start in offered(event_type, now, **asked) if start.date() == NOW.date()]


def hourly(host) -> EventType:
    return event_type_of(host, duration=60, spacing=60)


def test_without_a_calendar_only_bookings_close_slots() -> None:
    event_type = hourly(a_host())
    assert today(event_type) == ["08:00", "09:00", "10:00", "11:00", "12:00", "13:00", "14:00", "15:00"]
    place(event_type, at(9), ADA, now=NOW)
    assert "09:00" not in today(event_type)


def test_busy_time_of_the_main_and_the_busy_calendars_closes_slots_and_other_calendars_do_not() -> None:
    host = a_host()
    connection = connect(host)
    busy_in_calendar(connection, at(8), at(9))
    for number, is_busy in ((1, True), (2, False)):
        calendar = ConnectedCalendar.objects.create(
            connection=connection, key=f"{number}" * 16, name="Other", access="busy_only", is_busy=is_busy
        )
        first = to_minutes(at(9 + number))
        calendar.chunks.create(index=first // 10080, digest="", blocks=[[first, first + 60, 1]])
    assert today(hourly(host)) == ["09:00", "11:00", "12:00", "13:00", "14:00", "15:00"]


def test_the_calendar_of_a_connection_that_ended_closes_nothing() -> None:
    host = a_host()
    busy_in_calendar(connect(host, state=State.DISCONNECTED), at(8), at(15))
    assert len(today(hourly(host))) == 8


def test_days_that_the_connector_has_not_looked_at_are_not_offered() -> None:
    host = a_host()
    connect(host, window_first=NOW.date(), window_last=NOW.date() + timedelta(days=3))
    starts = offered(event_type_of(host, horizon_days=30))
    assert at(9, days=3) in starts
    assert all(start < at(0, days=4) for start in starts)


def test_another_hosts_calendar_closes_nothing_here() -> None:
    busy_in_calendar(connect(a_host()), at(8), at(15))
    assert len(today(hourly(a_host()))) == 8


def test_a_live_hold_closes_its_slot_for_others_only() -> None:
    event_type = hourly(a_host())
    kept = hold(event_type, at(9), now=NOW)
    assert "09:00" not in today(event_type)
    assert "09:00" in today(event_type, hold=kept.token)
    assert "09:00" in today(event_type, NOW + HOLD_TIME)


class TestItems:
    """What the connector said of the item it wrote for a booking at nine."""

    def booked(self, **item) -> tuple[EventType, Booking]:
        host = a_host()
        connection = connect(host)
        event_type = hourly(host)
        booking = place(event_type, at(9), ADA, now=NOW)
        as_written = {
            "booking": booking.pk,
            "calendar": connection.calendars.get().key,
            "revision": 1,
            "outcome": "written",
            "start": at(9),
            "end": at(10),
            "show_as": 2,
        }
        ItemState.objects.create(connection=connection, **as_written | item)
        return event_type, booking

    def test_an_item_where_it_belongs_adds_nothing(self) -> None:
        event_type, booking = self.booked()
        assert "09:00" in today(event_type, moving=booking)
        cancel(booking, Actor.CUSTOMER, now=NOW)
        assert "09:00" in today(event_type)

    def test_an_item_moved_by_hand_closes_where_it_is(self) -> None:
        event_type, booking = self.booked(start=at(13), end=at(14))
        assert {"09:00", "13:00"}.isdisjoint(today(event_type))
        assert {"09:00", "13:00"} <= set(today(event_type, moving=booking))

    def test_an_item_that_is_shown_as_free_or_is_gone_does_not(self) -> None:
        for item in ({"show_as": 0}, {"outcome": "gone"}, {"calendar": "f" * 16}):
            event_type, _ = self.booked(start=at(13), end=at(14), **item)
            assert "13:00" in today(event_type)

    def test_an_item_the_connector_has_yet_to_move_does_not(self) -> None:
        event_type, booking = self.booked()
        reschedule(booking, at(13), now=NOW)
        assert "09:00" in today(event_type)
        assert "13:00" not in today(event_type)

    def test_an_item_of_a_booking_nobody_knows_closes_its_slot(self) -> None:
        event_type, _ = self.booked(booking="00000000-0000-4000-8000-000000000000", start=at(13), end=at(14))
        assert "13:00" not in today(event_type)


class TestFreshness:
    def state(self, age: timedelta | None, policy: str = StalePolicy.APPROVAL, is_open: bool = True, **connection):
        host = a_host()
        page = event_type_of(host).page
        page.stale_policy, page.is_open = policy, is_open
        if age is not None:
            connect(host, last_contact=NOW - age, **connection)
        state = page_state(page, NOW, live_connection(host.pk))
        return state.mode, state.reason

    @pytest.mark.parametrize(
        ("policy", "expected"),
        [
            (StalePolicy.ACCEPT, (Mode.OPEN, "")),
            (StalePolicy.APPROVAL, (Mode.APPROVAL, "stale")),
            (StalePolicy.PAUSE, (Mode.CLOSED, "stale")),
        ],
    )
    def test_after_an_hour_of_silence_the_policy_decides(self, policy, expected) -> None:
        assert self.state(timedelta(minutes=60), policy) == (Mode.OPEN, "")
        assert self.state(timedelta(minutes=61), policy) == expected

    def test_no_calendar_is_never_stale(self) -> None:
        assert self.state(None) == (Mode.OPEN, "")
        assert self.state(timedelta(days=9), state=State.DISCONNECTED) == (Mode.OPEN, "")

    def test_a_calendar_that_never_synced_closes_the_page_whatever_the_policy(self) -> None:
        state = self.state(timedelta(0), StalePolicy.ACCEPT, state=State.PENDING_FIRST_SYNC)
        assert state == (Mode.CLOSED, "never_synced")

    def test_a_page_that_is_switched_off_is_closed(self) -> None:
        assert self.state(None, is_open=False) == (Mode.CLOSED, "switched_off")

    def test_in_manual_mode_the_age_of_the_busy_time_counts(self) -> None:
        assert self.state(timedelta(minutes=61), mode="manual")[0] == Mode.APPROVAL
        host = a_host()
        connection = connect(host, last_contact=NOW - timedelta(minutes=61), mode="manual")
        connection.calendars.update(busy_as_of=NOW)
        assert page_state(event_type_of(host).page, NOW, Connection.objects.get(user=host)).mode == Mode.OPEN

    def test_a_closed_page_offers_nothing(self) -> None:
        host = a_host()
        connect(host, state=State.PENDING_FIRST_SYNC)
        assert today(hourly(host)) == []
