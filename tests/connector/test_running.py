"""A pairing at work, against a server that keeps to the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail
from typer.testing import CliRunner

from connector.link.loopback import EPOCH, Loopback
from dovetail.cli.app import app
from dovetail.connector.calendars.folder import FolderCalendar
from dovetail.connector.calendars.port import Capabilities, Way
from dovetail.connector.link.port import Disconnected
from dovetail.connector.link.signin import Credential
from dovetail.connector.profile import Home, Profile
from dovetail.connector.running import open_connector, recent_runs


@pytest.fixture(autouse=True)
def _no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def home(tmp_path: Path, loopback: Loopback, credential: Credential, ca_file: Path) -> Home:
    (tmp_path / "calendar").mkdir()
    home = Home(tmp_path / "home")
    home.credentials.save(credential.connector_id, credential.tokenized)
    home.write(
        Profile(
            server=loopback.origin,
            connector_id=credential.connector_id,
            epoch=EPOCH,
            calendars={1: f"folder:{tmp_path / 'calendar'}"},
            ca_file=ca_file,
        )
    )
    return home


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[Way]:
    """Of the calendar, which is a folder that could be reached in several."""
    found: list[Way] = []

    def capabilities(calendar: FolderCalendar) -> Capabilities:
        return Capabilities(watches=True, writes=True, ways=tuple(found))

    monkeypatch.setattr(FolderCalendar, "capabilities", capabilities)
    return found


def test_status_tells_the_way_into_outlook_and_why(home: Home, ways: list[Way]) -> None:
    def told() -> tuple[list[dict[str, str]], str]:
        with open_connector(home, home.paired()) as connector:
            connector.sync()
        outputs = [
            CliRunner().invoke(app, ["status", "--home", str(home.folder), *more]).stdout for more in ([], ["--json"])
        ]
        return json.loads(outputs[1])["ways"], outputs[0]

    assert told()[0] == []
    ways.append(Way("object-model", "Outlook is a 32-bit program."))
    facts, words = told()
    assert facts == [{"name": "object-model", "reason": "Outlook is a 32-bit program."}]
    assert "Reached by:  object-model. Outlook is a 32-bit program." in words
    ways.clear()
    assert told()[0] == []


def test_a_connection_that_the_server_ends_in_mid_life_is_forgotten_here(home: Home, loopback: Loopback) -> None:
    profile = home.paired()

    def live_until_it_is_ended() -> None:
        with open_connector(home, profile) as connector:
            connector.sync()
            loopback.ended = True
            connector.sync()

    with pytest.raises(Disconnected):
        live_until_it_is_ended()

    assert home.paired().ended is not None
    assert home.credentials.load(profile.connector_id) is None
    assert not home.journal_file.exists()
    loopback.requests.clear()
    with pytest.raises(Disconnected), open_connector(home, home.paired()):
        pass
    assert loopback.requests == []


def test_every_sync_is_remembered_the_latest_first(home: Home) -> None:
    with open_connector(home, home.paired()) as connector:
        connector.sync("first")
        connector.sync("second")
    assert [run.trigger for run in recent_runs(home, home.paired())] == ["second", "first"]


def test_a_connector_at_work_syncs_by_its_scheduler(home: Home) -> None:
    outcomes: list[object] = []
    with open_connector(home, home.paired()) as connector:
        scheduler = connector.scheduler()

        def told(outcome: object) -> None:
            outcomes.append(outcome)
            scheduler.stop()

        scheduler.run(told)
        assert scheduler.next_sync() is not None
    assert recent_runs(home, home.paired()) == outcomes


def test_the_next_sync_is_told_only_while_a_connector_is_at_work(home: Home) -> None:
    due = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with home.locked():
        home.note_next_sync(due)
        assert home.next_sync() == due
        home.note_next_sync(None)
        assert home.next_sync() is None
        home.note_next_sync(due)
    assert home.next_sync() is None
