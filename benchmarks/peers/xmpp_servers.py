"""The servers that ``hints`` measures, each in a process of its own with the same accounts and the same way in for one
stanza: Dovetail's listeners, and Debian's Prosody and ejabberd with a component (XEP-0114).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

sys.path.append(str(Path(__file__).parents[2] / "tests"))

from connector.realtime import ejabberd, prosody
from connector.realtime.peer_server import COMPONENT, SECRET
from dovetail.protocol.hints import RESOURCE, Hint, jid, write

TICKS = os.sysconf("SC_CLK_TCK")
PROSODY = """
network_settings = { read_timeout = 60; nagle = false; opportunistic_writes = true }
smacks_max_queue_size = 200
smacks_max_unacked_stanzas = 0
"""
SALT, ITERATIONS = "0123456789abcdef", 4096


@dataclass
class Server:
    """`hint(names, cursor)` sends each of them one."""

    name: str
    pid: int
    port: int
    hint: Callable[[Sequence[str], str], None]

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def private_kb(self) -> int:
        """What it alone has in memory."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


@contextmanager
def dovetail(ca: trustme.CA, folder: Path, names: list[str], password: str) -> Iterator[Server]:
    certificate = ca.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for number, pem in enumerate(certificate.cert_chain_pems):
        pem.write_to_path(folder / "chain.pem", append=number > 0)
    command = [sys.executable, "-m", "benchmarks.peers.dovetail_listeners", folder / "chain.pem", folder / "key.pem"]
    environment = {**os.environ, "DOVETAIL_DATA": str(folder / "data")}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        orders = process.stdin

        def hint(to: Sequence[str], cursor: str) -> None:
            orders.write("".join(f"{name.upper()} {cursor}\n" for name in to).encode())
            orders.flush()

        orders.write(json.dumps({"names": names, "password": password}).encode() + b"\n")
        orders.flush()
        try:
            yield Server("Dovetail", process.pid, int(process.stdout.readline()), hint)
        finally:
            process.terminate()


@contextmanager
def with_prosody(ca: trustme.CA, folder: Path, names: list[str], password: str) -> Iterator[Server]:
    with prosody.running("prosody", ca, lambda made: PROSODY + prosody.own_config(made)) as running:
        accounts = running.folder / "data" / "localhost" / "accounts"
        accounts.mkdir(parents=True, exist_ok=True)
        account = _prosody_account(password)
        for name in names:
            (accounts / f"{name}.dat").write_text(account)
        for path in (accounts, accounts.parent):
            path.chmod(0o755)
        with _component(running.component) as hint:
            yield Server("Prosody", _pid_in(running.folder), running.direct, hint)


@contextmanager
def with_ejabberd(ca: trustme.CA, folder: Path, names: list[str], password: str) -> Iterator[Server]:
    with ejabberd.running("erl", ca) as running:
        for name in names:
            running.register(name, password)
        with _component(running.component) as hint:
            yield Server("ejabberd", _pid_in(running.folder), running.direct, hint)


def _prosody_account(password: str) -> str:
    """As its ``internal_hashed`` keeps them, to spare a minute of `prosodyctl`."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), SALT.encode(), ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).hexdigest()
    server = hmac.digest(salted, b"Server Key", "sha256").hex()
    fields = {"salt": f'"{SALT}"', "stored_key": f'"{stored}"', "server_key": f'"{server}"'}
    lines = [f'\t["{name}"] = {value};' for name, value in {**fields, "iteration_count": ITERATIONS}.items()]
    return "\n".join(["return {", *lines, "};", ""])


@contextmanager
def _component(port: int) -> Iterator[Callable[[Sequence[str], str], None]]:
    with socket.create_connection(("127.0.0.1", port), 10) as component:
        component.sendall(
            b"<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'"
            + f" to='{COMPONENT}'>".encode()
        )
        said = b""
        while b" id=" not in said or not said.endswith(b">"):
            said += component.recv(4096)
        stream = said.partition(b" id=")[2][1:].replace(b"'", b'"').partition(b'"')[0].decode()
        proof = hashlib.sha1(f"{stream}{SECRET}".encode()).hexdigest()
        component.sendall(f"<handshake>{proof}</handshake>".encode())
        assert component.recv(4096).startswith(b"<handshake")

        def hint(to: Sequence[str], cursor: str) -> None:
            payload = write(Hint(cursor=cursor))
            head = f"<message from='{COMPONENT}' type='normal' to='"
            component.sendall(
                "".join(f"{head}{jid(name, 'localhost')}/{RESOURCE}'>{payload}</message>" for name in to).encode()
            )

        yield hint


def _pid_in(folder: Path) -> int:
    """Of the largest program that runs in that folder or below, and not of its helpers."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve().is_relative_to(folder):
                found.append((int((process / "statm").read_text().split()[1]), int(process.name)))
        except OSError:
            continue
    return max(found)[1]
