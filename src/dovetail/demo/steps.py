"""The whole story of Dovetail on the running programs, step by step: what is done, and what must then be true.

The steps build on one another and run in the order of :func:`steps`; each returns what was seen, in a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import httpx

from dovetail.cli.exit_codes import ExitCode
from dovetail.demo import data_file, diary, dying_connector
from dovetail.demo.appointments import appointment, put
from dovetail.demo.people import User
from dovetail.demo.programs import DOVETAIL, Connector, Server, start, wait_until
from dovetail.demo.realtime_steps import WHILE_HINTS_COME, WHILE_SOMETHING_IS_BLOCKED
from dovetail.demo.story import SOON, Story, require
from dovetail.protocol.credential import new_token
from dovetail.schedule.instants import from_minutes

DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)
SLOT = timedelta(minutes=30)

EVERY = "1"
"""Seconds between syncs: nobody who watches should wait for the usual minutes."""

Step = Callable[[Story], str]


def redirects_to_https(story: Story) -> str:
    plain = httpx.get(f"http://localhost:{story.server.http_port}/x?y=1", trust_env=False)
    require(plain.status_code == 308, f"plain HTTP answered {plain.status_code}")
    require(plain.headers["location"] == f"{story.server.url}/x?y=1", plain.headers["location"])
    return "plain HTTP is redirected"


def pairs(story: Story) -> str:
    require(story.customer.state() == "open", "the page is closed without a calendar")
    pairing = story.user.connect()
    require(story.customer.state() == "closed", "the page takes bookings before the first sync")
    story.pair(pairing)
    require(story.customer.state() == "open", "the page is closed after the first sync")
    require(story.calendar_name in story.user.connection().text, "the calendar is not shown")
    return "paired; from asking for a connector to its first sync the page took no bookings"


def busy_times_are_closed(story: Story) -> str:
    open_now = story.slots()
    busy = [
        (from_minutes(block.start), from_minutes(block.end))
        for block in diary.busy(story.calendar, story.first_day, story.first_day + 43 * DAY)
    ]
    clash = [at for at in open_now if any(start < at + SLOT and at < end for start, end in busy)]
    require(not clash, f"{clash[:1]} is offered and busy")
    return f"{len(open_now)} times open, none in the {len(busy)} busy ones"


def the_data_file_closes_its_slots(story: Story) -> str:
    """With a page that is open day and night: once its calendars are ticked, exactly the times it is busy at close."""
    assert story.data_file is not None
    hours = story.user.hours()
    story.user.opens({f"d{day}_0_{part}": "00:00" for day in range(7) for part in ("start", "end")})
    before = story.slots()
    busy = [
        (from_minutes(block.start), from_minutes(block.end))
        for block in data_file.busy(story.data_file, story.first_day, story.first_day + 43 * DAY)
    ]
    expected = [at for at in before if not any(start < at + SLOT and at < end for start, end in busy)]
    story.user.ticks_every_busy_calendar()
    require(story.customer.state() == "closed", "the page takes bookings before the new busy calendar is read")
    story.connector.sync()
    after = story.slots()
    require(after == expected, f"closed: {set(before) - set(after)}, expected {set(before) - set(expected)}")
    story.user.opens(hours)
    story.figures["data_file_slots_closed"] = closed = len(before) - len(after)
    if not busy:
        return "it has no busy time in the next six weeks, and closes nothing"
    return f"ticked as busy, its {len(busy)} busy times of six weeks close exactly the {closed} slots they meet"


def books(story: Story) -> str:
    story.booked = story.slots()[2]
    story.booking = story.customer.book(story.booked)
    seconds = story.wait(lambda: story.items(story.booked), "the booking is in the calendar")
    story.figures["book_to_calendar_s"] = seconds
    item = story.item(story.booked)
    require("Carla Customer" in item.subject, f"it reads {item}")
    require(item.show_as == "BUSY", f"it reads {item}")
    require(story.booked not in story.slots(), "the slot is still open")
    return f"in the calendar after {seconds} s, its slot closed"


def a_series_closes_its_slots(story: Story) -> str:
    """Weekly at an open time, the second week left out: exactly the slots it meets close, and no other."""
    story.settle()
    before = story.slots()
    open_times = set(before)
    first = next(at for at in before[6:] if {at, at + WEEK, at + 2 * WEEK} <= open_times)
    length = timedelta(minutes=45)
    series = appointment("Yoga", first, length, rrule={"freq": "weekly", "count": 3}, exdate=[first + WEEK])
    times = (first, first + 2 * WEEK)
    expected = [at for at in before if not any(t < at + SLOT and at < t + length for t in times)]
    put(story.calendar, "yoga", series)
    seconds = story.wait(lambda: first not in story.slots(), "the series closes its first slot")
    story.figures["calendar_to_slot_closed_s"] = seconds
    after = story.slots()
    require(after == expected, f"closed: {set(before) - set(after)}, expected {set(before) - set(expected)}")
    return f"exactly its {len(before) - len(after)} slots closed after {seconds} s, the exception's stays open"


def reschedules(story: Story) -> str:
    old, new = story.booked, story.slots()[9]
    before = story.item(old)
    story.customer.reschedule(story.booking, new)
    story.wait(lambda: story.items(new), "the appointment moves")
    require(before.path == story.item(new).path, "another appointment was made instead of moving the one")
    require(old in story.slots(), "the old slot stays closed")
    require(new not in story.slots(), "the new slot stays open")
    story.booked = new
    return "the same appointment moved, the old slot is open again"


def cancels(story: Story) -> str:
    story.customer.cancel(story.booking)
    story.wait(lambda: story.item(story.booked).show_as == "FREE", "the appointment is freed")
    item = story.item(story.booked)
    require(item.subject.startswith("CANCELED"), f"it reads {item}")
    require(story.booked in story.slots(), "the slot stays closed")
    return "kept as CANCELED and free, the slot is open again"


def a_deletion_is_ignored_by_default(story: Story) -> str:
    at = story.slots()[4]
    booking = story.book_and_see(at)
    story.item(at).path.unlink()
    story.settle()
    require(not story.items(at), "it was written again")
    require("Canceled" not in story.customer.look(booking), "the booking was canceled")
    require(at not in story.slots(), "its slot opened while the booking stands")
    story.customer.cancel(booking)
    return "the booking stands, its slot stays closed"


def a_deletion_cancels_when_switched_on(story: Story) -> str:
    story.user.switches(delete_cancels=True, move_reschedules=True)
    at = story.slots()[5]
    booking = story.book_and_see(at)
    story.item(at).path.unlink()
    story.wait(lambda: "canceled" in story.customer.look(booking).lower(), "the booking is canceled")
    require(at in story.slots(), "its slot stays closed")
    return "the booking is canceled, its slot is open again"


def a_move_reschedules_when_switched_on(story: Story) -> str:
    open_times = story.slots()
    at = next(at for at in open_times[5:] if at + SLOT in open_times)
    story.booking = story.book_and_see(at)
    diary.move(story.item(at), SLOT)
    story.wait(lambda: at in story.slots(), "the booking follows the appointment")
    require(at + SLOT not in story.slots(), "the new time is open")
    story.item(at + SLOT)
    story.booked = at + SLOT
    return "the booking has the appointment's new time"


def six_wrong_tokens_block(story: Story) -> str:
    """On another User's connection: a block is for one Connector ID and address, and this connector is to go on."""
    other = User(story.server, "ben@example.org", "Ben", "UTC")
    pairing = other.connect()
    other.close()
    stranger = Connector(story.connector.home.with_name("stranger"), story.connector.log)
    codes = [
        stranger.pair(story.server, replace(pairing, token=new_token()), story.calendar, check=False).returncode
        for _ in range(6)
    ]
    right = stranger.pair(story.server, pairing, story.calendar, check=False)
    require(0 not in codes, f"a wrong token was taken: {codes}")
    require(right.returncode == ExitCode.BLOCKED, f"{right.returncode}: {right.stderr}")
    return f"the right token is refused too: {right.stderr.strip().removeprefix('dovetail: ')}"


