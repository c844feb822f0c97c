"""A User looks after the bookings."""

from __future__ import annotations

import pytest
from django.utils import timezone

from dovetail.server.bookings.models import Booking, Status
from dovetail.server.bookings.place import place
from server.people import ADA, BOB, NOW, a_host, at, connect, event_type_of


@pytest.fixture
def host(db):
    return a_host()


@pytest.fixture
def booking(host) -> Booking:
    return place(event_type_of(host), at(9), ADA, now=NOW)


@pytest.fixture
def requests(host) -> list[Booking]:
    """Two Customers ask for the same time."""
    connection = connect(host, last_contact=at(0))
    asked = [place(event_type_of(host), at(9), who, now=NOW) for who in (ADA, BOB)]
    connection.delete()
    return asked


def test_home_shows_what_comes_next_and_what_happened(browser, host, booking) -> None:
    browser.sign_in(host).open("/home/")
    assert "Ada Lovelace booked a meeting" in browser.text
    assert "Monday 1 March 2027, 10:00 – 10:30" in browser.text
    assert "Times are in Europe/Berlin." in browser.text
    assert f"/bookings/{booking.pk}/" in browser.links


def test_a_user_cancels_with_a_reason(browser, host, booking) -> None:
    browser.sign_in(host).open(f"/bookings/{booking.pk}/")
    assert "ada@example.com" in browser.text
    assert "Europe/London" in browser.text
    browser.send(browser.form("Cancel, and tell"), reason="Travelling")
    booking.refresh_from_db()
    assert (booking.status, booking.actor, booking.cancel_reason) == ("canceled", "user", "Travelling")
    assert "You canceled the meeting with Ada Lovelace" in browser.text


def test_a_user_approves_one_request_and_declines_the_other(browser, host, requests) -> None:
    browser.sign_in(host).open("/home/")
    assert "Waiting for your answer" in browser.text
    browser.send(browser.form("Approve the request of Ada"))
    assert "Approved." in browser.text
    browser.open(f"/bookings/{requests[1].pk}/")
    browser.send(browser.form("Approve"))
    assert "Another booking has that time." in browser.text
    browser.send(browser.form("Decline"), reason="Taken, sorry")
    assert [booking.status for booking in Booking.objects.order_by("customer_name")] == ["scheduled", "canceled"]


def test_a_user_marks_a_no_show_after_the_start(browser, host, booking) -> None:
    browser.sign_in(host).open(f"/bookings/{booking.pk}/")
    assert "did not come" not in browser.text
    Booking.objects.update(start=timezone.now(), end=timezone.now())
    browser.open(f"/bookings/{booking.pk}/")
    browser.send(browser.form("did not come"))
    booking.refresh_from_db()
    assert booking.status == Status.NO_SHOW


def test_what_changed_meanwhile_is_told(browser, host, booking) -> None:
    browser.sign_in(host).open(f"/bookings/{booking.pk}/")
    form = browser.form("Cancel, and tell")
    Booking.objects.update(status=Status.COMPLETED)
    browser.send(form)
    assert "The booking has changed meanwhile." in browser.text


def test_another_users_booking_is_404(browser, booking) -> None:
    browser.sign_in(a_host())
    assert browser.open(f"/bookings/{booking.pk}/").status == 404
    browser.open("/account/")
    form = browser.form("Save")
    for action in ("approve", "decline", "cancel", "no-show"):
        form.action = f"/bookings/{booking.pk}/{action}/"
        assert browser.send(form).status == 404
    assert "Ada" not in browser.open("/home/").text
    assert "Ada" not in browser.open("/bookings/").text
    booking.refresh_from_db()
    assert booking.status == Status.SCHEDULED


@pytest.mark.parametrize(
    "address", ["/home/", "/bookings/", "/activity/", "/bookings/00000000-0000-4000-8000-000000000000/"]
)
def test_a_stranger_is_asked_to_sign_in(browser, address) -> None:
    browser.open(address)
    assert browser.address.startswith("/accounts/login/")


def test_a_notice_tells_that_a_detached_booking_is_not_in_touch_with_the_calendar(browser, host, booking) -> None:
    Booking.objects.update(detached=True)
    assert "ordinary appointment" in browser.sign_in(host).open(f"/bookings/{booking.pk}/").text


def test_long_lists_have_pages(browser, host) -> None:
    event_type = event_type_of(host)
    for number in range(30):
        place(event_type, at(8 + number % 14 // 2, number % 2 * 30, days=number // 14), ADA, now=NOW)
    browser.sign_in(host).open("/bookings/")
    assert "Page 1 of 2" in browser.text
    assert "?page=2" in browser.links
