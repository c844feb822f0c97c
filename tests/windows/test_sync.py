"""The connector on Windows, with Outlook, against `dovetail serve` on another system: paired, synced, closed, opened.

The server's certificate is of a CA that this Windows does not know: the connector is told of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dovetail.cli.exit_codes import ExitCode
from dovetail.demo.people import Customer, User
from windows.outlook_user import OutlookUser, is_running

COMMAND_SECONDS = 60


@dataclass
class Site:
    """What the demo's people need to know of a server."""

    url: str
    ca_file: Path


class Connector:
    """`dovetail` on one profile. What it prints goes to files: an Outlook that it starts holds a pipe open."""

    def __init__(self, folder: Path) -> None:
        self._home, self._printed, self._told = folder / "home", folder / "printed", folder / "told"

    def command(self, *arguments: str, token: str = "", check: bool = True) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        with self._printed.open("wb") as printed, self._told.open("wb") as told:
            process = subprocess.Popen(
                [sys.executable, "-X", "utf8", "-m", "dovetail", *arguments],
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=told,
                env={**os.environ, "DOVETAIL_HOME": str(self._home)},
            )
            try:
                process.communicate(token.encode(), timeout=COMMAND_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                pytest.fail(f"dovetail {arguments[0]} does not end")
        status, printed_text, told_text = (
            process.returncode,
            *(file.read_text(encoding="utf-8", errors="replace") for file in (self._printed, self._told)),
        )
        assert not check or status == ExitCode.OK, told_text or printed_text
        return status, printed_text, told_text

    def sync(self) -> dict[str, Any]:
        return dict(json.loads(self.command("sync", "--json")[1]))


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(os.environ["DOVETAIL_TEST_SERVER"], Path(os.environ["DOVETAIL_TEST_CA_FILE"]))


@pytest.fixture
def grace(site: Site) -> Iterator[User]:
    name = f"Grace{uuid.uuid4().hex[:8]}"
    user = User(site, f"{name}@example.org", name, "Europe/Berlin")  # type: ignore[arg-type]
    yield user
    user.close()


@pytest.fixture
def carla(site: Site, grace: User) -> Iterator[Customer]:
    customer = Customer(site, grace.page)  # type: ignore[arg-type]
    yield customer
    customer.close()


@pytest.fixture
def calendar(user: OutlookUser) -> str:
    """The main one in Outlook, empty."""
    if not is_running():
        user.opens_outlook()
    main, _ = user.does("reset")
    return str(main)


@pytest.fixture
def connector(tmp_path: Path) -> Connector:
    return Connector(tmp_path)


def pair(connector: Connector, site: Site, user: User, calendar: str = "outlook") -> dict[str, Any]:
    pairing = user.connect()
    _, printed, _ = connector.command(
        *("connect", "--server", site.url, "--id", pairing.connector_id, "--token-stdin", "--json"),
        *("--calendar", calendar, "--ca-file", str(site.ca_file)),
        token=pairing.token,
    )
    return dict(json.loads(printed))


def open_times(carla: Customer) -> list[datetime]:
    return carla.slots((datetime.now(UTC) + timedelta(days=2)).date(), 21)


def adds(user: OutlookUser, calendar: str, start: datetime, minutes: int = 30) -> str:
    return str(user.does("adds", (calendar, start, start + timedelta(minutes=minutes)), {}))


def test_busy_times_in_outlook_close_their_slots(
    site: Site, grace: User, carla: Customer, connector: Connector, user: OutlookUser, calendar: str
) -> None:
    told = pair(connector, site, grace)
    taken = open_times(carla)[3]

    adds(user, calendar, taken)
    connector.sync()

    assert told["takes_bookings"]
    assert taken not in open_times(carla)


def test_a_booking_is_written_moved_and_canceled_in_outlook(
    site: Site, grace: User, carla: Customer, connector: Connector, user: OutlookUser, calendar: str
) -> None:
    pair(connector, site, grace)
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
    pair(connector, site, grace)
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
    pair(connector, site, grace)
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


def test_outlook_is_started_where_that_was_asked_for(
    site: Site, grace: User, carla: Customer, connector: Connector, user: OutlookUser, calendar: str
) -> None:
    pair(connector, site, grace, "outlook+start")
    wanted = open_times(carla)[4]
    carla.book(wanted)
    user.closes_outlook()

    connector.sync()

    assert is_running()
    assert [appointment["start"] for appointment in user.does("appointments")] == [wanted]
