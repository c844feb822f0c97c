"""``sync``: a folder calendar of 10,000 events (500 recurring): first sync, nothing changed, one event changed. Time,
peak memory of the client process, bytes on the wire; beside vdirsyncer taking the same files to a Radicale.

Both clients are started as a user would, once a sync; both talk to their server through the same counting forwarder
(ours with TLS, the peer's without). The peer has the files in collections of 1,000, because a Radicale looks through
the whole collection at each upload and 10,000 in one would take it hours; ours has them in one folder. Some minutes.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.events import as_folder, calendar, component, this_monday
from benchmarks.result import Result
from benchmarks.wire import Wire, wire_to
from dovetail.demo import programs
from dovetail.demo.people import User

EVENTS = 10_000
IN_A_COLLECTION = 1_000
CASES = ("first sync", "nothing changed", "one event changed")


@dataclass(frozen=True)
class Figures:
    seconds: float
    peak_mb: float
    bytes_on_wire: int


def run() -> Iterator[Result]:
    with tempfile.TemporaryDirectory(prefix="dovetail-bench-") as directory:
        home = Path(directory)
        as_folder(home / "calendar", EVENTS, this_monday())
        as_folder(home / "peer" / "files", EVENTS, this_monday())
        ours, theirs = dovetail(home), vdirsyncer(home / "peer")
    for case, mine, peers in zip(CASES, ours, theirs, strict=True):
        peer = "vdirsyncer to Radicale"
        yield Result("sync", f"{case}: time", mine.seconds, "s", peer, peers.seconds)
        yield Result("sync", f"{case}: peak memory", mine.peak_mb, "MB", peer, peers.peak_mb)
        yield Result("sync", f"{case}: on the wire", mine.bytes_on_wire, "bytes", peer, peers.bytes_on_wire)


def measure(wire: Wire, command: list[str], environment: dict[str, str]) -> Figures:
    """One run of a client: its wall time, its own peak memory, and what went over the wire."""
    wire.taken()
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    peak_mb = 0.0
    while process.poll() is None:
        peak_mb = max(peak_mb, _peak_mb(process.pid))
        time.sleep(0.005)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with exit code {process.returncode}")
    return Figures(seconds, peak_mb, wire.taken())


def _peak_mb(pid: int) -> float:
    """The kernel's high-water mark. Not ru_maxrss: a child starts with its parent's."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def three(sync: Callable[[], Figures], folder: Path) -> list[Figures]:
    first, unchanged = sync(), sync()
    uid, text = component(1, this_monday() + timedelta(days=8, hours=10), chance=random.Random(1))
    (folder / f"{uid.partition('@')[0]}.ics").write_text(calendar(text), newline="")
    return [first, unchanged, sync()]


def dovetail(home: Path) -> list[Figures]:
    with programs.server(home) as server, wire_to(server.https_port) as wire:
        user = User(server, "bench@example.org", "Bench", "UTC")
        connector = programs.Connector(home / "connector", home / "connector.log")
        folder = home / "followed"
        folder.mkdir()
        through_wire = programs.Server(server.data, wire.port, server.http_port, server.program)
        connector.pair(through_wire, user.connect(), folder)
        user.close()
        folder.rmdir()
        (home / "calendar").rename(folder)
        command = [*programs.DOVETAIL, "sync", "--json"]
        return three(lambda: measure(wire, command, {"DOVETAIL_HOME": str(connector.home)}), folder)


@contextmanager
def radicale(home: Path) -> Iterator[int]:
    port = programs.free_port(0)
    command = [
        sys.executable, "-m", "radicale", "--config", "", "--server-hosts", f"127.0.0.1:{port}",
        "--storage-filesystem-folder", str(home / "radicale"), "--auth-type", "none",
        "--logging-level", "warning",
    ]  # fmt: skip
    program = programs.start("Radicale", tuple(command), home / "radicale.log", {})
    try:
        programs.wait_until(lambda: _listens(port), timeout=30, what="Radicale starts")
        yield port
    finally:
        program.stop()


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


VDIRSYNCER = """
[general]
status_path = "{home}/status"

[pair bench]
a = "files"
b = "radicale"
collections = {collections}

[storage files]
type = "filesystem"
path = "{home}/collections"
fileext = ".ics"

[storage radicale]
type = "caldav"
url = "http://127.0.0.1:{port}/bench/"
username = "bench"
password = "bench"
"""


def vdirsyncer(home: Path) -> list[Figures]:
    names = collected(home / "files", home / "collections")
    with radicale(home) as port, wire_to(port) as wire:
        config = home / "vdirsyncer.ini"
        config.write_text(VDIRSYNCER.format(home=home, port=wire.port, collections=json.dumps(names)))
        tool = [str(Path(sys.executable).with_name("vdirsyncer")), "-v", "ERROR", "-c", str(config)]
        subprocess.run([*tool, "discover"], input=b"y\n" * 3 * len(names), stdout=subprocess.DEVNULL, check=True)
        return three(lambda: measure(wire, [*tool, "sync"], {}), home / "collections" / names[0])


def collected(files: Path, collections: Path) -> list[str]:
    """Move the files into folders of a thousand; their names."""
    paths = sorted(files.iterdir())
    names = []
    for first in range(0, len(paths), IN_A_COLLECTION):
        names.append(f"c{first // IN_A_COLLECTION:02}")
        folder = collections / names[-1]
        folder.mkdir(parents=True)
        for path in paths[first : first + IN_A_COLLECTION]:
            path.rename(folder / path.name)
    return names
