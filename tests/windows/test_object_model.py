"""Outlook's object model over COM, from a worker process: the contract of all calendars, and what COM alone shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.calendars.contract import CalendarContract
from dovetail.connector.calendars.port import CalendarPort
from dovetail.connector.outlook.opening import open_outlook
from windows.outlook_user import OutlookUser, RemoteHand, is_running


@pytest.fixture(scope="module")
def port(user: OutlookUser) -> Iterator[CalendarPort]:
    port = open_outlook()
    yield port
    port.close()


@pytest.fixture
def hand(user: OutlookUser, port: CalendarPort) -> RemoteHand:
    if not is_running():
        port.close()  # another worker does not know that the last Outlook may still be closing
        user.opens_outlook()
    return RemoteHand(user, port)


class TestContract(CalendarContract):
    pass
