"""Signing up gives a page that works at once; signing in and out."""

from __future__ import annotations

import pytest
from django.core import mail
from django.db import IntegrityError

from dovetail.server.accounts.models import User
from dovetail.server.accounts.services import open_account
from server.people import PASSWORD, a_host

ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "password1": PASSWORD, "zone": "Europe/London"}


def test_a_new_user_has_a_page_that_can_be_booked(browser) -> None:
    browser.open("/accounts/signup/")
    browser.send(browser.form("Your time zone"), **ADA)
    assert browser.address == "/home/"
    assert "Hello Ada Lovelace" in browser.text
    user = User.objects.get()
    page = user.pages.get()
    assert (user.name, user.zone, page.zone, page.slug) == (
        "Ada Lovelace",
        "Europe/London",
        "Europe/London",
        "ada-lovelace",
    )
    assert page.hours().weekly == dict.fromkeys(range(5), ((540, 1020),))
    assert [event_type.duration for event_type in page.event_types.all()] == [30]
    browser.open("/ada-lovelace/30-minutes/")
    assert browser.times()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"zone": "Mars/Olympus"}, "not a time zone"),
        ({"password1": "short"}, "at least 10 characters"),
        ({"name": " "}, "required"),
        ({"email": "nobody"}, "valid email"),
    ],
)
def test_a_mistake_is_told_and_makes_no_account(browser, wrong, told) -> None:
    browser.open("/accounts/signup/")
    browser.send(browser.form("Your time zone"), **ADA | wrong)
    assert told in browser.text
    assert not User.objects.exists()


def test_an_account_opened_by_a_program_can_sign_in_and_out(browser) -> None:
    open_account("grace@example.com", PASSWORD, "Grace", "UTC")
    browser.open("/accounts/login/")
    browser.send(browser.form("Password"), login="Grace@Example.com", password=PASSWORD)
    assert browser.address == "/home/"
    browser.open("/accounts/logout/")
    browser.send(browser.form("Sign out"))
    assert browser.open("/home/").address.startswith("/accounts/login/")


def test_a_wrong_password_is_told(browser) -> None:
    open_account("grace@example.com", PASSWORD, "Grace", "UTC")
    browser.open("/accounts/login/")
    browser.send(browser.form("Password"), login="grace@example.com", password="wrong")
    assert "not correct" in browser.text


def test_an_address_has_one_account(db) -> None:
    open_account("grace@example.com", PASSWORD, "Grace", "UTC")
    with pytest.raises(IntegrityError):
        open_account("grace@example.com", PASSWORD, "Grace", "UTC")


def test_a_forgotten_password_can_be_chosen_anew(browser) -> None:
    open_account("grace@example.com", PASSWORD, "Grace", "UTC")
    browser.open("/accounts/password/reset/")
    browser.send(browser.form("Send the mail"), email="grace@example.com")
    link = next(word for word in mail.outbox[0].body.split() if "/accounts/password/reset/key/" in word)
    browser.open(link.removeprefix("https://testserver").removeprefix("http://testserver"))
    browser.send(browser.form("New Password"), password1="another horse battery", password2="another horse battery")
    assert User.objects.get().check_password("another horse battery")


def test_the_settings_of_the_account_are_saved(browser) -> None:
    user = a_host()
    browser.sign_in(user).open("/account/")
    browser.send(browser.form("Save"), name="Grace  Brewster\nHopper", zone="Asia/Kolkata")
    user.refresh_from_db()
    assert (user.name, user.zone) == ("Grace Brewster Hopper", "Asia/Kolkata")


@pytest.mark.parametrize("address", ["/accounts/password/change/", "/accounts/email/", "/accounts/password/reset/"])
def test_the_pages_of_the_account_library_are_in_our_frame(browser, address) -> None:
    browser.sign_in(a_host()).open(address)
    assert browser.status == 200
    assert "Skip to the content" in browser.text


def test_no_page_loads_anything_from_elsewhere_or_runs_inline(browser) -> None:
    for address in ("/accounts/login/", "/accounts/signup/"):
        browser.open(address)
        html = browser.response.content.decode()
        assert "default-src 'none'" in browser.response.headers["Content-Security-Policy"]
        assert "style=" not in html
        assert "onclick" not in html
        assert 'src="http' not in html
        assert "<script>" not in html
