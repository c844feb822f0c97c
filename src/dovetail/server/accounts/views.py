"""Home, the account's settings, and deleting the account."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dovetail.server.accounts.forms import AccountForm, LeaveForm
from dovetail.server.accounts.requests import SignedInRequest
from dovetail.server.accounts.services import close_account
from dovetail.server.activity.models import Entry
from dovetail.server.activity.sentences import counts
from dovetail.server.bookings.models import STANDING, Booking, Status
from dovetail.server.pages.manage import overview

UPCOMING, ENTRIES = 10, 12


@login_required
@never_cache
@require_http_methods(["GET", "HEAD"])
def home(request: SignedInRequest) -> HttpResponse:
    """What needs an answer, what comes next, what happened."""
    now = timezone.now()
    rows = Booking.objects.filter(host=request.user).select_related("event_type").order_by("start")
    context = {
        "requests": rows.filter(status=Status.REQUESTED, start__gt=now),
        "upcoming": rows.filter(status__in=STANDING, end__gt=now)[:UPCOMING],
        "entries": Entry.objects.filter(user=request.user).select_related("booking")[:ENTRIES],
        "pages": overview(request.user, now),
    }
    return render(request, "accounts/home.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: SignedInRequest) -> HttpResponse:
    form = AccountForm(request.POST if request.method == "POST" else None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("account")
    return render(request, "accounts/account.html", {"form": form})


@sensitive_post_parameters("password")
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def delete_account(request: SignedInRequest) -> HttpResponse:
    """Say what will be deleted; with the password, delete it and show the receipt."""
    user = request.user
    form = LeaveForm(user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        receipt = close_account(user)
        logout(request)
        context = {"receipt": receipt, "erased": counts(receipt.erased), "at": timezone.now()}
        return render(request, "accounts/deleted.html", context)
    ahead = Booking.objects.filter(host=user, status__in=(*STANDING, Status.REQUESTED), start__gt=timezone.now())
    return render(request, "accounts/delete.html", {"form": form, "ahead": ahead.count()})