def _dies(story: Story, moment: str) -> str:
    at = story.untouched()
    story.customer.book(at)
    command = (DOVETAIL[0], "-m", "dovetail.demo.dying_connector", moment)
    dying = start("the dying connector", command, story.connector.log, {"DOVETAIL_HOME": str(story.connector.home)})
    code = dying.process.wait(60)
    require(code == dying_connector.DEAD, f"it ended with {code}:\n{dying.tail()}")
    written = len(story.items(at))
    require(written == (1 if moment == "after" else 0), f"{written} appointments when it died")
    story.connector.sync()
    story.connector.sync()
    story.item(at)
    return "restarted: one appointment"


def dies_before_writing(story: Story) -> str:
    return _dies(story, "before")


def dies_after_writing(story: Story) -> str:
    return _dies(story, "after")


def disconnecting_erases(story: Story) -> str:
    """Names and busy times of the calendar are looked for in the raw bytes of the server's files."""
    busy = diary.busy(story.calendar, story.first_day, story.first_day + 40 * DAY)[0]
    marks = {"the calendar's name": story.calendar_name.encode(), "a busy time": f"[{busy.start}, ".encode()}
    before = {what: _count(story.server, mark) for what, mark in marks.items()}
    require(all(before.values()), f"nothing to erase: {before}")
    files = {path: path.read_bytes() for path in story.calendar.glob("*.ics")}
    with story.connector.running("--every", EVERY) as program:
        story.settle()
        receipt = story.user.disconnect()
        code = program.process.wait(SOON)
    require(code == ExitCode.DISCONNECTED, f"the connector ended with {code}: {program.tail()}")
    wait_until(
        lambda: not any(_count(story.server, mark) for mark in marks.values()),
        timeout=SOON,
        what="the bytes are gone from the server's files",
    )
    require(files == {path: path.read_bytes() for path in story.calendar.glob("*.ics")}, "the calendar was touched")
    counts = ", ".join(f"{what.lower()} {count}" for what, count in receipt.facts.items())
    return f"no byte of it is left, the calendar is untouched, the connector knows; the receipt: {counts}"


