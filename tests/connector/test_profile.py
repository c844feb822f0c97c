"""The folder of one pairing."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dovetail.connector.calendar_spec import BadCalendarSpec, open_calendar, read_spec
from dovetail.connector.calendars.port import CalendarError
from dovetail.connector.profile import Home, NotPaired, Profile, ProfileError, ProfileInUse, find_home

PROFILE = Profile(
    server="https://book.example.org", connector_id="ABCDEFGH23", epoch=3, calendars={1: "folder:/calendar"}
)

HOLDER = """
import sys, pathlib
from dovetail.connector.profile import Home
with Home(pathlib.Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_profile_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert home.read() is None
    home.write(PROFILE)
    assert home.read() == PROFILE
    assert [file.name for file in home.folder.iterdir()] == ["profile.json"]
    if os.name == "posix":
        assert stat.S_IMODE(home.profile_file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{", "{}", '{"server": 1}', '{"unknown": true}'])
def test_a_damaged_profile_is_not_taken_for_none(tmp_path: Path, text: str) -> None:
    home = Home(tmp_path)
    home.profile_file.write_text(text)
    with pytest.raises(ProfileError, match=r"profile\.json is damaged"):
        home.read()


def test_a_pc_without_a_pairing_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotPaired, match="dovetail connect"):
        Home(tmp_path).paired()


def test_two_connectors_cannot_hold_one_profile(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert not home.in_use()
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    try:
        assert other.stdout.readline() == "held\n"
        assert home.in_use()
        with pytest.raises(ProfileInUse, match="dovetail run"), home.locked(wait=0.1):
            pass
    finally:
        other.kill()
        other.communicate()
    assert not home.in_use(), "the lock ends with its process, however that ended"


def test_forgetting_leaves_nothing_of_the_pairing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.write(PROFILE)
    for name in ("journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3.damaged-1"):
        (home.folder / name).write_bytes(b"")
    home.forget(PROFILE)
    assert list(home.folder.iterdir()) == []


def test_the_home_is_the_named_one_or_that_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOVETAIL_HOME", str(tmp_path / "of-environment"))
    assert find_home(tmp_path / "named").folder == tmp_path / "named"
    assert find_home().folder == tmp_path / "of-environment"
    monkeypatch.delenv("DOVETAIL_HOME")
    assert find_home().folder.name == "dovetail-connector"


def test_a_calendar_spec_names_its_folder_from_wherever_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cal").mkdir()
    monkeypatch.chdir(tmp_path)
    spec = read_spec("folder:cal")
    assert spec == f"folder:{tmp_path / 'cal'}"
    monkeypatch.chdir("/")
    calendar = open_calendar(spec)
    assert [listed.name for listed in calendar.list_calendars()] == ["cal"]
    calendar.close()


@pytest.mark.parametrize("text", ["", "cal", "folder:", "outlook-file:", "Outlook", ":cal"])
def test_a_spec_of_no_calendar_says_how_one_looks(text: str) -> None:
    with pytest.raises(BadCalendarSpec, match="folder:PATH"):
        read_spec(text)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("outlook", "outlook"),
        ("outlook:", "outlook"),
        (" outlook : Work profile ", "outlook:Work profile"),
        ("outlook+start", "outlook+start"),
        ("outlook+start:Work", "outlook+start:Work"),
    ],
)
def test_outlook_is_named_with_or_without_its_profile(text: str, spec: str) -> None:
    assert read_spec(text) == spec


@pytest.mark.skipif(sys.platform == "win32", reason="there Outlook can be reached")
@pytest.mark.parametrize("spec", ["outlook", "outlook+start:Work"])
def test_outlook_on_another_system_says_what_can_be_used_instead(spec: str) -> None:
    with pytest.raises(CalendarError, match="outlook-file:PATH") as raised:
        open_calendar(spec)
    assert not raised.value.transient
