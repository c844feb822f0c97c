"""What a Customer can do with the link in the mail."""

from __future__ import annotations

from datetime import timedelta

import icalendar
import pytest
from django.utils import timezone

from dovetail.schedule.instants import from_minutes, to_minutes
from dovetail.server.bookings.availability import availability, whole_horizon
from dovetail.server.bookings.models import Actor, Booking
from dovetail.server.bookings.place import approve, cancel, place
from dovetail.server.pages.models import EventType
from server.people import ADA, BOB, a_host, connect, event_type_of


@pytest.fixture
def event_type(db) -> EventType:
    return event_type_of(a_host())


def an_opening(event_type: EventType, number: int = 0):
    now = timezone.now()
    within = whole_horizon(event_type, now)
    return from_minutes(availability(event_type, within, now).slots(to_minutes(now), within)[number])


@pytest.fixture
def booking(event_type) -> Booking:
    return place(event_type, an_opening(event_type, 3), ADA)


@pytest.fixture
def request_(event_type) -> Booking:
    connection = connect(event_type.page.user, last_contact=timezone.now() - timedelta(hours=2))
    asked = place(event_type, an_opening(event_type, 3), ADA)
    connection.delete()
    return asked


def test_it_shows_the_booking_in_the_customers_zone(browser, booking) -> None:
    browser.open(f"/b/{booking.link_token}/")
    assert "Your meeting is booked" in browser.text
    assert "Europe/London" in browser.text
    assert "no-store" in browser.response.headers["Cache-Control"]


def test_a_customer_takes_another_time(browser, booking) -> None:
    browser.open(f"/b/{booking.link_token}/reschedule/")
    new = browser.times()[0]
    browser.send(next(form for form in browser.forms if ("start", new) in form.buttons), start=new)
    assert "Move the meeting?" in browser.text
    booking.refresh_from_db()
    assert booking.revision == 1, "nothing is moved before it is confirmed"
    browser.send(browser.form("Take the new time"))
    booking.refresh_from_db()
    assert (booking.status, booking.actor, booking.revision) == ("rescheduled", "customer", 2)
    assert booking.start.strftime("%Y-%m-%dT%H:%MZ") == new
    assert browser.address == f"/b/{booking.link_token}/"


def test_a_time_that_overlaps_the_booking_itself_can_be_taken(browser, booking, event_type) -> None:
    EventType.objects.update(spacing=15)
    new = f"{booking.start + timedelta(minutes=15):%Y-%m-%dT%H:%MZ}"
    browser.open(f"/b/{booking.link_token}/reschedule/?start={new}&zone=UTC")
    browser.send(browser.form("Take the new time"))
    booking.refresh_from_db()
    assert booking.revision == 2


def test_a_new_time_that_is_gone_leads_back_to_the_times(browser, booking, event_type) -> None:
    taken = place(event_type, an_opening(event_type, 5), BOB)
    browser.open(f"/b/{booking.link_token}/reschedule/?start={taken.start:%Y-%m-%dT%H:%MZ}&zone=UTC")
    browser.send(browser.form("Take the new time"))
    assert browser.status == 409
    assert "That time is gone" in browser.text
    booking.refresh_from_db()
    assert booking.revision == 1


def test_a_customer_cancels_with_a_reason(browser, booking) -> None:
    browser.open(f"/b/{booking.link_token}/cancel/")
    browser.send(browser.form("Reason"), reason="I am ill.")
    booking.refresh_from_db()
    assert (booking.status, booking.actor, booking.cancel_reason) == ("canceled", "customer", "I am ill.")
    assert "This meeting is canceled" in browser.text


def test_looking_at_the_cancel_page_cancels_nothing(browser, booking) -> None:
    """Mail programs open links by themselves."""
    for tail in ("", "cancel/", "reschedule/", "booking.ics"):
        browser.open(f"/b/{booking.link_token}/{tail}")
    booking.refresh_from_db()
    assert booking.stands


def test_what_has_begun_is_not_changed_here(browser, booking) -> None:
    Booking.objects.update(start=timezone.now() - timedelta(minutes=1))
    for tail in ("cancel/", "reschedule/"):
        browser.open(f"/b/{booking.link_token}/{tail}")
        assert browser.status == 409
    assert not browser.forms


def test_a_canceled_booking_is_not_changed(browser, booking) -> None:
    cancel(booking, Actor.USER)
    for tail in ("cancel/", "reschedule/"):
        assert browser.open(f"/b/{booking.link_token}/{tail}").status == 409
    assert "changed meanwhile" in browser.text


def test_without_its_event_type_a_booking_can_only_be_canceled(browser, booking, event_type) -> None:
    event_type.delete()
    browser.open(f"/b/{booking.link_token}/")
    assert "Another time cannot be chosen online" in browser.text
    assert browser.open(f"/b/{booking.link_token}/reschedule/").status == 409
    assert browser.open(f"/b/{booking.link_token}/cancel/").status == 200


def test_no_time_is_given_up_for_a_maybe(browser, booking, event_type) -> None:
    connect(event_type.page.user, last_contact=timezone.now() - timedelta(hours=2))
    assert browser.open(f"/b/{booking.link_token}/reschedule/").status == 409


def test_a_request_can_be_taken_back(browser, request_) -> None:
    browser.open(f"/b/{request_.link_token}/")
    assert "It is not booked yet" in browser.text
    assert f"/b/{request_.link_token}/reschedule/" not in browser.links
    browser.open(f"/b/{request_.link_token}/cancel/")
    browser.send(browser.form("Take it back"))
    request_.refresh_from_db()
    assert request_.status == "canceled"
    assert "This request is closed" in browser.text


class TestTheCalendarFile:
    def event(self, browser, booking):
        browser.open(f"/b/{booking.link_token}/booking.ics")
        assert browser.response.headers["Content-Type"] == "text/calendar; charset=utf-8"
        calendar = icalendar.Calendar.from_ical(browser.response.content)
        return calendar, calendar.walk("VEVENT")[0]

    def test_it_says_when_and_keeps_its_name(self, browser, booking) -> None:
        calendar, event = self.event(browser, booking)
        assert event.decoded("dtstart") == booking.start
        assert event.decoded("dtend") == booking.end
        assert (event["uid"], event["sequence"], event["status"]) == (f"{booking.pk}@localhost", 1, "CONFIRMED")
        assert f"https://localhost/b/{booking.link_token}/" in event["description"]
        assert "method" not in calendar

    def test_that_of_a_canceled_booking_cancels(self, browser, booking) -> None:
        cancel(booking, Actor.USER)
        calendar, event = self.event(browser, booking)
        assert (calendar["method"], event["status"], event["sequence"]) == ("CANCEL", "CANCELLED", 2)
        assert event["uid"] == f"{booking.pk}@localhost"

    def test_a_request_has_none_until_it_is_approved(self, browser, request_) -> None:
        browser.open(f"/b/{request_.link_token}/booking.ics")
        assert browser.address == f"/b/{request_.link_token}/"
        approve(request_)
        self.event(browser, request_)


@pytest.mark.parametrize("tail", ["", "reschedule/", "cancel/", "booking.ics"])
def test_a_guessed_link_is_404(browser, tail) -> None:
    assert browser.open(f"/b/{'x' * 43}/{tail}").status == 404
