"""Opening and closing an account."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.db import transaction

from dovetail.server.accounts.models import User
from dovetail.server.pages.models import BookingPage, EventType, WeeklyHours
from dovetail.server.pages.slugs import propose_slug

WORKDAYS = range(5)  # Monday to Friday
NINE, FIVE = 9 * 60, 17 * 60


@transaction.atomic
def open_account(email: str, password: str, name: str, zone: str) -> User:
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
    similar = BookingPage.objects.filter(slug__startswith=propose_slug(name, set())).values_list("slug", flat=True)
    page = BookingPage.objects.create(
        user=user,
        slug=propose_slug(name, set(similar)),
        title=f"Meet {name}" if name else "My booking page",
        zone=zone,
    )
    WeeklyHours.objects.bulk_create(
        WeeklyHours(page=page, weekday=day, start_minute=NINE, end_minute=FIVE) for day in WORKDAYS
    )
    EventType.objects.create(page=page, slug="30-minutes", name="30-minute meeting", duration=30, spacing=30)
    return page
