"""The two programs, started as a user would start them: ``dovetail serve`` and ``dovetail connect`` / ``run``.

Each is a process of its own with a directory of its own; what it prints goes to a log file there. Leaving the context
stops them.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dovetail.cli.exit_codes import ExitCode

T = TypeVar("T")

DOVETAIL = (sys.executable, "-m", "dovetail")
FINE = (ExitCode.OK, ExitCode.CALENDAR)
"""A calendar of the caller's own may hold an appointment that cannot be read; the others go on."""
STARTING_TIMEOUT = 60.0
STOPPING_TIMEOUT = 20.0


class ProgramFailed(Exception):
    """A program ended or answered otherwise than it should; the message holds the last lines of what it printed."""


def free_port(preferred: int) -> int:
    """`preferred` if nothing listens there, else any free port."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ProgramFailed("no free port on this machine")


def wait_until(look: Callable[[], T], *, timeout: float, what: str, pause: float = 0.05) -> T:
    """The first true answer of `look`; ProgramFailed after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        if answer := look():
            return answer
        if time.monotonic() > deadline:
            raise ProgramFailed(f"{what}: not within {timeout:.0f} s")
        time.sleep(pause)


@dataclass
class Program:
    """A running process and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def require_running(self) -> None:
        if self.process.poll() is not None:
            raise ProgramFailed(f"{self.name} ended with exit code {self.process.returncode}:\n{self.tail()}")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGTERM)
            try:
                self.process.wait(STOPPING_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()


def start(name: str, command: tuple[str, ...], log: Path, environment: dict[str, str]) -> Program:
    # A group of its own: Ctrl-C reaches the demo, which then stops its programs in order.
    flags: dict[str, Any] = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            **flags,
        )
    return Program(name, process, log)


@dataclass
class Server:
    data: Path
    https_port: int
    http_port: int
    program: Program
    xmpp_port: int = 0
    xmpps_port: int = 0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.https_port}"

    @property
    def ca_file(self) -> Path:
        return self.data / "tls" / "ca.pem"


@contextmanager
def server(home: Path, *, usual_ports: bool = False, public_xmpp: tuple[int, int] | None = None) -> Iterator[Server]:
    """``dovetail serve`` on loopback with a certificate of its own local CA, mails going to its log.

    `usual_ports` are for a person to type, where they are free; others never meet those of a second server.
    `public_xmpp` are the ports, STARTTLS and direct TLS, that connectors are told, where something stands before it.
    """
    data = home / "server"
    data.mkdir(parents=True, exist_ok=True)
    wanted = (8443, 8080, 0, 0) if usual_ports else (0, 0, 0, 0)
    https_port, http_port, xmpp_port, xmpps_port = map(free_port, wanted)
    public = public_xmpp or (xmpp_port, xmpps_port)
    command = (
        *DOVETAIL,
        "serve",
        "--data",
        str(data),
        "--host",
        "127.0.0.1",
        "--name",
        "localhost",
        "--https-port",
        str(https_port),
        "--http-port",
        str(http_port),
        "--xmpp-port",
        str(xmpp_port),
        "--xmpps-port",
        str(xmpps_port),
        "--public-xmpp-port",
        str(public[0]),
        "--public-xmpps-port",
        str(public[1]),
    )
    program = start("the server", command, home / "server.log", {})
    running = Server(data, https_port, http_port, program, xmpp_port, xmpps_port)
    try:
        wait_until(lambda: _answers(running), timeout=STARTING_TIMEOUT, what="the server starts")
        yield running
    finally:
        program.stop()


def _answers(running: Server) -> bool:
    running.program.require_running()
    if not running.ca_file.exists():
        return False
    try:
        context = ssl.create_default_context(cafile=str(running.ca_file))
        with (
            socket.create_connection(("127.0.0.1", running.https_port), timeout=2) as plain,
            context.wrap_socket(plain, server_hostname="localhost"),
        ):
            return True
    except OSError:
        return False


@dataclass(frozen=True)
class Pairing:
    """What the Calendar connection page shows once."""

    connector_id: str
    token: str


@dataclass
class Connector:
    """One connector's home directory, and the commands run on it."""

    home: Path
    log: Path

    def command(self, *arguments: str, token: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``dovetail <arguments>`` to its end; the token goes in by standard input, never as an argument."""
        done = subprocess.run(  # noqa: S603 - our own program
            (*DOVETAIL, *arguments),
            input=token or None,
            stdin=None if token else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "DOVETAIL_HOME": str(self.home)},
        )
        if check and done.returncode not in FINE:
            raise ProgramFailed(f"dovetail {arguments[0]} ended with {done.returncode}:\n{done.stderr or done.stdout}")
        return done

    def pair(
        self, to: Server, pairing: Pairing, calendar: Path, *beside: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """With the folder `calendar`, and the calendars `beside` it as ``--calendar`` takes them."""
        return self.command(
            "connect",
            "--server",
            to.url,
            "--id",
            pairing.connector_id,
            "--token-stdin",
            "--calendar",
            f"folder:{calendar}",
            *(part for spec in beside for part in ("--calendar", spec)),
            "--ca-file",
            str(to.ca_file),
            "--mode",
            "real-time",
            "--interval",
            "1",
            token=pairing.token,
            check=check,
        )

    def sync(self) -> dict[str, Any]:
        return dict(json.loads(self.command("sync", "--json").stdout))

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.command("status", "--json").stdout))

    @contextmanager
    def running(self, *extra: str) -> Iterator[Program]:
        """``dovetail run``: real-time mode in the foreground."""
        program = start("the connector", (*DOVETAIL, "run", *extra), self.log, {"DOVETAIL_HOME": str(self.home)})
        try:
            yield program
        finally:
            program.stop()
