"""The Calendar connection page: connecting, roles, switches, what was sent, disconnecting. Works without JavaScript.

The token is in the answer that makes it and nowhere else: no redirect, no session, no cache keeps it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dovetail.protocol.messages import Access
from dovetail.server.activity.models import record
from dovetail.server.connections import erasure, pairing, showing
from dovetail.server.connections.changes import tell_settings_changed
from dovetail.server.connections.forms import RolesForm, SwitchesForm
from dovetail.server.connections.models import Connection, LastReport

View = Callable[..., HttpResponse]


def private(view: View) -> View:
    """For the User only, and never kept by a cache."""
    return login_required(cache_control(no_store=True, private=True)(view))  # type: ignore[return-value]


def with_connection(view: View) -> View:
    """Gives the view the User's live connection; without one there is only the page that offers to connect."""

    @private
    @wraps(view)
    def find(request: HttpRequest) -> HttpResponse:
        connection = _live(request)
        return redirect("connection") if connection is None else view(request, connection)

    return find


@private
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    connection = _live(request)
    if connection is None:
        return render(request, "connections/none.html", {"receipt": showing.receipt(_id(request))})
    return _page(request, connection)


@private
@require_POST
def connect(request: HttpRequest) -> HttpResponse:
    try:
        made = pairing.connect(request.user)  # type: ignore[arg-type]
    except pairing.AlreadyConnected:
        return redirect("connection")
    return _token(request, made)


@with_connection
@require_POST
def renew_token(request: HttpRequest, connection: Connection) -> HttpResponse:
    try:
        return _token(request, pairing.renew_token(connection.user))
    except pairing.NotConnected:
        return redirect("connection")


@with_connection
@require_POST
def choose_roles(request: HttpRequest, connection: Connection) -> HttpResponse:
    form = RolesForm(connection, request.POST)
    if form.is_valid() and form.save():
        messages.success(request, "Your calendars have these roles now.")
        return redirect("connection")
    return _page(request, connection, roles=form, status=422)


@with_connection
@require_POST
def set_switches(request: HttpRequest, connection: Connection) -> HttpResponse:
    with transaction.atomic():
        connection = Connection.objects.select_for_update().get(pk=connection.pk)
        form = SwitchesForm(request.POST, instance=connection)
        if form.is_valid() and connection.is_live:
            connection.save(update_fields=list(form.fields))
            if form.changed_data:
                record(request.user, "connection.switches", "user", **form.cleaned_data)
                tell_settings_changed(connection.user_id)
            messages.success(request, "Saved.")
    return redirect("connection")


@with_connection
@require_GET
def show_sent(request: HttpRequest, connection: Connection) -> HttpResponse:
    sent = LastReport.objects.filter(connection=connection).first()
    text = showing.pretty(sent.body) if sent else ""
    shown = text[: showing.SHOWN_CHARACTERS]
    return render(request, "connections/sent.html", {"sent": sent, "shown": shown, "is_cut": len(shown) < len(text)})


@with_connection
@require_GET
def download_sent(request: HttpRequest, connection: Connection) -> HttpResponse:
    sent = LastReport.objects.filter(connection=connection).first()
    if sent is None:
        return redirect("connection_sent")
    headers = {"Content-Disposition": 'attachment; filename="sent-by-the-connector.json"'}
    return HttpResponse(sent.body, content_type="application/json", headers=headers)


@with_connection
@require_http_methods(["GET", "POST"])
def disconnect(request: HttpRequest, connection: Connection) -> HttpResponse:
    if request.method == "POST":
        erasure.erase(connection, actor="user")
        return redirect("connection_receipt")
    context = {"connection": connection, "calendars": connection.calendars.all()}
    return render(request, "connections/disconnect.html", context)


@private
@require_GET
def show_receipt(request: HttpRequest) -> HttpResponse:
    receipt = showing.receipt(_id(request))
    if receipt is None:
        return redirect("connection")
    return render(request, "connections/receipt.html", {"receipt": receipt, "erased": showing.erased_words(receipt)})


def _page(
    request: HttpRequest, connection: Connection, roles: RolesForm | None = None, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    calendars = [(calendar, showing.access_words(calendar)) for calendar in connection.calendars.all()]
    context = {
        "connection": connection,
        "calendars": calendars,
        "takes_bookings": any(calendar.is_main or calendar.access == Access.BOOKABLE for calendar, _ in calendars),
        "roles": roles,
        "switches": SwitchesForm(instance=connection),
        "mode": showing.mode_words(connection),
        "push_help": connection.push_words[1:],
        "health": showing.health_words(connection),
        "problems": showing.problem_words(connection),
        "troubles": showing.troubles(connection, now),
        "blocks": showing.blocks(connection, now),
        "wrong_tries": showing.wrong_tries(connection, now),
        "is_overdue": showing.is_overdue(connection),
        "command": _command(connection.connector_id),
    }
    return render(request, "connections/connection.html", context, status=status)


def _token(request: HttpRequest, made: pairing.Pairing) -> HttpResponse:
    context = {"connection": made.connection, "token": made.token, "command": _command(made.connector_id)}
    return render(request, "connections/token.html", context)


def _command(connector_id: str) -> str:
    return f"dovetail connect --server {settings.BASE_URL} --id {connector_id}"


def _live(request: HttpRequest) -> Connection | None:
    connection = Connection.objects.select_related("user").filter(user=_id(request)).first()
    return connection if connection is not None and connection.is_live else None


def _id(request: HttpRequest) -> int:
    assert request.user.pk is not None
    return request.user.pk
