"""Many PCs behind one firewall, each with `dovetail run` at work, and what befalls each of them at the same moment.

Runs as `firewall_lab` does. All PCs reach one server, each by an address of its own, so that a rule of the firewall is
one PC's trouble. Nothing of the program's patience is cut short, but what follows sleep.

Prints one line of JSON for each PC: how many seconds after the blow its status named a reason, how many after the end
of it all was well again, what the status said, and each sync it told of.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cli.server import Served
from dovetail.cli.app import app
from dovetail.connector.link.routes import ProxyCredential
from dovetail.connector.profile import Home
from network.firewall_lab import HERE, NAME, SERVER, Lab, sh

EVERY = 5.6
"""Seconds between syncs: more than an idle connection is kept, so that each goes anew through the firewall."""
NAMED_WITHIN, ENDED_WITHIN = 34.0, 45.0
SLEEP, SETTLE = 10.0, 3.0
PROXY_GONE, PROXY_ASKS = "10.77.1.21", "10.77.1.22"
SILENT, MUTE, BUSY = 8441, 8442, 8443
LEAVE_ALONE = 12
PASSWORDS = "Secret-1", "Secret-2"

Status = dict[str, Any]


@dataclass
class Pc:
    """`rules` and `nat` are the firewall's while it is struck. `strike` and `mend` do what a firewall cannot."""

    name: str
    rules: str = ""
    nat: str = ""
    door: str = ""
    proxy: str = "none"
    mode: str = "auto"
    strike: Callable[[Pc], None] = lambda pc: None
    mend: Callable[[Pc], None] = lambda pc: None
    address: str = ""
    home: Home = field(default_factory=lambda: Home(Path()))
    process: subprocess.Popen[bytes] | None = None
    statuses: list[tuple[float, Status]] = field(default_factory=list)

    def signal(self, number: signal.Signals) -> None:
        """To the program alone: what started it waits in other namespaces."""
        for found in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = found.read_bytes().split(b"\0")
                if str(self.home.folder).encode() in words and b"run" in words and b"nsenter" not in words:
                    os.kill(int(found.parent.name), number)


def to_443(port: int) -> str:
    return f"ip daddr {{address}} tcp dport 443 dnat ip to {SERVER}:{port};"


PCS = [
    Pc("undisturbed"),
    Pc("dropped", "ip daddr {address} drop;"),
    Pc("rejected", "ip daddr {address} reject with icmp type admin-prohibited;"),
    Pc("reset", "ip daddr {address} tcp dport 443 reject with tcp reset;"),
    Pc("large packets vanish", "ip saddr {address} meta length > 600 drop;"),
    Pc(
        "half-open",
        "ip daddr {address} ct original bytes > 1200 drop; ip saddr {address} ct original bytes > 1200 drop;",
    ),
    Pc("silent before TLS", nat=to_443(SILENT)),
    Pc("silent after TLS", nat=to_443(MUTE)),
    Pc("asked for time", nat=to_443(BUSY)),
    Pc(
        "sign-in page",
        "ip daddr {address} tcp dport 443 drop;",
        "ip daddr {address} tcp dport 80 dnat ip to 10.77.1.1:8080;",
    ),
    Pc(
        "no name server",
        strike=lambda pc: hosts_of(pc, known=False),
        mend=lambda pc: hosts_of(pc, known=True),
    ),
    Pc("proxy gone", door=f"ip daddr {PROXY_GONE} drop;", proxy=f"http://{PROXY_GONE}:3128"),
    Pc(
        "another password at the proxy",
        proxy=f"http://{PROXY_ASKS}:3128",
        strike=lambda pc: users(pc, PASSWORDS[1]),
        mend=lambda pc: enter(pc, PASSWORDS[1]),
    ),
    Pc("asleep", strike=lambda pc: pc.signal(signal.SIGSTOP)),
    Pc("half-open in real time", "ip daddr {address} tcp dport { 5222, 5223 } drop;", mode="real-time"),
]


def hosts_of(pc: Pc, *, known: bool) -> None:
    Path(f"/run/e/{pc.address}").write_text(f"127.0.0.1 localhost\n{pc.address} {NAME}\n" if known else "")


