"""The connector on Windows, with Outlook, against `dovetail serve` on another system: paired, synced, closed, opened.

The server's certificate is of a CA that this Windows does not know: the connector is told of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from dovetail.cli.exit_codes import ExitCode
from dovetail.demo.people import Customer, User
from windows.commands import Connector, Site
from windows.outlook_user import OutlookUser, is_running

WAIT_SECONDS = 90.0


def open_times(carla: Customer) -> list[datetime]:
    return carla.slots((datetime.now(UTC) + timedelta(days=2)).date(), 21)


def comes_true(look: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WAIT_SECONDS
    while not (true := look()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return true


def adds(user: OutlookUser, calendar: str, start: datetime, minutes: int = 30) -> str:
    return str(user.does("adds", (calendar, start, start + timedelta(minutes=minutes)), {}))


def test_busy_times_in_outlook_close_their_slots(
    site: Site, grace: User, carla: Customer, connector: Connector, user: OutlookUser, calendar: str
) -> None:
    told = connector.pair(site, grace)
    taken = open_times(carla)[3]

    adds(user, calendar, taken)
    connector.sync()

    assert told["takes_bookings"]
    assert taken not in open_times(carla)


def test_a_booking_is_written_moved_and_canceled_in_outlook(
    site: Site, grace: User, carla: Customer, connector: Connector, user: OutlookUser, calendar: str
) -> None:
    connector.pair(site, grace)
    first, later = open_times(carla)[5], open_times(carla)[20]

    booking = carla.book(first)
    connector.sync()
    (written,) = user.does("appointments")
    carla.reschedule(booking, later)
    connector.sync()
    (moved,) = user.does("appointments")
    carla.cancel(booking)
    connector.sync()
    (canceled,) = user.does("appointments")

    assert "Carla Customer" in written["subject"]
    assert (written["start"], written["busy"]) == (first, 2)
    assert (moved["handle"], moved["start"]) == (written["handle"], later)
    assert canceled["handle"] == written["handle"]
    assert canceled["subject"].startswith("CANCELED: ")
    assert canceled["busy"] == 0


def test_a_sync_with_nothing_new_opens_no_item(
    site: Site, grace: User, carla: Customer, connector: Connector, user: OutlookUser, calendar: str
) -> None:
    connector.pair(site, grace)
    for start in open_times(carla)[:12:2]:
        adds(user, calendar, start)
    user.does("lets_time_pass")
    connector.sync()
    user.does("clear_log")

    connector.sync()

    assert ("NameSpace", "GetItemFromID") not in user.does("log")
    assert ("Table", "GetArray") in user.does("log")


def test_while_outlook_is_closed_nothing_is_lost_and_it_is_not_opened(
    site: Site, grace: User, carla: Customer, connector: Connector, user: OutlookUser, calendar: str
) -> None:
    connector.pair(site, grace)
    taken, wanted = open_times(carla)[2], open_times(carla)[9]
    adds(user, calendar, taken)
    connector.sync()
    user.closes_outlook()
    booking = carla.book(wanted)

    status, *said = connector.command("sync", check=False)
    still_closed = not is_running()
    user.opens_outlook()
    connector.sync()

    assert status == ExitCode.CALENDAR
    assert "Open Outlook" in "".join(said)
    assert still_closed
    assert taken not in open_times(carla)
    assert wanted in [appointment["start"] for appointment in user.does("appointments")]
    assert carla.look(booking)


def test_a_hint_brings_a_booking_into_outlook_long_before_the_interval_is_over(
    site: Site, grace: User, carla: Customer, connector: Connector, user: OutlookUser, calendar: str
) -> None:
    connector.pair(site, grace, "outlook", "--mode", "real-time", "--interval", "60")
    wanted = open_times(carla)[6]

    with connector.running():
        assert comes_true(lambda: connector.realtime_phase() == "live")
        carla.book(wanted)
        assert comes_true(lambda: bool(user.does("appointments")))

    assert [appointment["start"] for appointment in user.does("appointments")] == [wanted]


def test_outlook_is_started_where_that_was_asked_for(
    site: Site, grace: User, carla: Customer, connector: Connector, user: OutlookUser, calendar: str
) -> None:
    connector.pair(site, grace, "outlook+start")
    wanted = open_times(carla)[4]
    carla.book(wanted)
    user.closes_outlook()

    connector.sync()

    assert is_running()
    assert [appointment["start"] for appointment in user.does("appointments")] == [wanted]
