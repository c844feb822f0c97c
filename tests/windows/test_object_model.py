"""Outlook's object model over COM, from a worker process: the contract of all calendars, and what COM alone shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from connector.calendars.contract import HOUR, LATER, NINE, TEN, WINDOW, CalendarContract
from dovetail.connector.calendars.port import CalendarError, CalendarPort, ScanRequest
from dovetail.connector.outlook.choice import OBJECT_MODEL
from dovetail.connector.outlook.opening import open_outlook
from dovetail.connector.outlook.worker.process import SETTLED
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


def test_extended_mapi_that_opens_no_profile_leaves_the_object_model(hand: RemoteHand) -> None:
    """Wine has the library's functions, and no mailbox behind them."""
    (way,) = hand.port.capabilities().ways

    assert way.name == OBJECT_MODEL
    assert "could not open the profile" in way.reason


@pytest.mark.parametrize("change", ["moves", "deletes"])
def test_a_watcher_hears_of_every_kind_of_change(hand: RemoteHand, change: str) -> None:
    handle = hand.adds(hand.main, NINE, TEN)
    told = threading.Event()

    with hand.port.watch(told.set):
        getattr(hand, change)(hand.main, handle, *((LATER, LATER + HOUR) if change == "moves" else ()))
        assert told.wait(10)


def test_a_watcher_hears_again_from_an_outlook_that_was_closed_and_opened(hand: RemoteHand) -> None:
    told = threading.Event()
    with hand.port.watch(told.set):
        hand.takes_store_away()
        hand.puts_store_back()
        assert hand.port.scan(ScanRequest(hand.main, WINDOW)).complete
        told.clear()
        time.sleep(2 * SETTLED)
        told.clear()

        hand.adds(hand.main, NINE, TEN)

        assert told.wait(10)


def test_an_outlook_that_the_user_closed_is_let_go_at_once(hand: RemoteHand) -> None:
    """It could not end otherwise: whoever refers to it keeps it in memory."""
    assert hand.port.scan(ScanRequest(hand.main, WINDOW)).complete

    hand.takes_store_away()

    with pytest.raises(CalendarError, match="Open Outlook"):
        hand.port.scan(ScanRequest(hand.main, WINDOW))
    assert not is_running()
