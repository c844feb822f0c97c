"""A User's event types: add, change, delete."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dovetail.server.accounts.requests import SignedInRequest
from dovetail.server.notifications.compose import absolute
from dovetail.server.pages.forms import EventTypeForm
from dovetail.server.pages.manage import find_page
from dovetail.server.pages.models import EventType


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_event_type(request: SignedInRequest, pk: int) -> HttpResponse:
    page = find_page(request, pk)
    form = EventTypeForm(page, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, f"“{form.instance}” can be booked.")
        return redirect("page", pk)
    return render(request, "pages/event_type.html", {"page": page, "form": form})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def event_type(request: SignedInRequest, pk: int) -> HttpResponse:
    found = _find(request, pk)
    form = EventTypeForm(found.page, request.POST if request.method == "POST" else None, instance=found)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("page", found.page_id)
    saved = _find(request, pk)
    address = absolute("event_type", saved.page.slug, saved.slug)
    return render(
        request, "pages/event_type.html", {"page": saved.page, "saved": saved, "form": form, "address": address}
    )


@login_required
@require_POST
def delete_event_type(request: SignedInRequest, pk: int) -> HttpResponse:
    found = _find(request, pk)
    found.delete()
    messages.success(request, f"“{found}” is deleted. Bookings of it stand.")
    return redirect("page", found.page_id)


def _find(request: SignedInRequest, pk: int) -> EventType:
    return get_object_or_404(EventType.objects.select_related("page"), pk=pk, page__user=request.user)
