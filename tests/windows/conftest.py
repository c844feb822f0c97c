"""Tests that run in a Windows Python, under Wine: see scripts/test-windows. Elsewhere none of them is collected."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "win32":
    collect_ignore_glob = ["test_*.py"]
else:
    pytest.register_assert_rewrite("connector.calendars.contract")

    from dovetail.demo.people import Customer, User
    from windows.commands import Connector, Site
    from windows.outlook_user import OutlookUser, is_running

    @pytest.fixture(scope="session")
    def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OutlookUser]:
        """Who has Outlook open."""
        user = OutlookUser(tmp_path_factory.mktemp("outlook") / "mailbox")
        user.opens_outlook()
        yield user
        if is_running():
            user.closes_outlook()

    @pytest.fixture(scope="session")
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
