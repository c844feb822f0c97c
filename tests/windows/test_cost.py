"""What a look at a large calendar costs in calls and time when each call goes to another process."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from connector.calendars.contract import WINDOW
from dovetail.connector.calendars.port import ScanRequest
from dovetail.connector.outlook.opening import open_outlook
from windows.outlook_user import OutlookUser, is_running

ITEMS = 2000
MOST_CALLS = 150


def test_a_look_at_two_thousand_items_of_which_none_changed_opens_none(
    user: OutlookUser, capsys: pytest.CaptureFixture[str]
) -> None:
    if not is_running():
        user.opens_outlook()
    main, _ = user.does("reset")
    known = user.does("fill", main, ITEMS)
    port = open_outlook()
    port.list_calendars()  # the worker has started
    user.does("clear_log")

    began = time.perf_counter()
    scan = port.scan(ScanRequest(main, WINDOW, known))
    seconds = time.perf_counter() - began
    calls = user.does("log")
    port.close()

    tell(capsys, items=ITEMS, calls=len(calls), seconds=round(seconds, 3))
    assert (scan.complete, len(scan.unchanged), scan.items, scan.problems) == (True, ITEMS, (), ())
    assert ("NameSpace", "GetItemFromID") not in calls
    assert len(calls) <= MOST_CALLS


def tell(capsys: pytest.CaptureFixture[str], **measured: float) -> None:
    """On the terminal, and for `make bench` in the file that it names."""
    with capsys.disabled():
        print(f"\nno-change scan over COM: {measured}")
    if file := os.environ.get("DOVETAIL_MEASURED"):
        Path(file).write_text(json.dumps(measured))
