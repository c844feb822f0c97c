"""The connector's commands against the server as it is served."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from cli.server import Served, serving
from connector.outlook import written
from dovetail.cli.exit_codes import ExitCode
from dovetail.protocol.credential import new_token, tokenize

Run = Callable[..., subprocess.CompletedProcess[str]]
Pair = Callable[..., subprocess.CompletedProcess[str]]

DENTIST = dedent("""\
    BEGIN:VCALENDAR
    VERSION:2.0
    PRODID:-//example//EN
    BEGIN:VEVENT
    UID:dentist@example.org
    DTSTAMP:20260101T000000Z
    DTSTART:20260105T100000Z
    DTEND:20260105T110000Z
    RRULE:FREQ=WEEKLY
    SUMMARY:Dentist Dr Molar
    END:VEVENT
    END:VCALENDAR
    """)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served") / "data") as server:
        yield server


@pytest.fixture
def calendar(tmp_path: Path) -> Path:
    folder = tmp_path / "calendar"
    folder.mkdir()
    (folder / "dentist.ics").write_text(DENTIST)
    return folder


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    """An appointment dragged out of Outlook."""
    folder = tmp_path / "mails"
    folder.mkdir()
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    (folder / "Lunch.msg").write_bytes(written.msg(written.appointment(start, start + timedelta(hours=1))))
    return folder


@pytest.fixture(scope="module")
def pairings(served: Served) -> Iterator[tuple[str, str]]:
    return iter(served.new_pairings(11))


@pytest.fixture
def pairing(pairings: Iterator[tuple[str, str]]) -> tuple[str, str]:
    """Connector ID and security token of a User of this test's own."""
    return next(pairings)


@pytest.fixture
def pair(dovetail: Run, served: Served, calendar: Path, pairing: tuple[str, str]) -> Pair:
    def run(token: str = pairing[1], *extra: str) -> subprocess.CompletedProcess[str]:
        options = ["--server", served.address, "--id", pairing[0], "--ca-file", str(served.ca_file), "--token-stdin"]
        return dovetail("connect", *options, "--calendar", f"folder:{calendar}", *extra, stdin=token + "\n")

    return run


