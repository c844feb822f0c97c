"""``hints``: how fast and at what cost a server's hints reach connectors, for 1, 100 and 1,000 of them; beside Prosody
and ejabberd in the same run, with the same clients and the same stanza over TLS from the first byte. Some minutes.

* latency: single hints to varying clients, 200 a second at most, from handing it to the server to its being read;
* to all: one to each of 1,000 at once, until each has it; mostly the clients' own work, so look at the server's CPU;
* logins: TLS, SCRAM-SHA-256, bind and stream management, 40 at a time; server's CPU, and seconds for 1,000;
* cut: all 1,000 connections reset at once by a forwarder, until all sessions are resumed; all come from one address,
  and each first pauses up to 2 s, as a connector does.

The three take turns, so that what else the machine does meets them alike. Peers are asked by a component (XEP-0114);
Dovetail's own sessions live in the process that has the hint.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trustme

from benchmarks.result import Result
from dovetail.demo.forwarder import Forwarder
from dovetail.protocol.credential import new_connector_id, new_token, tokenize

if TYPE_CHECKING:
    from benchmarks.peers.xmpp_servers import Server

CLIENTS = (1, 100, 1000)
TURNS = 10
SINGLES = 40
"""In each turn."""
PACE = 0.005
IDLE_SECONDS = 10.0


def run() -> Iterator[Result]:
    from benchmarks.peers import xmpp_servers

    peers = {"Prosody": ("prosody", xmpp_servers.with_prosody), "ejabberd": ("ejabberdctl", xmpp_servers.with_ejabberd)}
    there = {name: maker for name, (program, maker) in peers.items() if _is_installed(program)}
    names = [new_connector_id().lower() for _ in range(CLIENTS[-1])]
    with ExitStack() as stack:
        trials = [
            stack.enter_context(trial(maker, names, tokenize(new_token())))
            for maker in (xmpp_servers.dovetail, *there.values())
        ]
        for number in CLIENTS:
            for each in trials:
                each.connect(number)
            in_turn(trials, lambda each: each.singles())
        for each in trials:
            each.remember_memory()
        in_turn(trials, lambda each: each.to_all())
        for last in (Trial.idle, Trial.logins, Trial.cut):
            for each in trials:
                last(each)
    ours, *theirs = [each.figures() for each in trials]
    for peer, figures in zip(there or [None], theirs or [{}], strict=True):
        for (case, unit), value in ours.items():
            yield Result("hints", case, value, unit, peer, figures.get((case, unit)))


def _is_installed(program: str) -> bool:
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None
    if not found:
        print(f"hints: {program} is not installed, and so not measured", file=sys.stderr)
    return found


def in_turn(trials: list[Trial], what: Callable[[Trial], None]) -> None:
    for _ in range(TURNS):
        for each in trials:
            what(each)


@contextmanager
def trial(maker: Callable[..., AbstractContextManager[Server]], names: list[str], password: str) -> Iterator[Trial]:
    ca = trustme.CA()
    with tempfile.TemporaryDirectory(prefix="dovetail-bench-") as directory:
        folder = Path(directory)
        ca.cert_pem.write_to_path(folder / "ca.pem")
        with maker(ca, folder, names, password) as server, closing(Crowd(names, password, folder / "ca.pem")) as crowd:
            yield Trial(server, crowd, names)


class Crowd:
    """Of clients, in a process of their own."""

    def __init__(self, names: list[str], password: str, ca_file: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.peers.xmpp_crowd"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._write({"names": names, "password": password, "ca_file": str(ca_file)})

    def does(self, what: str, **arguments: object) -> Any:
        self._write({"do": what, **arguments})
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"hints: the clients failed at {what}")
        return json.loads(line)

    def _write(self, order: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate()


class Trial:
    """Of one server, with as many clients connected as were asked for last."""

    def __init__(self, server: Server, crowd: Crowd, names: list[str]) -> None:
        self.server, self.crowd, self.names = server, crowd, names
        self.connected: list[str] = []
        self.base_kb = 0
        self.sent = 0
        self.cpu_to_all = 0.0
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.single: dict[tuple[str, str], float] = {}

    def connect(self, number: int) -> None:
        self.crowd.does("connect", port=self.server.port, number=number)
        self.connected = self.names[:number]
        time.sleep(1)
        self.base_kb = self.base_kb or self.server.private_kb()

    def singles(self) -> None:
        for _ in range(SINGLES):
            self.sent += 1
            name = self.connected[self.sent * 37 % len(self.connected)]
            began = time.monotonic()
            self._hint([name], f"latency, {len(self.connected):,} connected")
            time.sleep(max(0.0, began + PACE - time.monotonic()))

    def to_all(self) -> None:
        before = self.server.cpu_seconds()
        self._hint(self.connected, f"latency, to all {len(self.connected):,}")
        time.sleep(0.2)
        self.cpu_to_all += self.server.cpu_seconds() - before

    def _hint(self, names: list[str], case: str) -> None:
        self.sent += 1
        began = time.monotonic()
        self.server.hint(names, f"hint-{self.sent}")
        heard = self.crowd.does("collect", cursor=f"hint-{self.sent}", number=len(names))["times"]
        self.seconds[case] += [at - began for at in heard]

    def remember_memory(self) -> None:
        grown = (self.server.private_kb() - self.base_kb) / (CLIENTS[-1] - CLIENTS[0])
        self.single["memory for each of 1,000 connections", "kB"] = grown

    def idle(self) -> None:
        before = self.server.cpu_seconds()
        time.sleep(IDLE_SECONDS)
        used = (self.server.cpu_seconds() - before) / IDLE_SECONDS * 100
        self.single["idle CPU, 1,000 connected", "% of a core"] = used

    def logins(self) -> None:
        """The clients have logged in before: they keep what a password costs them."""
        self._leave()
        before = self.server.cpu_seconds()
        took = self.crowd.does("connect", port=self.server.port, number=CLIENTS[-1])["seconds"]
        self.single["server CPU for each login", "ms"] = (self.server.cpu_seconds() - before) / CLIENTS[-1] * 1000
        self.single["1,000 logins", "s"] = took

    def cut(self) -> None:
        self._leave()
        with closing(Forwarder(self.server.port)) as network:
            self.crowd.does("connect", port=network.port, number=CLIENTS[-1])
            self.crowd.does("survive")
            began = time.monotonic()
            network.cut()
            back = self.crowd.does("all_back", number=CLIENTS[-1])
        self.single["1,000 cut at once, all resumed", "s"] = back["at"] - began

    def _leave(self) -> None:
        self.crowd.does("leave")
        time.sleep(2)

    def figures(self) -> dict[tuple[str, str], float]:
        found = {}
        for case, seconds in self.seconds.items():
            found[f"{case}: p50", "ms"] = statistics.median(seconds) * 1000
            found[f"{case}: p99", "ms"] = statistics.quantiles(seconds, n=100)[98] * 1000
        found["server CPU for each hint to all", "ms"] = self.cpu_to_all / TURNS / CLIENTS[-1] * 1000
        return found | self.single
