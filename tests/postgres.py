"""Debian's PostgreSQL as a program of the test: a cluster of its own, unprivileged, on a Unix socket only."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from programs import not_run

START_SECONDS = 30.0
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=40", "listen_addresses=")


@dataclass
class Cluster:
    folder: Path
    programs: Path
    identity: dict[str, Any]

    def url(self, database: str) -> str:
        return f"postgresql://tests@/{database}?host={self.folder}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What it answers, one row a line."""
        command = [self.programs / "psql", "-h", self.folder, "-U", "tests", "-d", database, "-Atc", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    def new_database(self, name: str) -> str:
        """Its URL."""
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)


@contextmanager
def running() -> Iterator[Cluster]:
    """Until the end of the block. The folder's path is short: that of a socket has an upper limit."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        not_run("PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="dovetail-pg-") as name:
        cluster = Cluster(Path(name), found[-1].parent, _unprivileged())
        if cluster.identity:
            shutil.chown(cluster.folder, cluster.identity["user"], cluster.identity["group"])
        data = cluster.folder / "data"
        initdb = [cluster.programs / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, timeout=120, cwd=name, **cluster.identity)
        options = [part for setting in FAST for part in ("-c", setting)]
        process = subprocess.Popen(
            [cluster.programs / "postgres", "-D", data, "-k", name, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=name,
            **cluster.identity,
        )
        try:
            _wait(cluster)
            yield cluster
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nothing in it is kept
            process.wait(30)


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL does not run as root; Debian's package brings a user for it."""
    if os.geteuid() != 0:
        return {}
    found = pwd.getpwnam("postgres")
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


def _wait(cluster: Cluster) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            cluster.sql("SELECT 1")
            return
        except subprocess.CalledProcessError:
            assert time.monotonic() < end, "PostgreSQL does not answer"
            time.sleep(0.1)
