"""A User's own bookings: the list, one in detail, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dovetail.server.accounts.requests import SignedInRequest
from dovetail.server.bookings import place
from dovetail.server.bookings.errors import BookingRefused, NotBookable, SlotTaken
from dovetail.server.bookings.forms import ReasonForm
from dovetail.server.bookings.models import STANDING, Actor, Booking, Status

ON_A_PAGE = 25


@login_required
@never_cache
@require_http_methods(["GET", "HEAD"])
def bookings(request: SignedInRequest) -> HttpResponse:
    """All bookings of the User, the latest first, or only those still to come."""
    rows = Booking.objects.filter(host=request.user).select_related("event_type").order_by("-start")
    page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "bookings/bookings.html", {"bookings": page})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD"])
def booking(request: SignedInRequest, pk: UUID) -> HttpResponse:
    found = _find(request, pk)
    now = timezone.now()
    context = {
        "booking": found,
        "history": found.activity.all(),
        "is_request": found.status == Status.REQUESTED,
        "can_approve": found.status == Status.REQUESTED and found.start > now,
        "can_cancel": found.stands,
        "can_mark_no_show": found.start <= now and found.status in (*STANDING, Status.COMPLETED),
        "form": ReasonForm(),
    }
    return render(request, "bookings/booking.html", context)


@login_required
@require_POST
def approve(request: SignedInRequest, pk: UUID) -> HttpResponse:
    return _do(request, pk, place.approve, "Approved. The customer gets a mail.")


@login_required
@require_POST
def decline(request: SignedInRequest, pk: UUID) -> HttpResponse:
    reason = _reason(request)
    return _do(request, pk, lambda found: place.decline(found, reason), "Declined. The customer gets a mail.")


@login_required
@require_POST
def cancel(request: SignedInRequest, pk: UUID) -> HttpResponse:
    reason = _reason(request)
    return _do(
        request, pk, lambda found: place.cancel(found, Actor.USER, reason), "Canceled. The customer gets a mail."
    )


@login_required
@require_POST
def no_show(request: SignedInRequest, pk: UUID) -> HttpResponse:
    return _do(request, pk, place.mark_no_show, "Marked as no-show.")


def _find(request: SignedInRequest, pk: UUID) -> Booking:
    return get_object_or_404(Booking.objects.select_related("host", "event_type__page"), pk=pk, host=request.user)


def _reason(request: SignedInRequest) -> str:
    form = ReasonForm(request.POST)
    return form.cleaned_data["reason"] if form.is_valid() else ""


def _do(request: SignedInRequest, pk: UUID, action: Callable[[Booking], Booking], done: str) -> HttpResponse:
    found = _find(request, pk)
    try:
        action(found)
        messages.success(request, done)
    except SlotTaken:
        messages.error(request, "Another booking has that time. Decline this one, or cancel the other first.")
    except NotBookable:
        messages.error(request, "That time has passed.")
    except BookingRefused:
        messages.error(request, "The booking has changed meanwhile. This is how it is now.")
    return redirect("booking", pk)
