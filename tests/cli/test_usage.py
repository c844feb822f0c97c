"""What the command line says when it is used wrongly, or nothing is set up yet."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dovetail import __version__
from dovetail.cli.exit_codes import ExitCode
from dovetail.protocol.credential import new_connector_id, new_token

Run = Callable[..., subprocess.CompletedProcess[str]]

COMMANDS = ("demo", "serve", "connect", "sync", "run", "status", "mode", "disconnect", "doctor", "proxy", "admin")


def test_the_version_is_told(dovetail: Run) -> None:
    assert dovetail("--version").stdout == f"dovetail {__version__}\n"


def test_help_names_every_command_and_the_documentation_every_option(dovetail: Run) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    shown = dovetail("--help").stdout
    for command in COMMANDS:
        assert f"  {command} " in shown
        options = set(re.findall(r"(--[a-z-]+)", dovetail(command, "--help").stdout)) - {"--help", "--no-yes"}
        for option in options:
            assert option in manual, f"{command} {option}"


def test_the_documentation_lists_the_exit_codes() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    table = manual.partition("## Exit codes")[2].partition("##")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == list(ExitCode)


def test_no_option_takes_the_token(dovetail: Run) -> None:
    token = new_token()
    done = dovetail("connect", "--token", token)
    assert done.returncode == ExitCode.USAGE
    assert token not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["sync", "status", "run", "disconnect"])
def test_without_a_pairing_the_next_step_is_named(dovetail: Run, command: str) -> None:
    done = dovetail(command)
    assert done.returncode == ExitCode.NOT_PAIRED
    assert done.stdout == ""
    assert done.stderr == "dovetail: This PC is not connected to a Dovetail server yet: run `dovetail connect`.\n"


@pytest.mark.parametrize("command", ["sync", "status", "disconnect"])
def test_json_is_one_object_for_failures_too(dovetail: Run, command: str) -> None:
    done = dovetail(command, "--json")
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert told["exit_code"] == done.returncode == ExitCode.NOT_PAIRED
    assert "dovetail connect" in told["error"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"--server": "http://book.example.org"}, "only over TLS"),
        ({"--server": None}, "--server is missing"),
        ({"--id": "short"}, "10 letters and digits"),
        ({"--calendar": "outlok"}, "folder:PATH"),
        ({"--calendar": "folder:"}, "folder:PATH"),
        ({"--ca-file": "nowhere.pem"}, "no file"),
        ({"--interval": "0"}, "--interval"),
        ({"--interval": "61"}, "--interval"),
        ({"--mode": "sometimes"}, "--mode"),
        ({"token": "ABCD-EFGH"}, "32 letters and digits"),
        ({"token": None}, "security token is missing"),
    ],
)
def test_what_was_typed_wrong_is_named_before_anything_is_sent(
    dovetail: Run, tmp_path: Path, changed: dict[str, str | None], words: str
) -> None:
    (tmp_path / "calendar").mkdir()
    token = new_token()
    options: dict[str, str | None] = {
        "--server": "https://localhost:1",
        "--id": new_connector_id(),
        "--calendar": f"folder:{tmp_path / 'calendar'}",
        "token": token,
        **changed,
    }
    token_given = options.pop("token")
    arguments = [part for name, value in options.items() if value is not None for part in (name, value)]
    env = {} if token_given is None else {"DOVETAIL_TOKEN": token_given}

    done = dovetail("connect", *arguments, env=env)

    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert (token_given or token) not in done.stderr
    assert not (tmp_path / "home" / "profile.json").exists()


def test_a_calendar_that_is_not_there_costs_no_try_at_the_server(dovetail: Run, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    done = dovetail(
        *("connect", "--server", "localhost:1", "--id", new_connector_id(), "--calendar", f"folder:{missing}"),
        env={"DOVETAIL_TOKEN": new_token()},
    )
    assert done.returncode == ExitCode.CALENDAR
    assert "Traceback" not in done.stderr


def test_a_server_that_is_not_there_is_named_and_nothing_is_kept(dovetail: Run, tmp_path: Path) -> None:
    (tmp_path / "calendar").mkdir()
    done = dovetail(
        *("connect", "--server", "localhost:1", "--id", new_connector_id(), "--calendar", "folder:calendar"),
        *("--token-stdin", "--json"),
        stdin=new_token() + "\n",
    )
    assert done.returncode == ExitCode.UNREACHABLE
    assert json.loads(done.stdout)["error"].startswith("localhost:1 refuses connections")
    assert {file.name for file in (tmp_path / "home").iterdir()} <= {"lock"}


def test_a_damaged_profile_is_named_not_overwritten(dovetail: Run, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "profile.json").write_text("{")
    done = dovetail("status")
    assert done.returncode == ExitCode.FAILED
    assert "profile.json is damaged" in done.stderr


def test_disconnecting_needs_somebody_to_ask_or_yes(dovetail: Run, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    profile = {"server": "https://localhost:1", "connector_id": new_connector_id(), "epoch": 1}
    profile["calendars"] = {"1": "folder:/x"}
    (tmp_path / "home" / "profile.json").write_text(json.dumps(profile))
    done = dovetail("disconnect")
    assert done.returncode == ExitCode.USAGE
    assert "--yes" in done.stderr
    assert (tmp_path / "home" / "profile.json").exists()


def test_half_a_certificate_is_refused(dovetail: Run, tmp_path: Path) -> None:
    done = dovetail("serve", "--data", str(tmp_path / "data"), "--cert", "server.pem")
    assert done.returncode == ExitCode.USAGE
    assert "--cert and --key belong together" in done.stderr
    assert not (tmp_path / "data").exists()


def test_admin_passes_its_arguments_on(dovetail: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    done = dovetail("admin", "--data", str(data), "migrate", "--plan", "--verbosity", "0")
    assert done.returncode == 0, done.stderr
    assert (data / "dovetail.sqlite3").exists()
    assert "Apply" not in dovetail("admin", "--data", str(data), "check").stderr
    unknown = dovetail("admin", "nonsense", env={"DOVETAIL_DATA": str(data)})
    assert unknown.returncode == 1
    assert "Unknown command: 'nonsense'" in unknown.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there it looks for Outlook")
@pytest.mark.parametrize("option", [(), ("--self-test",)])
def test_the_doctor_says_on_any_machine_what_of_outlook_can_be_used(dovetail: Run, option: tuple[str, ...]) -> None:
    done = dovetail("doctor", "outlook", *option)
    facts = json.loads(dovetail("doctor", "outlook", "--json", *option).stdout)

    assert done.returncode == facts["exit_code"] == ExitCode.CALENDAR
    assert "runs on Windows only" in done.stdout
    assert "outlook-file:PATH" in done.stdout
    assert (facts["ok"], facts["code"], facts["data_files"]) == (False, "no_windows", True)
