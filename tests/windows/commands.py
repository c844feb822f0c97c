"""The connector's commands in Windows processes, and what the demo's people need to know of the server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dovetail.cli.exit_codes import ExitCode
from dovetail.connector.realtime.state import FILE_NAME
from dovetail.demo.people import User

COMMAND_SECONDS = 60


@dataclass
class Site:
    """What the demo's people need to know of a server."""

    url: str
    ca_file: Path


class Connector:
    """`dovetail` on one profile. What it prints goes to files: an Outlook that it starts holds a pipe open."""

    def __init__(self, folder: Path) -> None:
        self._home, self._printed, self._told = folder / "home", folder / "printed", folder / "told"
        self._log = folder / "log"

    def command(self, *arguments: str, token: str = "", check: bool = True) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        with self._printed.open("wb") as printed, self._told.open("wb") as told:
            process = subprocess.Popen(
                [sys.executable, "-X", "utf8", "-m", "dovetail", *arguments],
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=told,
                env={**os.environ, "DOVETAIL_HOME": str(self._home)},
            )
            try:
                process.communicate(token.encode(), timeout=COMMAND_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                pytest.fail(f"dovetail {arguments[0]} does not end")
        status, printed_text, told_text = (
            process.returncode,
            *(file.read_text(encoding="utf-8", errors="replace") for file in (self._printed, self._told)),
        )
        assert not check or status == ExitCode.OK, told_text or printed_text
        return status, printed_text, told_text

    def sync(self) -> dict[str, Any]:
        return dict(json.loads(self.command("sync", "--json")[1]))

    def pair(self, site: Site, user: User, calendar: str = "outlook", *options: str) -> dict[str, Any]:
        pairing = user.connect()
        _, printed, _ = self.command(
            *("connect", "--server", site.url, "--id", pairing.connector_id, "--token-stdin", "--json"),
            *("--calendar", calendar, "--ca-file", str(site.ca_file), *options),
            token=pairing.token,
        )
        return dict(json.loads(printed))

    def realtime_phase(self) -> str:
        """Of the connector that runs: "live" while hints can come."""
        try:
            return str(json.loads((self._home / FILE_NAME).read_text(encoding="utf-8"))["phase"])
        except (OSError, ValueError):
            return ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """``dovetail run``, ended as the Task Manager ends it."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-X", "utf8", "-m", "dovetail", "run"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "DOVETAIL_HOME": str(self._home)},
            )
            try:
                yield
            finally:
                process.kill()
                process.wait(COMMAND_SECONDS)
                print(self._log.read_text(encoding="utf-8", errors="replace"))