def users(pc: Pc, password: str) -> None:
    """Whom the proxy lets through. Squid's helper reads the file again once it is another one."""
    hashed = subprocess.run(
        ["openssl", "passwd", "-apr1", "-stdin"], input=password + "\n", capture_output=True, text=True, check=True
    )
    file = pc.home.folder.parent / "users"
    file.write_text(f"alice:{hashed.stdout}")
    later = time.time() + len(password) + PASSWORDS.index(password)
    os.utime(file, (later, later))


def enter(pc: Pc, password: str) -> None:
    """As the owner of the PC does it, while the program runs."""
    command = ["proxy", f"{PROXY_ASKS}:3128", "--user", "alice", "--password-stdin", "--home", str(pc.home.folder)]
    assert CliRunner().invoke(app, command, input=password + "\n").exit_code == 0


def prepare(lab: Lab) -> None:
    """An address of the server, a folder and a pairing for each PC."""
    pairings = Served(lab.folder / "server", 443).new_pairings(len(PCS))
    jobs = []
    for number, (pc, (connector_id, token)) in enumerate(zip(PCS, pairings, strict=True), 11):
        pc.address = f"10.77.2.{number}"
        sh(f"ip -n inet addr add {pc.address}/24 dev i0")
        hosts_of(pc, known=True)
        pc.home = Home(lab.folder / f"pc{number}")
        (lab.folder / f"calendar{number}").mkdir()
        jobs.append(
            {
                "home": str(pc.home.folder),
                "token": token,
                "profile": {
                    "server": f"https://{NAME}",
                    "connector_id": connector_id,
                    "epoch": 0,
                    "calendars": {"1": f"folder:{lab.folder}/calendar{number}"},
                    "ca_file": str(lab.folder / "server/tls/ca.pem"),
                    "mode": pc.mode,
                },
                "proxy": pc.proxy,
            }
        )
    command = lab.command("corp", sys.executable, str(HERE / "pair_all.py"))
    subprocess.run(command, input=json.dumps(jobs), text=True, check=True, env=lab.env(), stdout=sys.stderr)


def start(lab: Lab, pc: Pc) -> None:
    log = (lab.folder / f"{pc.home.folder.name}.log").open("wb")
    shortened = "from dovetail.cli import main; main()"
    if pc.name == "asleep":
        times = f"scheduler.SLEPT, scheduler.SETTLE = {SETTLE}, {SETTLE}"
        shortened = f"from dovetail.connector.sync import scheduler; {times}; {shortened}"
    command = [sys.executable, "-c", shortened, "run", "--every", str(EVERY), "--home", str(pc.home.folder)]
    pc.process = subprocess.Popen(
        lab.command("corp", *command, hosts=pc.address), stdout=log, stderr=log, env=lab.env()
    )


def look() -> None:
    """Ask for everybody's status, as ``dovetail status --json``."""
    for pc in PCS:
        told = CliRunner().invoke(app, ["status", "--json", "--home", str(pc.home.folder)]).stdout
        pc.statuses.append((time.time(), json.loads(told)))


def wait_for(pcs: list[Pc], is_so: Callable[[Pc, Status], bool], seconds: float) -> dict[str, float]:
    """Look at all until it is so for each, or the time is over; after how many seconds it was so for whom."""
    began, found = time.time(), dict[str, float]()
    while len(found) < len(pcs) and time.time() < began + seconds:
        look()
        for pc in pcs:
            at, status = pc.statuses[-1]
            if pc.name not in found and is_so(pc, status):
                found[pc.name] = round(at - began, 1)
        time.sleep(1.0)
    return found


def is_well(pc: Pc, status: Status) -> bool:
    return status["health"] == "ok" and (pc.mode == "auto" or bool(status["realtime"] and status["realtime"]["live"]))


def is_named(pc: Pc, status: Status) -> bool:
    return bool(status["error"]) or (pc.mode == "real-time" and bool(status["realtime"]["blocked"]))


def strike(lab: Lab) -> None:
    def all_of(part: str) -> str:
        return " ".join(getattr(pc, part).replace("{address}", pc.address) for pc in PCS)

    lab.firewall(
        f"policy accept; {all_of('rules')} ip daddr 10.77.2.99 drop;",
        f"chain pre {{ type nat hook prerouting priority -100; {all_of('nat')} }}\n"
        f"chain door {{ type filter hook input priority 0; policy accept; {all_of('door')} }}",
    )
    for pc in PCS:
        pc.strike(pc)


