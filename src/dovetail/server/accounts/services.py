"""Opening and closing an account."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils.text import slugify

from dovetail.server.accounts.models import User
from dovetail.server.bookings.claims import lock_host
from dovetail.server.connections.erasure import erase
from dovetail.server.connections.models import Connection
from dovetail.server.notifications.plan import plan_farewell
from dovetail.server.pages.models import BookingPage, EventType, WeeklyHours
from dovetail.server.pages.slugs import propose_slug

WORKDAYS = range(5)  # Monday to Friday
NINE, FIVE = 9 * 60, 17 * 60


@transaction.atomic
def open_account(email: str, password: str | None, name: str, zone: str) -> User:
    """A User who can sign in, with a page that can be booked at once. `zone` is an IANA name.

    Raises IntegrityError when the address has an account.
    """
    user = User.objects.create_user(email, password)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)
    move_in(user, name, zone)
    return user


@transaction.atomic
def move_in(user: User, name: str, zone: str) -> BookingPage:
    """Give a new User a booking page: Monday to Friday, nine to five in `zone`, meetings of 30 minutes."""
    user.name, user.zone = name, zone
    user.save(update_fields=["name", "zone"])
    return make_page(user, name, f"Meet {name}" if name else "My booking page", zone)


@transaction.atomic
def make_page(user: User, slug_from: str, title: str, zone: str) -> BookingPage:
    """A page as a new User gets one. Its address is made of `slug_from`, with a number where that is taken."""
    taken = BookingPage.objects.filter(slug__startswith=slugify(slug_from)[:50]).values_list("slug", flat=True)
    page = BookingPage.objects.create(user=user, slug=propose_slug(slug_from, set(taken)), title=title, zone=zone)
    WeeklyHours.objects.bulk_create(
        WeeklyHours(page=page, weekday=day, start_minute=NINE, end_minute=FIVE) for day in WORKDAYS
    )
    EventType.objects.create(page=page, slug="30-minutes", name="30-minute meeting", duration=30, spacing=30)
    return page


@dataclass(frozen=True)
class Receipt:
    """What closing an account did. `erased` counts calendar data by kind."""

    erased: dict[str, int]
    bookings: int
    customers_told: int


@transaction.atomic
def close_account(user: User) -> Receipt:
    """Delete the User and everything that is the User's.

    1. Customers with a meeting still to come are mailed that it is off.
    2. The connection ends as on disconnecting: its data are erased, its credential is worth nothing.
    3. The account is deleted, and pages, bookings and the Activity stream with it. Items in calendars stay.
    """
    user = lock_host(user.pk)
    told = plan_farewell(user)
    connection = Connection.objects.filter(user=user).first()
    erased = erase(connection, actor="user") if connection else {}
    bookings = user.bookings.count()
    user.delete()
    return Receipt(erased, bookings, told)
