"""The Activity stream in sentences: what each kind of entry says to the User it belongs to."""

from __future__ import annotations

from dovetail.server.activity.models import Entry

_SENTENCES = {
    "booking.requested": "{customer} asked for a meeting",
    "booking.scheduled": "{customer} booked a meeting",
    "booking.approved": "You approved the request of {customer}",
    "booking.declined": "You declined the request of {customer}",
    "booking.expired": "The request of {customer} was not answered in time",
    "booking.rescheduled": "{customer} took another time",
    "booking.moved": "You moved the meeting with {customer} in your calendar",
    "booking.move_conflict": "You moved the meeting with {customer} onto another booking in your calendar; the booking "
    "stays where it was",
    "booking.canceled": "You canceled the meeting with {customer}",
    "booking.canceled by customer": "{customer} canceled the meeting",
    "booking.completed": "The meeting with {customer} is over",
    "booking.no_show": "{customer} did not come",
    "connection.started": "You began to connect a calendar",
    "connection.token_renewed": "You made a new security token",
    "connection.paired": "The connector was paired",
    "connection.connected": "The calendar is connected",
    "connection.roles_chosen": "You chose what the calendars are for",
    "connection.switches": "You chose what changes in the calendar do to bookings",
    "connection.missing": "The connector is out of touch",
    "connection.recovered": "The connector is back in touch",
    "connection.deletions_held": "The connector waits for you to confirm {count} deletions",
    "connection.feedback_held": "{count} changes to bookings from the calendar wait for you to confirm them",
    "connection.blocked": "Too many wrong tries to connect were blocked",
    "connection.disconnected": "The calendar was disconnected and its data erased: {erased}",
}


def sentence(entry: Entry) -> str:
    """What happened. A kind nobody has told of reads as its name."""
    unknown = entry.kind.replace(".", ": ").replace("_", " ").capitalize()
    text = _SENTENCES.get(f"{entry.kind} by {entry.actor}") or _SENTENCES.get(entry.kind, unknown)
    return text.format(
        customer=entry.booking.customer_name if entry.booking else "A customer",
        count=entry.details.get("count", "some"),
        erased=counts(entry.details.get("erased") or {}) or "there was none",
    )


def counts(erased: dict[str, int]) -> str:
    """A receipt in words: ``2 calendars, 31 busy blocks``."""
    return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in erased.items() if number)
