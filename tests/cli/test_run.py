"""``dovetail run`` as a process: it begins, it is seen, it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from cli.server import Served, serving
from connector.link.loopback import EPOCH, Loopback
from connector.link.loopback import serving as loopback_serving
from dovetail.cli.exit_codes import ExitCode
from dovetail.protocol.credential import Verifier, new_connector_id, new_token, tokenize

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def pairings(served: Served) -> Iterator[tuple[str, str]]:
    return iter(served.new_pairings(3))


@pytest.fixture
def calendar(tmp_path: Path) -> Path:
    folder = tmp_path / "calendar"
    folder.mkdir()
    return folder


@contextmanager
def running(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "dovetail", "run"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_it_syncs_is_seen_and_ends_when_told_to(
    dovetail: Run,
    served: Served,
    pairings: Iterator[tuple[str, str]],
    calendar: Path,
    environment: dict[str, str],
) -> None:
    connector_id, token = next(pairings)
    options = ["--server", served.address, "--id", connector_id, "--ca-file", str(served.ca_file), "--token-stdin"]
    paired = dovetail("connect", *options, "--calendar", f"folder:{calendar}", stdin=token)
    assert paired.returncode == 0, paired.stderr

    with running(environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"Connected to {served.address}; Ctrl-C stops.\n"
        assert "synced in" in process.stdout.readline()

        status = json.loads(dovetail("status", "--json").stdout)
        assert status["running"] is True
        assert status["next_sync"] > status["last_sync"]
        assert dovetail("sync").returncode == 0, "a sync on demand goes beside it"
        for command in (("run",), ("disconnect", "--yes")):
            second = dovetail(*command)
            assert second.returncode == ExitCode.IN_USE
            assert "Another connector works with" in second.stderr

        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")
        assert rest.endswith("Stopped.\n")
    status = json.loads(dovetail("status", "--json").stdout)
    assert (status["running"], status["next_sync"]) == (False, None)


def test_in_real_time_mode_it_says_how_and_follows_another_mode_while_it_runs(
    dovetail: Run,
    served: Served,
    pairings: Iterator[tuple[str, str]],
    calendar: Path,
    environment: dict[str, str],
) -> None:
    connector_id, token = next(pairings)
    options = ["--server", served.address, "--id", connector_id, "--ca-file", str(served.ca_file), "--token-stdin"]
    options += ["--mode", "real-time", "--calendar", f"folder:{calendar}"]
    assert dovetail("connect", *options, stdin=token).returncode == 0
    assert "real-time, at once while it runs, else every 5 min; not running" in dovetail("status").stdout

    with running(environment) as process:
        assert process.stdout is not None
        how = f"at once (by WebSocket on port {served.port})"
        while how not in process.stdout.readline():
            assert process.poll() is None
        assert f"real-time, {how}; running" in dovetail("status").stdout
        status = json.loads(dovetail("status", "--json").stdout)
        assert (status["syncs"], status["realtime"]["live"], status["realtime"]["for_it"]) == (how, True, "")

        assert dovetail("mode", "auto").stdout == "Mode: auto.\n"
        end = time.monotonic() + 20
        while (status := json.loads(dovetail("status", "--json").stdout))["realtime"]:
            assert time.monotonic() < end
        assert (status["mode"], status["syncs"]) == ("auto", "every 5 min")
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=20)[1] == ""


def test_it_ends_when_the_server_ended_the_connection(
    dovetail: Run, tmp_path: Path, calendar: Path, environment: dict[str, str]
) -> None:
    authority, connector_id, token = trustme.CA(), new_connector_id(), new_token()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    ended = Loopback(connector_id, Verifier.of(tokenize(token)))
    ended.ended = True
    with loopback_serving(ended, authority.issue_cert("localhost")) as loopback:
        options = ["--server", loopback.origin, "--id", connector_id, "--ca-file", "ca.pem", "--token-stdin"]
        connected = dovetail("connect", *options, "--calendar", f"folder:{calendar}", stdin=token)
        assert connected.returncode == ExitCode.DISCONNECTED

        before = len(loopback.requests)
        began = time.monotonic()
        done = dovetail("run")
        assert done.returncode == ExitCode.DISCONNECTED
        assert time.monotonic() - began < 20
        assert len(loopback.requests) == before, "nothing is sent any more"
    status = dovetail("status", "--json")
    assert status.returncode == ExitCode.DISCONNECTED
    assert json.loads(status.stdout)["ended"]
    assert json.loads(status.stdout)["epoch"] == EPOCH
    assert not (tmp_path / "home" / "credential").exists()


def test_wrong_credentials_end_it_so_that_it_does_not_block_its_user(
    dovetail: Run, served: Served, pairings: Iterator[tuple[str, str]], calendar: Path
) -> None:
    connector_id, token = next(pairings)
    options = ["--server", served.address, "--id", connector_id, "--ca-file", str(served.ca_file), "--token-stdin"]
    assert dovetail("connect", *options, "--calendar", f"folder:{calendar}", stdin=token).returncode == 0
    served.disconnect(connector_id)
    done = dovetail("run")
    assert done.returncode == ExitCode.NOT_PAIRED
    assert "wrong" in done.stderr
    assert "Run `dovetail connect` with a new one" in done.stderr
