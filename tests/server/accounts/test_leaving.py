"""Deleting an account: the password again, a receipt, and nothing left but a mail to those with a meeting ahead."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.core import mail
from django.utils import timezone

from dovetail.server.accounts.models import User
from dovetail.server.bookings.models import Booking
from dovetail.server.bookings.place import hold, place
from server.people import ADA, BOB, PASSWORD, a_host, at, busy_in_calendar, connect, event_type_of


@pytest.fixture
def host(db):
    """With a calendar, a meeting that is over and one ahead."""
    host = a_host()
    connection = connect(host, last_contact=timezone.now())
    busy_in_calendar(connection, at(9), at(10))
    event_type = event_type_of(host, lead_time=0)
    monday = timezone.now().replace(hour=9, minute=0, second=0, microsecond=0)
    monday += timedelta(days=7 - monday.weekday())
    past = place(event_type, monday, BOB)
    Booking.objects.filter(pk=past.pk).update(start=monday - timedelta(days=14), end=monday - timedelta(days=14))
    place(event_type, monday + timedelta(hours=1), ADA)
    hold(event_type, monday + timedelta(hours=2))
    return host


def test_it_says_what_will_be_deleted_and_asks_for_the_password(browser, host) -> None:
    browser.sign_in(host).open("/account/delete/")
    assert "1 meeting to come is called off" in browser.text
    browser.send(browser.form("Your password"), password="wrong")
    assert "This is not your password." in browser.text
    assert User.objects.filter(pk=host.pk).exists()


def test_everything_goes_and_a_receipt_is_shown(browser, host) -> None:
    a_host(name="Somebody Else")
    browser.sign_in(host).open("/account/delete/")
    browser.send(browser.form("Your password"), password=PASSWORD)
    assert "The account is deleted" in browser.text
    assert "1 calendars, 1 busy blocks, 1 busy chunks" in browser.text
    assert "2 deleted" in browser.text
    assert "1 told by mail" in browser.text
    assert User.objects.count() == 1
    for app in ("bookings", "activity", "connections"):
        for model in apps.get_app_config(app).get_models():
            assert not model._default_manager.exists(), model
    assert browser.open("/home/").address.startswith("/accounts/login/")
    assert browser.open("/grace-host/").status == 404


@pytest.mark.django_db(transaction=True)
def test_only_customers_with_a_meeting_ahead_are_told(browser, host, work_off) -> None:
    work_off()
    mail.outbox.clear()
    booking = host.bookings.get(customer_email=ADA.email)
    browser.sign_in(host).open("/account/delete/")
    browser.send(browser.form("Your password"), password=PASSWORD)
    work_off()
    [told] = mail.outbox
    assert told.to == [ADA.email]
    assert told.subject == f"Canceled: {booking.subject}"
    assert "does not take bookings here any more" in told.body
    assert "/b/" not in told.body
    [invitation] = told.attachments
    assert f"UID:{booking.pk}@localhost" in invitation.get_payload(decode=True).decode()
    assert "METHOD:CANCEL" in invitation.get_payload(decode=True).decode()


def test_no_reminder_is_left(browser, host, work_off) -> None:
    browser.sign_in(host).open("/account/delete/")
    browser.send(browser.form("Your password"), password=PASSWORD)
    assert not apps.get_model("jobs", "Job").objects.filter(kind="notifications.reminder").exists()
