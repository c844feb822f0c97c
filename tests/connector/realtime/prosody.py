"""Debian's Prosody as a program of the test: unprivileged, on loopback, on ports that the system chose."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from connector.realtime.peer_server import certify, free_ports, hand_over, listens, send_as_component, unprivileged
from connector.realtime.wire import wait_until
from dovetail.protocol.hints import Hint
from dovetail.server.web.local_ca import LocalCertificate

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

    @property
    def ports(self) -> tuple[int, ...]:
        return self.starttls, self.direct, self.https, self.component

    def ctl(self, *arguments: str) -> None:
        command = ["prosodyctl", "--config", str(self.folder / "prosody.cfg.lua"), *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=30, **unprivileged("prosody"))

    def register(self, name: str, password: str) -> None:
        self.ctl("register", name, "localhost", password)

    def delete(self, name: str) -> None:
        self.ctl("deluser", f"{name}@localhost")

    def hint(self, jid: str, hint: Hint) -> None:
        send_as_component(self.component, jid, hint)


def own_config(server: Prosody) -> str:
    """With accounts of its own."""
    ports = {each: getattr(server, each) for each in ("starttls", "direct", "https", "component")}
    return CONFIG.format(folder=server.folder, **ports)


@contextmanager
def running(
    program: str, authority: trustme.CA | LocalCertificate, config: Callable[[Prosody], str] = own_config
) -> Iterator[Prosody]:
    """Until the end of the block. Not in pytest's temporary folder: only its owner may look into that."""
    with tempfile.TemporaryDirectory(prefix="dovetail-prosody-") as name:
        folder = Path(name)
        server = Prosody(folder, *free_ports(4))
        certify(authority, folder)
        (folder / "data").mkdir()
        (folder / "prosody.cfg.lua").write_text(config(server))
        identity = unprivileged("prosody")
        hand_over(folder, identity)
        process = subprocess.Popen(
            [program, "-F", "--config", str(folder / "prosody.cfg.lua")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            **identity,
        )
        try:
            wait_until(lambda: all(map(listens, server.ports)))
            yield server
        finally:
            process.terminate()
            process.wait(10)
