"""A User's own booking pages: settings and hours."""

from __future__ import annotations

from datetime import date, datetime
from itertools import groupby

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dovetail.schedule.hours import TimeRange
from dovetail.schedule.zones import zone
from dovetail.server.accounts.models import User
from dovetail.server.accounts.requests import SignedInRequest
from dovetail.server.accounts.services import make_page
from dovetail.server.bookings.availability import PageState, live_connection, page_state
from dovetail.server.notifications.compose import absolute
from dovetail.server.pages.forms import NewPageForm, PageForm
from dovetail.server.pages.hours_forms import OverrideForm, WeeklyHoursForm, clock_text
from dovetail.server.pages.models import BookingPage


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def pages(request: SignedInRequest) -> HttpResponse:
    """All pages of the User, and a form for another."""
    form = NewPageForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        title = form.cleaned_data["title"]
        return redirect("page", make_page(request.user, title, title, request.user.zone).pk)
    return render(request, "pages/pages.html", {"pages": overview(request.user, timezone.now()), "form": form})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: SignedInRequest, pk: int) -> HttpResponse:
    found = find_page(request, pk)
    form = PageForm(request.POST if request.method == "POST" else None, instance=found)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("page", pk)
    return _page(request, pk, form=form)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def hours(request: SignedInRequest, pk: int) -> HttpResponse:
    found = find_page(request, pk)
    form = WeeklyHoursForm(found, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "The weekly hours are saved.")
        return redirect("hours", pk)
    return _hours(request, found, form, OverrideForm(found))


@login_required
@require_POST
def add_override(request: SignedInRequest, pk: int) -> HttpResponse:
    found = find_page(request, pk)
    form = OverrideForm(found, request.POST)
    if form.is_valid():
        form.save()
        messages.success(request, "The date is saved.")
        return redirect("hours", pk)
    return _hours(request, found, WeeklyHoursForm(found), form)


@login_required
@require_POST
def remove_override(request: SignedInRequest, pk: int, day: str) -> HttpResponse:
    found = find_page(request, pk)
    try:
        found.overrides.filter(day=date.fromisoformat(day)).delete()
        messages.success(request, "The weekly hours apply on that date again.")
    except ValueError:
        messages.error(request, "That is no date.")
    return redirect("hours", pk)


@login_required
@require_POST
def delete_page(request: SignedInRequest, pk: int) -> HttpResponse:
    """Bookings made on the page stay; they cannot be rescheduled by their Customers any more."""
    find_page(request, pk).delete()
    messages.success(request, "The page is deleted. Bookings made there stand.")
    return redirect("pages")


def overview(user: User, now: datetime) -> list[tuple[BookingPage, str, PageState]]:
    """The User's pages with their addresses and what they do now."""
    connection = live_connection(user.pk)
    rows = user.pages.all()
    return [(page, absolute("booking_page", page.slug), page_state(page, now, connection)) for page in rows]


def find_page(request: SignedInRequest, pk: int) -> BookingPage:
    return get_object_or_404(BookingPage.objects.select_related("user"), pk=pk, user=request.user)


def _page(request: SignedInRequest, pk: int, *, form: PageForm) -> HttpResponse:
    saved = find_page(request, pk)
    context = {"page": saved, "address": absolute("booking_page", saved.slug), "form": form}
    return render(request, "pages/page.html", context)


def _hours(
    request: SignedInRequest, page: BookingPage, form: WeeklyHoursForm, override_form: OverrideForm
) -> HttpResponse:
    today = timezone.now().astimezone(zone(page.zone)).date()
    rows = page.overrides.filter(day__gte=today)
    overrides = [
        (
            day,
            [
                clock_text(TimeRange(row.start_minute, row.end_minute))
                for row in of_day
                if row.start_minute is not None and row.end_minute is not None
            ],
        )
        for day, of_day in groupby(rows, key=lambda row: row.day)
    ]
    context = {"page": page, "form": form, "override_form": override_form, "overrides": overrides}
    return render(request, "pages/hours.html", context)
