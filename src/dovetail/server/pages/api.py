"""The open slots of an event type, as JSON: the same as its page offers."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Field, Query, Router, Schema
from ninja.errors import HttpError
from pydantic import AfterValidator, AwareDatetime

from dovetail.schedule.instants import from_minutes, to_minutes
from dovetail.schedule.intervals import Interval
from dovetail.schedule.zones import UnknownZone, zone
from dovetail.server.bookings.availability import Mode, availability
from dovetail.server.bookings.changes import page_opened
from dovetail.server.bookings.public import find_event_type
from dovetail.server.pages.models import BookingPage

MOST_DAYS = 62
USUAL_DAYS = 14
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2200, 1, 1)

router = Router(tags=["slots"])


def _known_zone(name: str) -> str:
    try:
        return zone(name).key
    except UnknownZone:
        raise ValueError("not a time zone") from None


class Asked(Schema):
    first: date | None = Field(
        None, alias="from", ge=FIRST_DAY, le=LAST_DAY, description="First date, in `zone`; default today."
    )
    last: date | None = Field(
        None, alias="to", ge=FIRST_DAY, le=LAST_DAY, description="Last date, included; default 14 days after the first."
    )
    zone: Annotated[str, AfterValidator(_known_zone)] | None = Field(
        None, description="IANA name of the zone of dates and answer; default the page's."
    )


class Slot(Schema):
    start: AwareDatetime
    end: AwareDatetime


class Slots(Schema):
    """`state`: `open`; `approval` (a booking is a request at first); `closed` (there are no slots)."""

    zone: str
    duration_minutes: int
    state: Mode
    slots: list[Slot]


class ProblemDetails(Schema):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str


@router.get(
    "/{page}/event-types/{event_type}/slots",
    response={200: Slots, 404: ProblemDetails, 422: ProblemDetails},
    summary="Open slots",
)
def slots(request: HttpRequest, response: HttpResponse, page: str, event_type: str, asked: Query[Asked]) -> Slots:
    """The starts that can be booked now, ascending, for at most 62 days at once."""
    found = find_event_type(page, event_type)
    now = timezone.now()
    tz = zone(asked.zone or found.page.zone)
    first = asked.first or now.astimezone(tz).date()
    last = asked.last or first + timedelta(days=USUAL_DAYS)
    if not timedelta(0) <= last - first < timedelta(days=MOST_DAYS):
        raise HttpError(422, f"from and to are dates in this order, with at most {MOST_DAYS} days.")
    within = Interval(_midnight(first, tz), _midnight(last + timedelta(days=1), tz))
    read = availability(found, within, now)
    page_opened.send_robust(sender=BookingPage, page=found.page)
    response.headers["Cache-Control"] = "no-store"
    return Slots(
        zone=tz.key,
        duration_minutes=found.duration,
        state=read.state.mode,
        slots=[_slot(start, found.duration, tz) for start in read.slots(to_minutes(now), within)],
    )


def _slot(start: int, duration: int, tz: tzinfo) -> Slot:
    return Slot(start=from_minutes(start).astimezone(tz), end=from_minutes(start + duration).astimezone(tz))


def _midnight(day: date, tz: tzinfo) -> int:
    return to_minutes(datetime.combine(day, time(), tz))