def mend(lab: Lab) -> None:
    lab.firewall("policy accept;")
    for pc in PCS:
        if pc.name != "asleep":
            pc.mend(pc)


def play(lab: Lab) -> None:
    for pc in PCS:
        start(lab, pc)
    if len(well := wait_for(PCS, is_well, 45)) < len(PCS):
        logs = [(lab.folder / f"{pc.home.folder.name}.log").read_text() for pc in PCS]
        raise RuntimeError(f"only {well} began well: {logs[0][-500:]}")
    strike(lab)
    awake = [pc for pc in PCS if pc.name not in ("undisturbed", "asleep")]
    sleeper = next(pc for pc in PCS if pc.name == "asleep")
    began = time.time()
    named = wait_for(awake, is_named, SLEEP)
    sleeper.signal(signal.SIGCONT)
    late = [pc for pc in awake if pc.name not in named]
    spent = time.time() - began
    named |= {name: round(spent + s, 1) for name, s in wait_for(late, is_named, NAMED_WITHIN - spent).items()}
    told = {pc.name: pc.statuses[-1][1] for pc in PCS}
    mended = time.time()
    mend(lab)
    well = wait_for(PCS, lambda pc, status: is_well(pc, status) and began_after(status, mended), ENDED_WITHIN)
    for pc in PCS:
        answer = {
            "scene": pc.name,
            "named": named.get(pc.name),
            "ended": well.get(pc.name),
            "status": told[pc.name],
            "syncs": syncs_seen(pc),
            "log": (lab.folder / f"{pc.home.folder.name}.log").read_text(),
        }
        print(json.dumps(answer), flush=True)


def began_after(status: Status, instant: float) -> bool:
    return datetime.fromisoformat(status["last_sync"]).timestamp() > instant


def syncs_seen(pc: Pc) -> list[tuple[str, str, str]]:
    """When it began, what triggered it and how it ended, of every try that a status showed."""
    tries = (status["last_try"] for _, status in pc.statuses if status["last_try"])
    return sorted({(each["started"], each["trigger"], each["outcome"]) for each in tries})


def strangers(lab: Lab) -> None:
    """What answers in the server's place; the sign-in page is on the firewall."""
    tls = lab.folder / "server/tls"
    command = [str(HERE / "strangers.py"), SERVER, str(SILENT), str(MUTE), str(BUSY), str(LEAVE_ALONE), str(tls)]
    subprocess.Popen(lab.command("inet", sys.executable, *command))
    subprocess.Popen(lab.command("fw", sys.executable, str(HERE / "strangers.py"), "10.77.1.1", "8080"))
    for address, port in ((SERVER, BUSY), ("10.77.1.1", 8080)):
        lab.wait_for(address, port)


def main(folder: Path) -> None:
    lab = Lab(folder)
    Path("/run/e/resolv").write_text("nameserver 10.77.2.99\n")
    sh(f"ip -n fw addr add {PROXY_GONE}/24 dev f0; ip -n fw addr add {PROXY_ASKS}/24 dev f0")
    lab.firewall("policy accept;")
    server = lab.serve("0.0.0.0")
    try:
        strangers(lab)
        prepare(lab)
        asks = next(pc for pc in PCS if "password" in pc.name)
        users(asks, PASSWORDS[0])
        asks.home.proxy_credentials.save(f"{PROXY_ASKS}:3128", ProxyCredential("alice", PASSWORDS[0]))
        lab.proxy("open", PROXY_GONE)
        lab.proxy(
            "asking",
            PROXY_ASKS,
            f"auth_param basic program /usr/lib/squid/basic_ncsa_auth {lab.folder}/users\n"
            "auth_param basic credentialsttl 1 second\nacl authed proxy_auth REQUIRED\n"
            "http_access allow authed\nhttp_access deny all",
        )
        play(lab)
        denied = (lab.folder / "asking/access.log").read_text().splitlines()
        sent = sum("TCP_DENIED/407" in line and " - HIER_NONE" not in line for line in denied)
        print(json.dumps({"scene": "the proxy's log", "wrong passwords": sent}), flush=True)
    finally:
        server.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
