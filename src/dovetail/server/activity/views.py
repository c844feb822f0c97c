"""The Activity stream, page by page."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from dovetail.server.accounts.requests import SignedInRequest
from dovetail.server.activity.models import Entry

ON_A_PAGE = 50


@login_required
@never_cache
def activity(request: SignedInRequest) -> HttpResponse:
    rows = Entry.objects.filter(user=request.user).select_related("booking")
    page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "activity/activity.html", {"entries": page})
