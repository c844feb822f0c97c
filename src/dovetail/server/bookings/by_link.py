"""The Customer's own page of a booking, reached by the secret link: see, move, cancel it, or take it home as .ics."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dovetail.server.bookings import place
from dovetail.server.bookings.availability import Mode, live_connection, page_state
from dovetail.server.bookings.errors import BookingRefused
from dovetail.server.bookings.forms import ChoiceForm, ReasonForm
from dovetail.server.bookings.invitation import invitation
from dovetail.server.bookings.models import Actor, Booking, Status
from dovetail.server.bookings.public import times_context
from dovetail.server.bookings.week import start_value
from dovetail.server.notifications.compose import absolute
from dovetail.server.pages.zone_choices import zone_or


@require_http_methods(["GET", "HEAD"])
@never_cache
def booking(request: HttpRequest, token: str) -> HttpResponse:
    return render(request, "bookings/customer_booking.html", _context(_find(token)))


@require_http_methods(["GET", "HEAD"])
@never_cache
def ics(request: HttpRequest, token: str) -> HttpResponse:
    """The booking for the Customer's calendar. There is none of a request."""
    found = _find(token)
    if not found.was_scheduled:
        return redirect("customer_booking", token)
    text = invitation(
        found,
        start=found.start,
        end=found.end,
        revision=found.revision,
        link=absolute("customer_booking", token),
        canceled=found.status == Status.CANCELED,
    )
    headers = {"Content-Disposition": 'attachment; filename="booking.ics"'}
    return HttpResponse(text, content_type="text/calendar; charset=utf-8", headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def reschedule(request: HttpRequest, token: str) -> HttpResponse:
    """Choose another time (`start` absent), look at both (GET with `start`), take it (POST)."""
    found = _find(token)
    context = _context(found)
    if not context["can_reschedule"] or found.event_type is None:
        return render(request, "bookings/customer_booking.html", context | {"refused": True}, status=409)
    choice = ChoiceForm(request.POST or request.GET)
    if not choice.is_valid():
        return _times(request, found)
    start = choice.cleaned_data["start"]
    if request.method != "POST":
        zone = zone_or(choice.cleaned_data["zone"], found.customer_zone)
        new = {"start": start, "end": start + found.event_type.length, "value": start_value(start), "zone": zone}
        return render(request, "bookings/confirm_reschedule.html", context | new)
    try:
        place.reschedule(found, start)
    except BookingRefused:
        return _times(request, found, is_taken=True)
    return redirect("customer_booking", token)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def cancel(request: HttpRequest, token: str) -> HttpResponse:
    found = _find(token)
    context = _context(found)
    if not context["can_cancel"]:
        return render(request, "bookings/customer_booking.html", context | {"refused": True}, status=409)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            place.cancel(found, Actor.CUSTOMER, form.cleaned_data["reason"])
        except BookingRefused:
            return render(request, "bookings/customer_booking.html", context | {"refused": True}, status=409)
        return redirect("customer_booking", token)
    return render(request, "bookings/customer_cancel.html", context | {"form": form})


def _find(token: str) -> Booking:
    return get_object_or_404(Booking.objects.select_related("host", "event_type__page"), link_token=token)


def _context(booking: Booking) -> dict[str, object]:
    now = timezone.now()
    ahead = booking.start > now
    can_reschedule = False
    if booking.stands and ahead and booking.event_type is not None:
        state = page_state(booking.event_type.page, now, live_connection(booking.host_id))
        can_reschedule = state.mode is Mode.OPEN
    return {
        "booking": booking,
        "host": booking.host,
        "page": booking.event_type and booking.event_type.page,
        "can_reschedule": can_reschedule,
        "can_cancel": ahead and (booking.stands or booking.status == Status.REQUESTED),
        "zone": booking.customer_zone,
    }


def _times(request: HttpRequest, booking: Booking, *, is_taken: bool = False) -> HttpResponse:
    assert booking.event_type is not None
    context = times_context(request, booking.event_type, booking.customer_zone, moving=booking)
    context |= {"booking": booking, "is_taken": is_taken}
    return render(request, "bookings/choose.html", context, status=409 if is_taken else 200)
