"""The Activity stream tells what happened, in order, for good, and to its User only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dovetail.server
from dovetail.server.activity.models import Entry, record
from dovetail.server.activity.sentences import _SENTENCES, sentence
from dovetail.server.bookings.models import Actor, Change
from dovetail.server.bookings.place import cancel, move_from_calendar, place, reschedule
from dovetail.server.connections.erasure import erase
from server.people import ADA, NOW, a_host, at, connect, event_type_of

pytestmark = pytest.mark.django_db


def told(host) -> list[str]:
    return [sentence(entry) for entry in Entry.objects.filter(user=host).order_by("id")]


def test_each_change_of_a_booking_is_told() -> None:
    host = a_host()
    booking = place(event_type_of(host), at(9), ADA, now=NOW)
    booking = reschedule(booking, at(10), now=NOW)
    booking = move_from_calendar(booking, 2, at(11), at(12), now=NOW)
    cancel(booking, Actor.CUSTOMER, now=NOW)
    assert told(host) == [
        "Ada Lovelace booked a meeting",
        "Ada Lovelace took another time",
        "You moved the meeting with Ada Lovelace in your calendar",
        "Ada Lovelace canceled the meeting",
    ]
    assert Entry.objects.get(kind="booking.rescheduled").details == {
        "before": at(9).isoformat(),
        "after": at(10).isoformat(),
    }


def test_an_erasure_leaves_its_receipt(browser) -> None:
    host = a_host()
    erase(connect(host), actor="user")
    assert "its data erased: 1 calendars" in browser.sign_in(host).open("/activity/").text


def test_every_kind_that_is_written_has_a_sentence() -> None:
    sources = Path(dovetail.server.__file__).parent.rglob("*.py")
    written = set(re.findall(r'"((?:connection|booking)\.[a-z_]+)"', "".join(path.read_text() for path in sources)))
    written |= {f"booking.{change}" for change in Change}
    assert written - {"booking.ics"} <= {kind.partition(" ")[0] for kind in _SENTENCES}


def test_an_entry_is_never_changed() -> None:
    entry = record(a_host(), "connection.paired", "connector")
    entry.kind = "connection.missing"
    with pytest.raises(TypeError):
        entry.save()


def test_another_users_stream_is_not_shown(browser) -> None:
    place(event_type_of(a_host()), at(9), ADA, now=NOW)
    assert "Nothing yet." in browser.sign_in(a_host()).open("/activity/").text
