"""Debian's Prosody as a program of the test: unprivileged, on loopback, on ports that the system chose."""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from connector.realtime.wire import wait_until
from dovetail.protocol.hints import Hint, write

COMPONENT, SECRET = "sync.localhost", "component-secret"

CONFIG = """
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
log = {{ {{ levels = {{ min = "warn" }}, to = "file", filename = "{folder}/prosody.log" }} }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {starttls} }}
c2s_direct_tls_ports = {{ {direct} }}
http_ports = {{ }}
https_ports = {{ {https} }}
https_interfaces = {{ "127.0.0.1" }}
component_ports = {{ {component} }}
component_interfaces = {{ "127.0.0.1" }}
modules_enabled = {{ "saslauth", "tls", "disco", "ping", "smacks", "websocket" }}
modules_disabled = {{ "s2s", "offline" }}
c2s_require_encryption = true
ssl = {{ certificate = "{folder}/chain.pem", key = "{folder}/key.pem", protocol = "tlsv1_2+" }}
https_ssl = ssl
c2s_direct_tls_ssl = ssl
authentication = "internal_hashed"
password_hash = "SHA-256"
smacks_hibernation_time = 300
VirtualHost "localhost"
Component "sync.localhost"
  component_secret = "component-secret"
"""


@dataclass
class Prosody:
    folder: Path
    starttls: int
    direct: int
    https: int
    component: int

    def ctl(self, *arguments: str) -> None:
        command = ["prosodyctl", "--config", str(self.folder / "prosody.cfg.lua"), *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=30, **_unprivileged())

    def register(self, name: str, password: str) -> None:
        self.ctl("register", name, "localhost", password)

    def delete(self, name: str) -> None:
        self.ctl("deluser", f"{name}@localhost")

    def hint(self, jid: str, hint: Hint) -> None:
        """As a server would that has outgrown one process: as a component (XEP-0114)."""
        with socket.create_connection(("127.0.0.1", self.component), 10) as component:
            component.sendall(
                b"<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'"
                + f" to='{COMPONENT}'>".encode()
            )
            stream = re.search(r" id='([^']*)'", _until(component, ">"))
            proof = hashlib.sha1(f"{stream[1]}{SECRET}".encode()).hexdigest()
            component.sendall(f"<handshake>{proof}</handshake>".encode())
            _until(component, "<handshake/>")
            message = f"<message from='{COMPONENT}' to='{jid}' type='normal'>{write(hint)}</message></stream:stream>"
            component.sendall(message.encode())
            with suppress(OSError):
                _until(component, "</stream:stream>")


def _until(connection: socket.socket, end: str) -> str:
    said = ""
    while end not in said.replace("<?xml version='1.0'?>", ""):
        piece = connection.recv(65536).decode()
        if not piece:
            raise ConnectionError(said)
        said += piece
    return said


def _unprivileged() -> dict[str, Any]:
    """Prosody does not run as root; Debian's package brings a user for it."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("prosody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextmanager
def running(program: str, ca: trustme.CA) -> Iterator[Prosody]:
    """Until the end of the block. Not in pytest's temporary folder: only its owner may look into that."""
    with tempfile.TemporaryDirectory(prefix="dovetail-prosody-") as name:
        folder = Path(name)
        server = Prosody(folder, *_free_ports(4))
        certificate = ca.issue_cert("localhost")
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        for number, pem in enumerate(certificate.cert_chain_pems):
            pem.write_to_path(folder / "chain.pem", append=number > 0)
        (folder / "data").mkdir()
        ports = {"starttls": server.starttls, "direct": server.direct, "https": server.https}
        config = CONFIG.format(folder=folder, component=server.component, **ports)
        (folder / "prosody.cfg.lua").write_text(config)
        identity = _unprivileged()
        if identity:
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, identity["user"], identity["group"])
        process = subprocess.Popen(
            [program, "-F", "--config", str(folder / "prosody.cfg.lua")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            **identity,
        )
        try:
            wait_until(lambda: all(map(_listens, (*ports.values(), server.component))))
            yield server
        finally:
            process.terminate()
            process.wait(10)
