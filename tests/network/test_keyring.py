"""The name and password for a proxy in the keyring of a real desktop session (GNOME's, by the Secret Service), and
nowhere else: not in a file, a log, an address, or the list of processes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.server import serving
from network import squid
from network.processes import require, running

NAME = "book.lab.test"
SECRETS = [squid.PASSWORD.encode(), base64.b64encode(f"{squid.USER}:{squid.PASSWORD}".encode())]


@dataclass
class Seen:
    answers: list[dict[str, object]]
    printed: str
    commands: set[bytes]
    home: Path
    lab: Path
    proxy: str
    token: str


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    """A proxy's password entered, a PC paired and synced through it, each by a command of its own."""
    programs = [require("dbus-run-session"), "--", sys.executable, str(Path(__file__).parent / "keyring_session.py")]
    require("gnome-keyring-daemon")
    with tempfile.TemporaryDirectory(prefix="dovetail-keyring-") as folder, ExitStack() as stack:
        lab, home = Path(folder), Path(folder) / "pc"
        lab.chmod(0o755)
        for name in ("conf", "logs", "run", "calendar", "session"):
            (lab / name).mkdir()
            (lab / name).chmod(0o777 if name in ("logs", "run") else 0o700 if name == "session" else 0o755)
        (lab / "conf/hosts").write_text(f"127.0.0.1 localhost {NAME}\n")
        proxy = f"localhost:{stack.enter_context(running(squid.Squids(lab).basic())).port}"
        served = stack.enter_context(serving(lab / "server", (NAME, "localhost")))
        ((connector_id, token),) = served.new_pairings(1)
        dovetail = [sys.executable, "-m", "dovetail"]
        server = ["--server", f"https://{NAME}:{served.port}", "--ca-file", str(served.ca_file), "--json"]
        pairing = ["--id", connector_id, "--calendar", f"folder:{lab}/calendar", "--token-stdin"]
        steps = [
            (["proxy", proxy, "--user", squid.USER, "--password-stdin", "--json"], squid.PASSWORD),
            (["connect", *server, *pairing, "--proxy", f"http://{proxy}"], token),
            (["sync", "--json"], ""),
            (["status", "--json"], ""),
            (["doctor", "network", "--json"], ""),
            (["proxy", proxy, "--forget", "--json"], ""),
            (["sync", "--json"], ""),
        ]
        environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environ.pop("PYTHON_KEYRING_BACKEND", None)
        session = {name: str(lab / "session") for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME")}
        with _every_command_line() as commands:
            done = subprocess.run(
                programs,
                input=json.dumps([([*dovetail, *arguments], given) for arguments, given in steps]),
                env={**environ, **session, "DOVETAIL_HOME": str(home)},
                capture_output=True,
                text=True,
                timeout=120,
            )
        assert done.returncode == 0, done.stderr[-2000:]
        told = json.loads(done.stdout)
        answers = [json.loads(out) if out else {} for _, out, _ in told]
        yield Seen(answers, json.dumps(told), commands, home, lab, proxy, token)


@contextmanager
def _every_command_line() -> Iterator[set[bytes]]:
    """What any program of this machine can read of the others."""
    found: set[bytes] = set()
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.05):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    found.add(file.read_bytes())

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield found
    finally:
        is_over.set()
        looking.join(5)


def test_the_keyring_holds_it_and_every_command_finds_it_there(seen: Seen) -> None:
    kept, paired, synced, status, report, *_ = seen.answers
    assert kept["credential"] == "the keyring of this account"
    assert paired["credential"] == "the keyring of this account"
    assert (paired["ok"], synced["ok"], report["ok"]) == (True, True, True)
    assert status["network"]["way"] == f"through the proxy {seen.proxy}"  # type: ignore[index]
    lines = (seen.lab / "logs/basic-access.log").read_text().splitlines()
    assert any("TCP_TUNNEL/200" in line and f" {squid.USER} " in line for line in lines)


def test_once_forgotten_it_is_gone_and_the_owner_is_asked_to_enter_it(seen: Seen) -> None:
    *_, forgotten, without = seen.answers
    assert forgotten["credential"] is None
    assert without["ok"] is False
    assert f"dovetail proxy {seen.proxy} --user NAME" in str(without["error"])


def test_no_file_of_the_connector_holds_it(seen: Seen) -> None:
    files = [file for file in seen.home.rglob("*") if file.is_file()]
    assert {"profile.json", "journal.sqlite3", "network.json"} <= {file.name for file in files}
    assert not {"credential", "proxy-credential"} & {file.name for file in files}
    for file in files:
        held = file.read_bytes()
        assert not [secret for secret in SECRETS if secret in held], file.name
    assert json.loads((seen.home / "profile.json").read_text())["proxy"] == f"http://{seen.proxy}"


def test_no_log_and_no_output_holds_it(seen: Seen) -> None:
    logs = [*(seen.lab / "logs").iterdir(), seen.lab / "server.log"]
    for held in [seen.printed.encode(), *(log.read_bytes() for log in logs)]:
        assert not [secret for secret in SECRETS if secret in held]
        assert json.dumps(squid.PASSWORD)[1:-1].encode() not in held


def test_the_list_of_processes_never_shows_it_nor_the_token(seen: Seen) -> None:
    assert any(b"--password-stdin" in command for command in seen.commands), "the program was seen while it ran"
    for command in seen.commands:
        assert not [secret for secret in [*SECRETS, seen.token.encode()] if secret in command]
