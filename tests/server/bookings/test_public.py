"""A Customer books on the page, in a browser without JavaScript."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from dovetail.server.bookings.models import Booking, Hold
from dovetail.server.bookings.place import place
from dovetail.server.connections.models import State
from dovetail.server.pages.models import BookingPage, StalePolicy
from server.browser import Browser
from server.people import BOB, a_host, connect, event_type_of

ADA = {"name": "Ada  Lovelace", "email": "ada@example.com", "note": "About engines."}


@pytest.fixture
def host(db):
    host = a_host()
    event_type_of(host)
    return host


@pytest.fixture
def address(host) -> str:
    return f"/{host.pages.get().slug}/30-minutes/"


def instant(value: str) -> datetime:
    return datetime.strptime(value, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)


def pick(browser: Browser, address: str, zone: str = "America/New_York", which: int = 0) -> str:
    """Choose a time on the page; the browser then shows the form."""
    browser.open(f"{address}?zone={zone}")
    start = browser.times()[which]
    browser.send(next(form for form in browser.forms if ("start", start) in form.buttons), start=start)
    return start


def test_a_customer_books_a_time(browser, address, host) -> None:
    browser.open(f"/{host.pages.get().slug}/")
    assert address in browser.links
    start = pick(browser, address)
    assert "Kept for you until" in browser.text
    browser.send(browser.form("Your name"), **ADA)
    booking = Booking.objects.get()
    assert (booking.status, booking.start, booking.host) == ("scheduled", instant(start), host)
    assert (booking.customer_name, booking.customer_zone) == ("Ada Lovelace", "America/New_York")
    assert browser.address == f"/b/{booking.link_token}/"
    assert "Your meeting is booked" in browser.text
    assert "America/New York, UTC-0" in browser.text
    assert not Hold.objects.exists()


def test_sending_the_form_twice_books_once(browser, address) -> None:
    pick(browser, address)
    form = browser.form("Your name")
    browser.send(form, **ADA)
    first = browser.address
    browser.send(form, **ADA)
    assert browser.address == first
    assert Booking.objects.count() == 1


def test_a_time_that_somebody_took_meanwhile_is_replaced_and_what_was_typed_stays(browser, address, host) -> None:
    start = pick(browser, address)
    form = browser.form("Your name")
    Hold.objects.all().delete()
    place(event_type_of(host), instant(start), BOB)
    browser.send(form, **ADA)
    assert browser.status == 409
    assert "That time is gone" in browser.text
    again = browser.form("Your name")
    assert start not in again.radios["start"]
    assert (again.fields["email"], again.fields["note"]) == (ADA["email"], ADA["note"])
    browser.send(again, start=again.radios["start"][0])
    assert Booking.objects.filter(customer_email=ADA["email"]).exists()


def test_a_time_that_is_taken_while_it_is_looked_at_leads_back_to_the_times(browser, address, host) -> None:
    browser.open(address)
    start = browser.times()[0]
    form = next(form for form in browser.forms if ("start", start) in form.buttons)
    place(event_type_of(host), instant(start), BOB)
    browser.send(form, start=start)
    assert browser.status == 409
    assert "That time is gone" in browser.text
    assert start not in browser.times()
    assert browser.times()


def test_a_mistake_in_the_form_is_told_and_keeps_the_time(browser, address) -> None:
    start = pick(browser, address)
    browser.send(browser.form("Your name"), name="", email="nobody")
    assert "This field is required." in browser.text
    assert "Enter a valid email address." in browser.text
    assert browser.form("Your name").fields["start"] == start
    assert not Booking.objects.exists()


def test_line_breaks_in_a_name_do_not_reach_a_subject(browser, address) -> None:
    pick(browser, address)
    browser.send(browser.form("Your name"), **ADA | {"name": "Eve\r\nBcc: all@example.com"})
    assert Booking.objects.get().customer_name == "Eve Bcc: all@example.com"


@pytest.mark.parametrize("query", ["", "?start=yesterday&zone=UTC", "?start=2027-03-01T09:00Z&zone=Mars"])
def test_an_address_of_the_form_without_a_time_leads_to_the_times(browser, address, query) -> None:
    browser.open(f"{address}book/{query}")
    assert browser.address == address
    assert browser.times()


@pytest.mark.parametrize(
    "query", ["?zone=Mars/Olympus", "?from=never&day=2027-99-99", "?from=9999-12-31", "?from=0001-01-01"]
)
def test_nonsense_in_the_address_is_ignored(browser, address, query) -> None:
    browser.open(address + query)
    assert browser.status == 200
    assert browser.times()


def test_times_are_in_the_zone_that_was_chosen(browser, address) -> None:
    browser.open(f"{address}?zone=Europe/Berlin&day={browser_day(browser, address)}")
    here = browser.times()
    assert "09:00" in browser.text
    browser.open(f"{address}?zone=Asia/Kolkata&day={browser_day(browser, address)}")
    assert browser.times() == here
    assert "Asia/Kolkata, UTC+05:30" in browser.text


def browser_day(browser: Browser, address: str) -> str:
    """A day of next week, which has all its openings: its hours lie on one date in both zones."""
    return (timezone.now() + timedelta(days=7 - timezone.now().weekday())).date().isoformat()


def test_a_week_can_be_turned(browser, address) -> None:
    browser.open(address)
    first = browser.times()
    later = next(link for link in browser.links if link.startswith("?from="))
    browser.open(address + later)
    assert browser.times()
    assert min(browser.times()) > max(first)


def test_a_week_without_openings_names_the_next_open_day(browser, host, address) -> None:
    page = host.pages.get()
    monday = timezone.now().date() + timedelta(days=21 - timezone.now().weekday())
    for days in range(7):
        page.overrides.create(day=monday + timedelta(days=days))
    browser.open(f"{address}?from={monday}")
    assert "Nothing is open in this week." in browser.text
    assert f"?day={monday + timedelta(days=7)}" in " ".join(browser.links)


def test_dates_are_in_the_language_of_the_page(browser, address) -> None:
    browser.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    browser.open(f"{address}?day={browser_day(browser, address)}")
    assert re.search(r"(Mon|Tues|Wednes|Thurs|Fri)day \d+ [A-Z]", browser.text)


class TestAPageThatIsNotSimplyOpen:
    def test_asks_for_approval_when_the_calendar_is_stale(self, browser, host, address) -> None:
        connect(host, last_contact=timezone.now() - timedelta(hours=2))
        browser.open(address)
        assert "approves each booking at the moment" in browser.text
        pick(browser, address)
        assert "Kept for you" not in browser.text
        browser.send(browser.form("Ask for this time"), **ADA)
        assert Booking.objects.get().status == "requested"
        assert "It is not booked yet" in browser.text

    def test_is_closed_until_the_first_sync(self, browser, host, address) -> None:
        connect(host, state=State.PENDING_FIRST_SYNC, last_contact=None)
        assert "still being set up" in browser.open(address).text
        assert not browser.times()

    def test_is_closed_when_switched_off_and_a_form_that_was_open_says_so(self, browser, host, address) -> None:
        pick(browser, address)
        form = browser.form("Your name")
        BookingPage.objects.update(is_open=False)
        browser.send(form, **ADA)
        assert browser.status == 409
        assert "takes no bookings here for now" in browser.text
        assert not Booking.objects.exists()

    def test_is_paused_by_its_policy(self, browser, host, address) -> None:
        BookingPage.objects.update(stale_policy=StalePolicy.PAUSE)
        connect(host, last_contact=timezone.now() - timedelta(hours=2))
        assert "out of reach" in browser.open(address).text
        assert not browser.times()


def test_what_is_not_there_is_404(browser, host) -> None:
    slug = host.pages.get().slug
    event_type = event_type_of(host, is_active=False)
    for address in ("/nobody/", f"/{slug}/nothing/", f"/{slug}/{event_type.slug}/", f"/{slug}/{event_type.slug}/book/"):
        assert browser.open(address).status == 404
    host.is_active = False
    host.save()
    assert browser.open(f"/{slug}/").status == 404


def test_a_form_without_its_token_is_refused(browser, address) -> None:
    pick(browser, address)
    form = browser.form("Your name")
    browser.client.cookies.clear()
    browser.send(form, **ADA)
    assert browser.status == 403
    assert "Please try again" in browser.text
    assert not Booking.objects.exists()
