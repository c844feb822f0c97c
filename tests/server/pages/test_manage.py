"""A User sets up pages, event types and hours with plain forms."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from dovetail.server.bookings.place import place
from dovetail.server.pages.models import BookingPage, DateOverride, EventType
from server.browser import Browser
from server.people import ADA, NOW, a_host, at, event_type_of


@pytest.fixture
def host(db):
    return a_host()


@pytest.fixture
def page(host) -> BookingPage:
    return host.pages.get()


@pytest.fixture
def owner(browser, host) -> Browser:
    return browser.sign_in(host)


def tomorrow() -> str:
    return f"{timezone.now() + timedelta(days=1):%Y-%m-%d}"


class TestSettings:
    def test_are_saved(self, owner, page) -> None:
        owner.open(f"/pages/{page.pk}/")
        changed = {"title": "Talk to me", "slug": "talk", "zone": "Asia/Tokyo", "stale_policy": "pause"}
        owner.send(owner.form("Introduction"), **changed, stale_after_minutes="30")
        page.refresh_from_db()
        assert (page.title, page.slug, page.zone, page.stale_policy) == ("Talk to me", "talk", "Asia/Tokyo", "pause")
        assert "https://localhost/talk/" in owner.text

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"slug": "api"}, "needed by the server itself"),
            ({"slug": "no spaces"}, "valid “slug”"),
            ({"slug": "other"}, "already exists"),
            ({"zone": "Mars/Olympus"}, "not a time zone"),
            ({"stale_after_minutes": "1"}, "greater than or equal to 5"),
            ({"title": ""}, "required"),
        ],
    )
    def test_say_what_is_wrong_and_keep_the_page(self, owner, page, wrong, told) -> None:
        BookingPage.objects.create(user=a_host(), slug="other", title="Other")
        owner.open(f"/pages/{page.pk}/")
        owner.send(owner.form("Introduction"), **wrong)
        assert told in owner.text
        page.refresh_from_db()
        assert (page.slug, page.zone) == ("grace-host", "Europe/Berlin")

    def test_a_page_can_be_switched_off(self, owner, page) -> None:
        owner.open(f"/pages/{page.pk}/")
        form = owner.form("Introduction")
        del form.fields["is_open"]
        owner.send(form)
        assert "takes no bookings here" in owner.open("/grace-host/").text

    def test_another_page_can_be_added_and_deleted(self, owner, host) -> None:
        owner.open("/pages/")
        owner.send(owner.form("Title"), title="Office hours")
        added = host.pages.get(slug="office-hours")
        assert added.event_types.exists()
        owner.send(owner.form("Delete the page"))
        assert host.pages.count() == 1


class TestEventTypes:
    def test_are_added_changed_and_deleted(self, owner, page) -> None:
        owner.open(f"/pages/{page.pk}/event-types/")
        owner.send(owner.form("Length"), name="Workshop", slug="workshop", duration="120", day_cap="1")
        added = page.event_types.get(slug="workshop")
        assert (added.duration, added.day_cap, added.is_active) == (120, 1, True)
        owner.open(f"/event-types/{added.pk}/")
        owner.send(owner.form("Length"), duration="90")
        added.refresh_from_db()
        assert added.duration == 90
        owner.open(f"/event-types/{added.pk}/")
        owner.send(owner.form("Delete it"))
        assert page.event_types.count() == 1

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"duration": "7"}, "multiple of step size 5"),
            ({"duration": "0"}, "greater than or equal to 5"),
            ({"day_cap": "0"}, "greater than or equal to 1"),
            ({"slug": "30-minutes"}, "Another event type of this page has this address."),
            ({"horizon_days": "1000"}, "less than or equal to 400"),
        ],
    )
    def test_say_what_is_wrong(self, owner, page, wrong, told) -> None:
        owner.open(f"/pages/{page.pk}/event-types/")
        owner.send(owner.form("Length"), **{"name": "New", "slug": "new", **wrong})
        assert told in owner.text
        assert page.event_types.count() == 1

    def test_deleting_one_keeps_its_bookings(self, owner, host) -> None:
        event_type = event_type_of(host)
        booking = place(event_type, at(9), ADA, now=NOW)
        owner.open(f"/event-types/{event_type.pk}/")
        owner.send(owner.form("Delete it"))
        booking.refresh_from_db()
        assert booking.stands
        assert booking.event_type is None


class TestHours:
    def test_a_range_is_added_and_another_removed(self, owner, page) -> None:
        owner.open(f"/pages/{page.pk}/hours/")
        form = owner.form("Save the week")
        assert form.fields["d0_0_start"] == "09:00"
        changed = {"d0_0_end": "12:00", "d0_1_start": "13:00", "d0_1_end": "17:30", "d1_0_start": "", "d1_0_end": ""}
        owner.send(form, **changed)
        weekly = page.hours().weekly
        assert weekly[0] == ((540, 720), (780, 1050))
        assert 1 not in weekly

    def test_hours_may_reach_past_midnight(self, owner, page) -> None:
        owner.open(f"/pages/{page.pk}/hours/")
        owner.send(
            owner.form("Save the week"), d5_0_start="22:00", d5_0_end="02:00", d6_0_start="10:00", d6_0_end="00:00"
        )
        assert page.hours().weekly[5] == ((1320, 1560),)
        assert page.hours().weekly[6] == ((600, 1440),)

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"d0_1_start": "16:00", "d0_1_end": "18:00"}, "Monday: two ranges overlap."),
            ({"d0_1_start": "22:00", "d0_1_end": "09:05"}, "Tuesday: two ranges overlap."),
            ({"d6_0_start": "22:00", "d6_0_end": "09:05"}, "Monday: two ranges overlap."),
            ({"d2_0_start": "09:03"}, "Wednesday: times go in steps of five minutes."),
            ({"d3_0_end": ""}, "Thursday: a range needs a start and an end."),
            ({"d4_0_start": "late"}, "Friday: write times like 09:30."),
        ],
    )
    def test_say_what_is_wrong_and_keep_the_week(self, owner, page, wrong, told) -> None:
        before = page.hours()
        owner.open(f"/pages/{page.pk}/hours/")
        owner.send(owner.form("Save the week"), **wrong)
        assert told in owner.text
        assert page.hours() == before

    def test_a_date_is_closed_then_given_hours_then_left_to_the_week(self, owner, page) -> None:
        day = tomorrow()
        owner.open(f"/pages/{page.pk}/hours/")
        owner.send(owner.form("Save the date"), day=day)
        assert "Closed" in owner.text
        owner.send(owner.form("Save the date"), day=day, first_start="10:00", first_end="12:00")
        assert "10:00 – 12:00" in owner.text
        assert DateOverride.objects.count() == 1
        owner.send(owner.form("Remove"))
        assert not DateOverride.objects.exists()

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"day": "2020-01-01"}, "This date is over."),
            ({"day": "soon"}, "valid date"),
            ({"first_start": "10:00"}, "First range: a range needs a start and an end."),
            (
                {"first_start": "10:00", "first_end": "12:00", "second_start": "11:00", "second_end": "13:00"},
                "The ranges: two ranges overlap.",
            ),
        ],
    )
    def test_say_what_is_wrong_with_a_date(self, owner, page, wrong, told) -> None:
        owner.open(f"/pages/{page.pk}/hours/")
        owner.send(owner.form("Save the date"), **{"day": tomorrow(), **wrong})
        assert told in owner.text
        assert not DateOverride.objects.exists()


def test_what_another_user_has_is_404(browser, page, host) -> None:
    event_type = EventType.objects.get()
    browser.sign_in(a_host()).open("/account/")
    form = browser.form("Save")
    for address in (f"/pages/{page.pk}/", f"/pages/{page.pk}/hours/", f"/event-types/{event_type.pk}/"):
        assert browser.open(address).status == 404
        form.action = address
        assert browser.send(form).status == 404
    for tail in ("delete/", "event-types/", "hours/dates/", "hours/dates/2027-01-01/delete/"):
        form.action = f"/pages/{page.pk}/{tail}"
        assert browser.send(form).status == 404
    form.action = f"/event-types/{event_type.pk}/delete/"
    assert browser.send(form).status == 404
    assert EventType.objects.filter(pk=event_type.pk).exists()
