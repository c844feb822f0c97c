"""Mails as values: plain text from a template whose first line is the subject, with the invitation where there is one.

The Message-ID is made of booking, revision and kind of mail, so that a mail sent twice is recognised as one.
"""

from __future__ import annotations

from datetime import datetime
from email.mime.text import MIMEText
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from dovetail.server.accounts.models import User
from dovetail.server.bookings.invitation import invitation
from dovetail.server.bookings.models import Booking
from dovetail.server.pages.when import moment_text, span_text

_WITH_INVITATION = {"customer_booked": False, "customer_rescheduled": False, "customer_canceled": True}
"""The mails that carry one, and whether it cancels."""


def compose(
    mail: str, booking: Booking, *, start: datetime, end: datetime, revision: int, before: datetime | None = None
) -> EmailMessage:
    """`mail` is the name of a template in ``notifications/``; times and revision are those the mail is about."""
    to_customer = mail.startswith("customer_")
    zone = booking.customer_zone if to_customer else booking.host.zone
    link = absolute("customer_booking", booking.link_token) if booking.link_token else ""
    context = {
        "booking": booking,
        "host": booking.host,
        "when": span_text(start, end, zone),
        "before": before and moment_text(before, zone),
        "link": link,
        "page": absolute("booking_page", booking.event_type.page.slug) if booking.event_type else "",
        "manage": absolute("booking", booking.pk),
    }
    message = _mail(mail, context, booking.customer_email if to_customer else booking.host.email)
    answers_to = booking.host.email if to_customer else booking.customer_email
    message.reply_to = [answers_to] if answers_to else []
    message.extra_headers["Message-ID"] = f"<{booking.pk}.{revision}.{mail}@{_domain()}>"
    if mail in _WITH_INVITATION and booking.was_scheduled:
        canceled = _WITH_INVITATION[mail]
        text = invitation(booking, start=start, end=end, revision=revision, link=link, canceled=canceled)
        message.attach(_calendar_part(text, canceled))
    return message


def compose_missing(host: User, since: datetime) -> EmailMessage:
    """The connector has not been heard of since then."""
    message = _mail(
        "user_connector_missing",
        {"host": host, "since": moment_text(since, host.zone), "connection": absolute("connection")},
        host.email,
    )
    message.extra_headers["Message-ID"] = f"<{host.pk}.{since:%Y%m%d%H%M%S}.connector-missing@{_domain()}>"
    return message


def absolute(name: str, *args: Any) -> str:
    return f"{settings.BASE_URL}{reverse(name, args=args)}"


def _mail(template: str, context: dict[str, Any], to: str) -> EmailMessage:
    text = render_to_string(f"notifications/{template}.txt", context)
    subject, _, body = text.partition("\n")
    return EmailMessage(subject=" ".join(subject.split()), body=body.strip() + "\n", to=[to])


def _calendar_part(text: str, canceled: bool) -> MIMEText:
    part = MIMEText(text, "calendar", "utf-8")
    if canceled:
        part.set_param("method", "CANCEL")
    part.add_header("Content-Disposition", "attachment", filename="booking.ics")
    return part


def _domain() -> str:
    return urlsplit(settings.BASE_URL).hostname or "localhost"
