"""A booking as an iCalendar file for the Customer's calendar (RFC 5545; cancelling per RFC 5546).

UID stays, SEQUENCE is the booking's revision, so a newer file replaces an older one. ORGANIZER is the address the
server sends from, under the User's name. Left out: METHOD:REQUEST, which would ask the Customer to answer.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone
from icalendar import Calendar, Event, vCalAddress, vText

from dovetail.server.bookings.models import Booking


def invitation(
    booking: Booking, *, start: datetime, end: datetime, revision: int, link: str = "", canceled: bool = False
) -> str:
    """The file's text. A canceled one has METHOD:CANCEL."""
    event = Event()
    event.add("uid", f"{booking.pk}@{urlsplit(settings.BASE_URL).hostname}")
    event.add("sequence", revision)
    event.add("dtstamp", timezone.now())
    event.add("dtstart", start)
    event.add("dtend", end)
    event.add("summary", booking.subject)
    event.add("status", "CANCELLED" if canceled else "CONFIRMED")
    if booking.location:
        event.add("location", booking.location)
    if link and not canceled:
        event.add("description", f"Reschedule or cancel: {link}")
    organizer = _address(parseaddr(settings.DEFAULT_FROM_EMAIL)[1], str(booking.host))
    event.add("organizer", organizer)
    attendee = _address(booking.customer_email, booking.customer_name)
    attendee.params["partstat"] = vText("ACCEPTED")
    event.add("attendee", attendee)

    calendar = Calendar()
    calendar.add("prodid", "-//Dovetail//Dovetail//EN")
    calendar.add("version", "2.0")
    if canceled:
        calendar.add("method", "CANCEL")
    calendar.add_component(event)
    return calendar.to_ical().decode()


def _address(email: str, name: str) -> vCalAddress:
    address = vCalAddress(f"mailto:{email}")
    address.params["cn"] = vText(name)
    return address