def old_bookings_are_manual_events(story: Story) -> str:
    """After a reconnect: the booking's appointment is ordinary busy time, and a cancellation does not reach it."""
    item = story.item(story.booked)
    text = item.path.read_bytes()
    story.pair(story.user.connect())
    story.customer.cancel(story.booking)
    story.connector.sync()
    story.connector.sync()
    require(item.path.read_bytes() == text, "a cancellation reached the calendar")
    require(story.booked not in story.slots(), "it does not count as busy")
    return "a cancellation leaves it as it is, and it is busy like any other"


def disconnects_from_the_pc(story: Story) -> str:
    receipt = json.loads(story.connector.command("disconnect", "--yes", "--json").stdout)["receipt"]
    story.figures["erased"] = erased = receipt["erased"]
    require(erased["busy_blocks"] > 0, f"the receipt reads {receipt}")
    mark = story.calendar_name.encode()
    story.wait(lambda: not _count(story.server, mark), "the bytes are gone from the server's files")
    require(story.customer.state() == "open", "the page is closed without a calendar")
    return f"{erased['busy_blocks']} busy times erased"


def _count(server: Server, mark: bytes) -> int:
    """How often `mark` stands in any file of the server: database, write-ahead log, its own log."""
    files = [*server.data.rglob("*"), server.program.log]
    return sum(path.read_bytes().count(mark) for path in files if path.is_file())


WHILE_RUNNING: tuple[Step, ...] = (
    books,
    a_series_closes_its_slots,
    reschedules,
    cancels,
    a_deletion_is_ignored_by_default,
    a_deletion_cancels_when_switched_on,
    a_move_reschedules_when_switched_on,
)


def steps(story: Story) -> Iterator[Step]:
    """All steps in order. The middle ones run beside ``dovetail run``, which syncs every second, or, where the clock
    must not be the cause, as rarely as it does while hints come; the others start a connector as they need it."""
    yield from (redirects_to_https, pairs, busy_times_are_closed)
    if story.data_file:
        yield the_data_file_closes_its_slots
    with story.connector.running("--every", EVERY) as program:
        for step in (*WHILE_RUNNING, *WHILE_SOMETHING_IS_BLOCKED):
            program.require_running()
            yield step
    with story.connector.running() as program:
        for step in WHILE_HINTS_COME:
            program.require_running()
            yield step
    yield from (
        six_wrong_tokens_block,
        dies_before_writing,
        dies_after_writing,
        disconnecting_erases,
        old_bookings_are_manual_events,
        disconnects_from_the_pc,
    )
