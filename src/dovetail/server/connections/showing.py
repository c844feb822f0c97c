"""What the Calendar connection page shows, in words: plain values for the templates."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from dovetail.protocol.messages import Access, Health, ItemOutcome, ShowAs, SyncMode
from dovetail.server.activity.models import Entry
from dovetail.server.bookings.models import Booking, Status
from dovetail.server.connections.models import Block, ConnectedCalendar, Connection, ItemState, WrongTry

SHOWN_CHARACTERS = 200_000
"""Of what was sent; the whole of it can be downloaded."""

_HEALTH = {
    Health.OK: "Everything could be read.",
    Health.DEGRADED: "Something could not be read or written.",
    Health.HELD: "Deletions wait for you to confirm them in the connector.",
}
_PROBLEMS = {
    "calendar_unreadable": "cannot be read at the moment; its busy time is kept as it was",
    "scan_incomplete": "could not be read whole; its busy time is kept as it was",
    "item_unreadable": "appointments that cannot be read in full; they count as busy where their times are known",
    "duplicate_items": "bookings have more than one item; the others are left alone",
}
_ACCESS = {
    Access.BOOKABLE: "",
    Access.BUSY_ONLY: "Can be read, not written to.",
    Access.UNREADABLE: "Cannot be read.",
}
_OUTCOMES = {
    ItemOutcome.GONE: "was deleted in the calendar",
    ItemOutcome.ELSEWHERE: "was moved to another calendar",
    ItemOutcome.UNKNOWN: "cannot be seen at the moment",
    ItemOutcome.FAILED: "could not be written",
}
_ERASED = {
    "calendars": "Calendars, with their names",
    "busy_blocks": "Busy times",
    "busy_chunks": "Weeks of busy times",
    "item_states": "Items of bookings, as reported",
    "reports": "Last message of the connector",
    "keys": "Sessions of the connector",
    "wrong_tries": "Wrong tries",
}


@dataclass(frozen=True)
class Trouble:
    """An item that is not as its booking has it."""

    booking: Booking
    calendar: str
    what: str
    reason: str


def mode_words(connection: Connection) -> str:
    """When the connector syncs, in a line. Of real time it is what the connector told last."""
    every = f"every {connection.interval_minutes} minute{'s' * (connection.interval_minutes != 1)}"
    match connection.mode:
        case SyncMode.MANUAL:
            return "Manual: on demand"
        case SyncMode.AUTO:
            return f"Auto: {every}, and soon after the calendar changed"
    line = connection.push_words[0] if connection.push_words else every
    is_heard = connection.missing_since is None and not is_overdue(connection)
    return f"Real-time: {line}" if is_heard else f"Real-time; when last heard of: {line}"


def health_words(connection: Connection) -> str:
    return _HEALTH.get(Health(connection.health), "") if connection.health else ""


def problem_words(connection: Connection) -> list[str]:
    """A sentence for each problem the connector named."""
    names = dict(connection.calendars.values_list("key", "name"))
    sentences = []
    for problem in connection.problems:
        what = _PROBLEMS.get(problem["code"], problem["code"].replace("_", " "))
        count = f"{problem['count']} × " if problem["count"] > 1 else ""
        sentences.append(f"{names.get(problem['calendar'], 'A calendar')}: {count}{what}.")
    return sentences


def access_words(calendar: ConnectedCalendar) -> str:
    return calendar.reason or _ACCESS[Access(calendar.access)]


def troubles(connection: Connection, now: datetime) -> list[Trouble]:
    """Of bookings that are still to come, in the order of their times."""
    names = dict(connection.calendars.values_list("key", "name"))
    bookings = Booking.objects.filter(host=connection.user_id, epoch=connection.epoch, end__gt=now)
    upcoming = {booking.pk: booking for booking in bookings.exclude(status=Status.CANCELED)}
    found = []
    for item in ItemState.objects.filter(connection=connection, booking__in=upcoming):
        booking = upcoming[item.booking]
        what = _what_is_wrong(item, booking)
        if what:
            found.append(Trouble(booking, names.get(item.calendar, "a calendar"), what, item.reason))
    return sorted(found, key=lambda trouble: (trouble.booking.start, trouble.calendar))


def _what_is_wrong(item: ItemState, booking: Booking) -> str:
    if item.outcome != ItemOutcome.WRITTEN:
        return _OUTCOMES[ItemOutcome(item.outcome)]
    if item.revision < booking.revision:
        return ""  # the connector is about to write it
    if (item.start, item.end) != (booking.start, booking.end):
        return "is at another time in the calendar than the booking"
    return "is shown as free" if item.show_as == ShowAs.FREE else ""


def blocks(connection: Connection, now: datetime) -> list[Block]:
    return list(Block.objects.filter(connector_id=connection.connector_id, until__gt=now).order_by("until"))


def wrong_tries(connection: Connection, now: datetime) -> int:
    """In the last hour."""
    return WrongTry.objects.filter(connector_id=connection.connector_id, at__gt=now - timedelta(hours=1)).count()


def receipt(user_id: int) -> Entry | None:
    """Of the last disconnect."""
    return Entry.objects.filter(user=user_id, kind="connection.disconnected").first()


def erased_words(entry: Entry) -> list[tuple[str, int]]:
    """What a receipt counts, in words."""
    return [(_ERASED.get(kind, kind), count) for kind, count in entry.details["erased"].items()]


def pretty(body: str) -> str:
    """JSON, indented, each busy block on a line."""
    text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    return re.sub(r"\[\s+(\d+),\s+(\d+),\s+(\d)\s+\]", r"[\1, \2, \3]", text)


def is_overdue(connection: Connection) -> bool:
    """Two intervals without a word, in a mode that has intervals."""
    if connection.last_contact is None or connection.mode == "manual":
        return False
    return timezone.now() - connection.last_contact > 2 * timedelta(minutes=connection.interval_minutes)
