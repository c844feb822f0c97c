"""Real programs on loopback, each as this test's own process in the foreground, ended by its own id."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

READY_SECONDS = 15.0


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def require(*names: str) -> str:
    """The path of a system program, in the folders of daemons too; not run, or red in CI, where there is none."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    missing(" or ".join(names))


def missing(what: str) -> NoReturn:
    """Named as not run for a person, a failure in CI."""
    message = f"not run: {what} is not installed"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def as_nobody() -> list[str]:
    """What runs a program as an ordinary user, where the tests are root's."""
    return ["setpriv", "--reuid", "proxy", "--regid", "proxy", "--clear-groups"] if os.getuid() == 0 else []


class Daemon:
    """A program that listens on `port`. Kill and start it as a test likes."""

    def __init__(
        self, command: list[str], port: int, folder: Path, log: str, env: Mapping[str, str] | None = None
    ) -> None:
        self.port = port
        self._command = command
        self._folder = folder
        self._log = folder / log
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env
            )
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError(f"{self._command[0]} did not start: {self._log.read_text(errors='replace')[-2000:]}")

    def kill(self) -> None:
        """At once, as a power cut would."""
        self._end(lambda process: process.kill())

    def ask_to_end(self) -> None:
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        self._end(lambda process: process.terminate())

    def _end(self, how) -> None:  # type: ignore[no-untyped-def]
        if self._process is not None:
            how(self._process)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
            self._process = None


@contextmanager
def running(daemon: Daemon) -> Iterator[Daemon]:
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()
