"""Where a Customer books: choose a time, say who you are, done. Plain forms; nothing here needs JavaScript.

1. The times of a week (:func:`choose`). Picking one asks for a hold and goes on to
2. the form (:func:`book`). A time that is gone by then is replaced on the same page, with what was typed kept.
3. The confirmation is the booking's own page (:mod:`~.by_link`).
"""

from __future__ import annotations

import secrets
from datetime import date, datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dovetail.schedule.instants import to_minutes
from dovetail.schedule.zones import zone
from dovetail.server.bookings import place
from dovetail.server.bookings.availability import Mode, availability, live_connection, page_state, whole_horizon
from dovetail.server.bookings.changes import page_opened
from dovetail.server.bookings.errors import BookingRefused
from dovetail.server.bookings.forms import BookForm, ChoiceForm
from dovetail.server.bookings.models import Booking, Hold
from dovetail.server.bookings.week import Time, next_times, start_value, week
from dovetail.server.pages.models import BookingPage, EventType
from dovetail.server.pages.when import local
from dovetail.server.pages.zone_choices import zone_or

ALTERNATIVES = 12


@require_http_methods(["GET", "HEAD"])
@never_cache
def booking_page(request: HttpRequest, page: str) -> HttpResponse:
    """What can be booked with this User."""
    found = get_object_or_404(BookingPage.objects.select_related("user"), slug=page, user__is_active=True)
    state = page_state(found, timezone.now(), live_connection(found.user_id))
    page_opened.send_robust(sender=BookingPage, page=found)
    context = {
        "page": found,
        "state": state,
        "event_types": found.event_types.filter(is_active=True),
        "zone": request.GET.get("zone", ""),
    }
    return render(request, "bookings/booking_page.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def choose(request: HttpRequest, page: str, event_type: str) -> HttpResponse:
    found = find_event_type(page, event_type)
    form = ChoiceForm(request.POST or None)
    if not form.is_valid():
        return _times(request, found)
    start = form.cleaned_data["start"]
    try:
        kept = place.hold(found, start, instead_of=form.cleaned_data["hold"])
    except BookingRefused:
        return _times(request, found, day=start, is_taken=True)
    query = {"start": start_value(start), "zone": form.cleaned_data["zone"], "hold": kept.token if kept else ""}
    return redirect(f"{reverse('book', args=[page, event_type])}?{urlencode(query)}", permanent=False)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def book(request: HttpRequest, page: str, event_type: str) -> HttpResponse:
    found = find_event_type(page, event_type)
    if request.method != "POST":
        choice = ChoiceForm(request.GET)
        if not choice.is_valid():
            return redirect("event_type", page, event_type)
        initial = {**choice.cleaned_data, "start": request.GET["start"], "key": secrets.token_urlsafe(24)}
        return _form(request, found, BookForm(initial=initial), choice.cleaned_data)
    form = BookForm(request.POST)
    if not form.is_valid():
        return _form(request, found, form, form.cleaned_data)
    data = form.cleaned_data
    try:
        booking = place.place(found, data["start"], form.customer(), hold=data["hold"], key=data["key"])
    except BookingRefused:
        return _form_with_other_times(request, found, form)
    return redirect("customer_booking", booking.link_token)


def find_event_type(page: str, event_type: str) -> EventType:
    return get_object_or_404(
        EventType.objects.select_related("page__user"),
        page__slug=page,
        page__user__is_active=True,
        slug=event_type,
        is_active=True,
    )


def times_context(
    request: HttpRequest,
    event_type: EventType,
    default_zone: str,
    *,
    day: datetime | None = None,
    moving: Booking | None = None,
) -> dict[str, object]:
    """The week the address asks for (`zone`, `from`, `day`), or the one of `day`."""
    now = timezone.now()
    asked = request.POST or request.GET
    zone_name = zone_or(asked.get("zone", ""), default_zone)
    within = whole_horizon(event_type, now)
    found = availability(event_type, within, now, moving=moving, hold=asked.get("hold", ""))
    starts = found.slots(to_minutes(now), within)
    wanted = day.astimezone(zone(zone_name)).date() if day else _date(request.GET.get("day"))
    return {
        "page": event_type.page,
        "event_type": event_type,
        "state": found.state,
        "zone": zone_name,
        "week": week(starts, zone_name, now, first=_date(request.GET.get("from")), day=wanted),
        "hold": asked.get("hold", ""),
        "now": now,
    }


def _times(
    request: HttpRequest, event_type: EventType, *, day: datetime | None = None, is_taken: bool = False
) -> HttpResponse:
    context = times_context(request, event_type, event_type.page.zone, day=day) | {"is_taken": is_taken}
    page_opened.send_robust(sender=BookingPage, page=event_type.page)
    return render(request, "bookings/choose.html", context, status=409 if is_taken else 200)


def _form(
    request: HttpRequest,
    event_type: EventType,
    form: BookForm,
    data: dict[str, object],
    alternatives: list[Time] | None = None,
) -> HttpResponse:
    """The form, for the time in `data`; or, when that is gone, with the `alternatives` to choose from."""
    now = timezone.now()
    state = page_state(event_type.page, now, live_connection(event_type.page.user_id))
    kept = Hold.objects.filter(token=data.get("hold", ""), expires_at__gt=now).first()
    start = data.get("start")
    context = {
        "page": event_type.page,
        "event_type": event_type,
        "state": state,
        "form": form,
        "start": start,
        "end": isinstance(start, datetime) and start + event_type.length,
        "zone": data.get("zone") or event_type.page.zone,
        "kept_until": kept and kept.expires_at,
        "alternatives": alternatives,
        "is_gone": alternatives is not None,
    }
    refused = alternatives is not None or state.mode is Mode.CLOSED
    return render(request, "bookings/book.html", context, status=409 if refused else 200)


def _form_with_other_times(request: HttpRequest, event_type: EventType, form: BookForm) -> HttpResponse:
    """The time is gone. What was typed stays; another time is chosen here."""
    now = timezone.now()
    data = form.cleaned_data
    within = whole_horizon(event_type, now)
    starts = availability(event_type, within, now, hold=data["hold"]).slots(to_minutes(now), within)
    alternatives = [
        Time(start_value(start), f"{local(start, data['zone']):%a %d %b, %H:%M}")
        for start in next_times(starts, data["start"], ALTERNATIVES)
    ]
    return _form(request, event_type, form, {**data, "hold": ""}, alternatives)


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
