"""Tests that run in a Windows Python, under Wine: see scripts/test-windows. Elsewhere none of them is collected."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

if sys.platform != "win32":
    collect_ignore_glob = ["test_*.py"]
else:
    pytest.register_assert_rewrite("connector.calendars.contract")

    from windows.outlook_user import OutlookUser, is_running

    @pytest.fixture(scope="session")
    def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OutlookUser]:
        """Who has Outlook open."""
        user = OutlookUser(tmp_path_factory.mktemp("outlook") / "mailbox")
        user.opens_outlook()
        yield user
        if is_running():
            user.closes_outlook()
