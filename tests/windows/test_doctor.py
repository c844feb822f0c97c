"""The check that a person runs on a PC with Outlook, run on the model."""

from __future__ import annotations

import json

from dovetail.cli.exit_codes import ExitCode
from windows.commands import Connector
from windows.outlook_user import OutlookUser


def test_the_self_test_goes_well_and_leaves_nothing_behind(
    connector: Connector, user: OutlookUser, calendar: str
) -> None:
    before = user.does("folders")

    status, printed, told = connector.command("doctor", "outlook", "--self-test", "--json", check=False)
    report = json.loads(printed)

    assert status == ExitCode.OK, told or printed
    assert report["self_test"]["ok"]
    assert len(report["self_test"]["steps"]) > 5
    assert user.does("folders") == before
    assert user.does("appointments") == []


def test_an_outlook_that_is_closed_is_named_and_not_opened(
    connector: Connector, user: OutlookUser, calendar: str
) -> None:
    user.closes_outlook()

    status, printed, _ = connector.command("doctor", "outlook", check=False)

    assert status == ExitCode.CALENDAR
    assert "Outlook is not running" in printed
