"""The steps of the demo's check in real time: what a hint causes, and what becomes of it where ports are blocked."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from dovetail.demo.appointments import appointment, put
from dovetail.demo.story import Story, require

Step = Callable[[Story], str]


def books_in_real_time(story: Story) -> str:
    """The next sync by the clock is a quarter of an hour away."""
    story.wait(lambda: story.syncs().startswith("at once (by TLS on port"), "real time is there")
    story.wait(lambda: story.last_trigger()[1] == "server", "its session begins with a sync")
    before = story.last_trigger()
    at = story.untouched()
    began = time.monotonic()
    story.customer.book(at)
    story.wait(lambda: story.items(at), "the booking is in the calendar")
    seconds = round(time.monotonic() - began, 2)
    story.wait(lambda: story.last_trigger() != before, "the sync ends")
    require(story.last_trigger()[1] == "server", f"the cause was {story.last_trigger()}")
    story.item(at)
    story.figures["real_time_book_to_calendar_s"] = seconds
    return f"{seconds} s from opening the form it was in the calendar: the server's hint was the cause"


def closes_slots_in_real_time(story: Story) -> str:
    before = story.last_trigger()
    at = story.untouched()
    put(story.calendar, "at-short-notice", appointment("At short notice", at, timedelta(minutes=30)))
    seconds = story.wait(lambda: at not in story.slots(), "the appointment closes its slot")
    story.wait(lambda: story.last_trigger() != before, "the sync ends")
    require(story.last_trigger()[1] == "calendar", f"the cause was {story.last_trigger()}")
    story.figures["real_time_calendar_to_slot_closed_s"] = seconds
    return f"seen as it was saved, its slot closed after {seconds} s, of which 10 s wait for the folder to be quiet"


def comes_through_on_443(story: Story) -> str:
    """Where a firewall blocks 5222 and 5223."""
    story.wait(lambda: story.syncs().startswith("at once (by TLS on port"), "real time is there")
    story.firewall.blocks_xmpp()
    story.wait(lambda: story.syncs().startswith("at once (by WebSocket on port"), "it goes another way")
    for_it = str(story.connector.status()["realtime"]["for_it"])
    ports = " and ".join(map(str, sorted(story.firewall.xmpp_ports)))
    require(f"localhost on ports {ports} " in for_it, f"IT is told: {for_it}")
    _books(story)
    return f"{story.syncs()}, and says: {for_it}"


def falls_back_to_the_interval(story: Story) -> str:
    """Where a proxy lets no WebSocket through either."""
    story.firewall.blocks_websockets()
    story.wait(lambda: len(story.connector.status()["realtime"]["blocked"]) == 3, "every way is tried")
    story.wait(lambda: story.syncs().startswith("every 1 min (real time is not to be had: "), "it says so")
    blocked = " ".join(story.connector.status()["realtime"]["blocked"])
    _books(story)
    story.wait(lambda: "real time is not to be had" in story.user.connection().text, "the User's page says so")
    return f"every 1 min, for: {blocked} The User's page says so too, and bookings still arrive"


def comes_back(story: Story) -> str:
    """Once all is open again; of what was booked meanwhile nothing is missing and nothing there twice."""
    story.firewall.opens()
    story.wait(lambda: story.syncs().startswith("at once (by TLS on port"), "the best way is taken again")
    _books(story)
    story.settle()
    for at in story.booked_meanwhile:
        story.item(at)
    return f"{story.syncs()}; each of the {len(story.booked_meanwhile)} bookings is in the calendar once"


def _books(story: Story) -> None:
    at = story.untouched()
    story.booked_meanwhile.append(at)
    story.customer.book(at)
    story.wait(lambda: story.items(at), "the booking is in the calendar")


WHILE_SOMETHING_IS_BLOCKED: tuple[Step, ...] = (comes_through_on_443, falls_back_to_the_interval, comes_back)
WHILE_HINTS_COME: tuple[Step, ...] = (books_in_real_time, closes_slots_in_real_time)
