"""Sends the mails. A row that is gone by then needs no mail."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from dovetail.schedule.instants import from_minutes
from dovetail.server.accounts.models import User
from dovetail.server.bookings.models import Booking
from dovetail.server.connections.models import Connection
from dovetail.server.jobs.outbox import enqueue
from dovetail.server.jobs.registry import job
from dovetail.server.notifications.compose import compose, compose_missing
from dovetail.server.notifications.plan import FAREWELL, MAIL, REMINDER

CONNECTOR_MISSING = "notifications.connector_missing"


@job(MAIL, database_only=False)
def send_mail(booking: str, mail: str, revision: int, start: int, end: int, before: int | None) -> None:
    found = _find(booking)
    if found is None:
        return
    compose(
        mail,
        found,
        start=from_minutes(start),
        end=from_minutes(end),
        revision=revision,
        before=None if before is None else from_minutes(before),
    ).send()


@job(REMINDER, database_only=False)
def send_reminder(booking: str, start: int) -> None:
    """Remind the Customer, if the meeting still is to be at that time, and is not one of a connection that ended."""
    found = _find(booking)
    if found is None or not found.stands or found.start != from_minutes(start) or found.start <= timezone.now():
        return
    if _is_left_behind(found):
        return
    compose("customer_reminder", found, start=found.start, end=found.end, revision=found.revision).send()


@job(FAREWELL, database_only=False)
def send_farewell(
    booking: str,
    host: str,
    revision: int,
    start: int,
    end: int,
    subject: str,
    name: str,
    email: str,
    zone: str,
    was_scheduled: bool,
) -> None:
    """The account is deleted, and the booking with it: all the mail needs is in the job."""
    gone = Booking(
        pk=booking,
        host=User(name=host),
        subject=subject,
        customer_name=name,
        customer_email=email,
        customer_zone=zone,
        seq=int(was_scheduled),
        cancel_reason=f"{host} does not take bookings here any more.",
    )
    compose("customer_canceled", gone, start=from_minutes(start), end=from_minutes(end), revision=revision).send()


@job(CONNECTOR_MISSING, database_only=False)
def send_connector_missing(connection: int, since: str) -> None:
    found = Connection.objects.select_related("user").filter(pk=connection).first()
    if found is not None and found.is_live:
        compose_missing(found.user, datetime.fromisoformat(since)).send()


def tell_connector_missing(connection: Connection) -> None:
    """Mail the User that the connector has not been heard of since `missing_since`. Once for each such time."""
    since = (connection.missing_since or connection.last_contact or timezone.now()).isoformat()
    enqueue(CONNECTOR_MISSING, f"{connection.pk}:{since}", {"connection": connection.pk, "since": since})


def _find(booking: str) -> Booking | None:
    return Booking.objects.select_related("host", "event_type__page").filter(pk=booking).first()


def _is_left_behind(booking: Booking) -> bool:
    """Detached, and another connection has taken over since: it is an ordinary appointment of the User now."""
    if not booking.detached:
        return False
    connection = Connection.objects.filter(user=booking.host_id).first()
    return connection is not None and connection.is_live and connection.epoch > (booking.epoch or 0)