def test_connect_sync_status_disconnect(
    dovetail: Run, pair: Pair, served: Served, pairing: tuple[str, str], calendar: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"

    connected = pair(pairing[1], "--json", "--interval", "7")
    assert connected.returncode == 0, connected.stderr
    told = json.loads(connected.stdout)
    assert (told["ok"], told["outcome"], told["items_seen"]) == (True, "ok", 1)
    assert str(home / "credential") in told["credential"]
    assert stat.S_IMODE((home / "credential").stat().st_mode) == 0o600
    assert (home / "credential").read_text().split() == [pairing[0], tokenize(pairing[1])]

    synced = json.loads(dovetail("sync", "--json").stdout)
    assert (synced["outcome"], synced["requests"], synced["chunks_sent"]) == ("ok", 1, 0)

    status = json.loads(dovetail("status", "--json").stdout)
    assert (status["ok"], status["mode"], status["interval_minutes"]) == (True, "auto", 7)
    assert (status["server"], status["running"]) == (served.address, False)
    assert status["last_try"]["started"] == synced["started"]

    ended = dovetail("disconnect", "--yes", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["receipt"]["erased"]["busy_chunks"] > 0
    assert {file.name for file in home.iterdir()} <= {"lock", "sync.lock"}
    assert (calendar / "dentist.ics").read_text() == DENTIST
    assert dovetail("status").returncode == ExitCode.NOT_PAIRED


def test_two_calendars_are_read_in_one_pairing(
    pair: Pair, dovetail: Run, pairing: tuple[str, str], mails: Path
) -> None:
    told = json.loads(pair(pairing[1], "--calendar", f"outlook-file:{mails}", "--json").stdout)

    assert (told["outcome"], told["takes_bookings"]) == ("ok", True)
    assert list(told["busy_as_of"]) == ["calendar"], "what can only be read blocks when it is ticked"
    assert [line.split()[0] for line in dovetail("status").stdout.splitlines()].count("Calendar:") == 2


def test_a_calendar_that_can_only_be_read_is_paired_and_says_so(
    dovetail: Run, served: Served, pairing: tuple[str, str], mails: Path
) -> None:
    options = ["--server", served.address, "--id", pairing[0], "--ca-file", str(served.ca_file), "--token-stdin"]

    connected = dovetail("connect", *options, "--calendar", f"outlook-file:{mails}", stdin=pairing[1])

    assert connected.returncode == 0, connected.stderr
    assert "Bookings cannot be written" in connected.stdout
    assert "tick them as busy" in connected.stdout


def test_the_token_is_nowhere_afterwards_and_its_form_only_in_the_credential(
    pair: Pair, dovetail: Run, served: Served, pairing: tuple[str, str], tmp_path: Path
) -> None:
    outputs = [pair(), dovetail("sync"), dovetail("status", "--json"), dovetail("status")]
    shown = "".join(done.stdout + done.stderr for done in outputs).encode()
    token, form = pairing[1].encode(), tokenize(pairing[1]).encode()
    assert [done.returncode for done in outputs] == [0, 0, 0, 0]
    places = {
        file: file.read_bytes() for top in (tmp_path, served.data.parent) for file in top.rglob("*") if file.is_file()
    }
    for secret in (token, token.replace(b"-", b""), form):
        assert secret not in shown
        holders = {file.name for file, content in places.items() if secret in content}
        assert holders == ({"credential"} if secret == form else set())
    assert b"Molar" not in shown
    assert {file.name for file, content in places.items() if b"Molar" in content} == {"dentist.ics"}


def test_words_for_a_person(pair: Pair, dovetail: Run, served: Served, tmp_path: Path) -> None:
    connected = pair()
    assert f"Connected to {served.address}." in connected.stdout
    assert "1 appointment seen" in connected.stdout
    assert f"kept in the file {tmp_path / 'home' / 'credential'}" in connected.stdout
    assert connected.stderr == "", "no progress bar where nobody looks"
    status = dovetail("status")
    assert "Mode:        auto, every 5 min; not running" in status.stdout
    ended = dovetail("disconnect", "--yes")
    assert "Your calendar was not touched." in ended.stdout


def test_a_wrong_token_is_told_the_tries_left_and_six_of_them_how_long_the_pause_is(
    pair: Pair, pairing: tuple[str, str], tmp_path: Path
) -> None:
    for left in (5, 4, 3, 2):
        wrong = pair(new_token())
        assert wrong.returncode == ExitCode.NOT_PAIRED
        assert f"({left} more tries before a pause)" in wrong.stderr
    assert pair(new_token()).returncode == ExitCode.NOT_PAIRED
    sixth = pair(new_token())
    assert sixth.returncode == ExitCode.BLOCKED
    assert "for another 30 minutes" in sixth.stderr
    right = pair(pairing[1], "--json")
    assert right.returncode == ExitCode.BLOCKED, "also with right credentials"
    assert "minutes" in json.loads(right.stdout)["error"]
    assert not (tmp_path / "home" / "profile.json").exists()


def test_an_authority_that_nobody_named_is_not_trusted(
    dovetail: Run, served: Served, calendar: Path, pairing: tuple[str, str]
) -> None:
    done = dovetail(
        *("connect", "--server", served.address, "--id", pairing[0], "--calendar", f"folder:{calendar}"),
        env={"DOVETAIL_TOKEN": pairing[1]},
    )
    assert done.returncode == ExitCode.UNREACHABLE
    assert "does not trust the certificate" in done.stderr
    assert "--ca-file" in done.stderr


def test_deletions_in_numbers_are_held_until_confirmed(pair: Pair, dovetail: Run, calendar: Path) -> None:
    for number in range(9):
        (calendar / f"{number}.ics").write_text(DENTIST.replace("dentist@", f"{number}@"))
    assert pair().returncode == 0
    for number in range(9):
        (calendar / f"{number}.ics").unlink()

    held = dovetail("sync", "--json")
    assert held.returncode == ExitCode.HELD
    assert json.loads(held.stdout)["held"] > 0
    assert "dovetail sync --confirm-deletions" in dovetail("status").stdout

    assert dovetail("sync", "--confirm-deletions").returncode == 0
    assert "Held" not in dovetail("status").stdout


def test_an_appointment_that_cannot_be_read_is_named_and_the_rest_goes_on(
    pair: Pair, dovetail: Run, calendar: Path
) -> None:
    assert pair().returncode == 0
    (calendar / "dentist.ics").write_text("BEGIN:VCALENDAR\nnonsense")
    done = dovetail("sync", "--json")
    assert done.returncode == ExitCode.CALENDAR
    assert json.loads(done.stdout)["problems"][0]["where"].endswith("dentist.ics")


def test_a_calendar_that_is_away_is_named_and_its_busy_time_stays(pair: Pair, dovetail: Run, calendar: Path) -> None:
    assert pair().returncode == 0
    calendar.rename(calendar.with_name("away"))
    away = dovetail("sync")
    assert away.returncode == ExitCode.CALENDAR
    assert "  Problem:     Cannot read" in away.stdout
    assert json.loads(dovetail("status", "--json").stdout)["held"] == 0
    calendar.with_name("away").rename(calendar)
    assert dovetail("sync").returncode == 0


def test_after_the_server_ended_it_the_credential_is_wrong(
    pair: Pair, dovetail: Run, served: Served, pairing: tuple[str, str]
) -> None:
    assert pair().returncode == 0
    served.disconnect(pairing[0])
    done = dovetail("sync")
    assert done.returncode == ExitCode.NOT_PAIRED
    assert "wrong" in done.stderr
    last = dovetail("status").stdout
    assert "wrong_credentials" in last
    ended = dovetail("disconnect", "--yes")
    assert ended.returncode == 0
    assert "does not know this PC any more" in ended.stdout
