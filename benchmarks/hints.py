"""``hints``: how fast and at what cost a server's hints reach connectors, for 1, 100 and 1,000 of them; beside Prosody
and ejabberd in the same run, with the same clients and the same stanza over TLS from the first byte. Some minutes.

* latency: single hints to varying clients, 200 a second at most, from handing it to the server to its being read;
* to all: one to each of 1,000 at once, until each has it; mostly the clients' own work, so look at the server's CPU;
* logins: TLS, SCRAM-SHA-256, bind and stream management, 40 at a time; server's CPU, and seconds for 1,000;
* cut: all 1,000 connections reset at once by a forwarder, until all sessions are resumed; all come from one address,
  and each first pauses up to 2 s, as a connector does.

Peers are asked by a component (XEP-0114); Dovetail's own sessions live in the process that has the hint.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import trustme

from benchmarks.result import Result
from dovetail.demo.forwarder import Forwarder
from dovetail.protocol.credential import new_connector_id, new_token, tokenize

CLIENTS = (1, 100, 1000)
SINGLES = 400
PACE = 0.005
ROUNDS = 10
IDLE_SECONDS = 10.0


def run() -> Iterator[Result]:
    from benchmarks.peers import xmpp_servers

    names = [new_connector_id().lower() for _ in range(CLIENTS[-1])]
    password = tokenize(new_token())
    makers = (xmpp_servers.dovetail, xmpp_servers.with_prosody, xmpp_servers.with_ejabberd)
    ours, *peers = [measured(maker, names, password) for maker in makers]
    for peer, figures in zip(("Prosody", "ejabberd"), peers, strict=True):
        for (case, unit), value in ours.items():
            yield Result("hints", case, value, unit, peer, figures[case, unit])


Figures = dict[tuple[str, str], float]


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


def measured(maker: Callable[..., AbstractContextManager[Any]], names: list[str], password: str) -> Figures:
    ca, figures = trustme.CA(), Figures()
    with tempfile.TemporaryDirectory(prefix="dovetail-bench-") as directory:
        folder = Path(directory)
        ca.cert_pem.write_to_path(folder / "ca.pem")
        with maker(ca, folder, names, password) as server, closing(Crowd(names, password, folder / "ca.pem")) as crowd:
            before = 0
            for number in CLIENTS:
                crowd.does("connect", port=server.port, number=number)
                time.sleep(1)
                before = before or server.private_kb()
                latency(server, crowd, names[:number], figures)
            memory = (server.private_kb() - before) / (CLIENTS[-1] - CLIENTS[0])
            figures["memory for each of 1,000 connections", "kB"] = memory
            to_all(server, crowd, names, figures)
            idle(server, figures)
            logins(server, crowd, figures)
            cut(server, crowd, figures)
    return figures


def latency(server: Any, crowd: Crowd, names: list[str], figures: Figures) -> None:
    seconds = []
    for number in range(SINGLES):
        sent = time.monotonic()
        server.hint([names[number * 37 % len(names)]], f"single-{number}")
        (heard,) = crowd.does("collect", cursor=f"single-{number}", number=1)["times"]
        seconds.append(heard - sent)
        time.sleep(max(0.0, sent + PACE - time.monotonic()))
    add(figures, f"latency, {len(names):,} connected", seconds)


def to_all(server: Any, crowd: Crowd, names: list[str], figures: Figures) -> None:
    seconds, cpu = [], server.cpu_seconds()
    for number in range(ROUNDS):
        sent = time.monotonic()
        server.hint(names, f"round-{number}")
        seconds += [at - sent for at in crowd.does("collect", cursor=f"round-{number}", number=len(names))["times"]]
        time.sleep(0.5)
    used = server.cpu_seconds() - cpu
    add(figures, f"latency, to all {len(names):,}", seconds)
    figures["server CPU for each hint to all", "ms"] = used / ROUNDS / len(names) * 1000


def add(figures: Figures, case: str, seconds: list[float]) -> None:
    figures[f"{case}: p50", "ms"] = statistics.median(seconds) * 1000
    figures[f"{case}: p99", "ms"] = statistics.quantiles(seconds, n=100)[98] * 1000


def idle(server: Any, figures: Figures) -> None:
    before = server.cpu_seconds()
    time.sleep(IDLE_SECONDS)
    figures["idle CPU, 1,000 connected", "% of a core"] = (server.cpu_seconds() - before) / IDLE_SECONDS * 100


def logins(server: Any, crowd: Crowd, figures: Figures) -> None:
    """The clients have logged in before: they keep what a password costs them."""
    crowd.does("leave")
    time.sleep(2)
    before = server.cpu_seconds()
    took = crowd.does("connect", port=server.port, number=CLIENTS[-1])["seconds"]
    figures["server CPU for each login", "ms"] = (server.cpu_seconds() - before) / CLIENTS[-1] * 1000
    figures["1,000 logins", "s"] = took
    crowd.does("leave")
    time.sleep(2)


def cut(server: Any, crowd: Crowd, figures: Figures) -> None:
    with closing(Forwarder(server.port)) as network:
        crowd.does("connect", port=network.port, number=CLIENTS[-1])
        crowd.does("survive")
        began = time.monotonic()
        network.cut()
        back = crowd.does("all_back", number=CLIENTS[-1])
        figures["1,000 cut at once, all resumed", "s"] = back["at"] - began
        print(f"{server.name}: {back}", file=sys.stderr)
