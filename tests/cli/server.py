"""``dovetail serve`` as a process of its own on loopback, and its administrator."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

READY_SECONDS = 60.0


@dataclass
class Served:
    """`settings` are of its environment."""

    data: Path
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def ca_file(self) -> Path:
        return self.data / "tls" / "ca.pem"

    def admin(self, code: str) -> str:
        """Run Python code in the server's shell; what it printed."""
        command = [sys.executable, "-m", "dovetail", "admin", "--data", str(self.data), "shell", "-v", "0", "-c", code]
        env = {**os.environ, **self.settings}
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=env).stdout

    def new_pairings(self, number: int) -> list[tuple[str, str]]:
        """Connector IDs and security tokens of new Users."""
        told = self.admin(
            "from dovetail.server.accounts.services import open_account\n"
            "from dovetail.server.connections.pairing import connect\n"
            f"for number in range({number}):\n"
            "    user = open_account(f'grace{number}@example.org', 'correct horse battery', 'Grace', 'Europe/Berlin')\n"
            "    pairing = connect(user)\n"
            "    print(pairing.connector_id, pairing.token)\n"
        )
        return [(connector_id, token) for connector_id, token in map(str.split, told.splitlines())]

    def disconnect(self, connector_id: str) -> None:
        """As the User's Disconnect on the page does it."""
        self.admin(
            "from dovetail.server.connections import erasure\n"
            "from dovetail.server.connections.models import Connection\n"
            f"erasure.erase(Connection.objects.get(connector_id={connector_id!r}), actor='user')"
        )


@contextmanager
def serving(
    data: Path,
    names: Sequence[str] = ("localhost",),
    xmpp_ports: tuple[int, int] = (0, 0),
    settings: Mapping[str, str] | None = None,
    port: int = 0,
) -> Iterator[Served]:
    """`xmpp_ports`: STARTTLS, then direct TLS; 0 for none. `settings` are of its environment. `port` is that of HTTPS;
    0 for any."""
    settings = settings or {}
    port = port or _free_port()
    options = ["--data", str(data), "--host", "127.0.0.1", "--https-port", str(port), "--http-port", "0"]
    options += ["--xmpp-port", str(xmpp_ports[0]), "--xmpps-port", str(xmpp_ports[1])]
    options += [option for name in names for option in ("--name", name)]
    with (data.parent / "server.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dovetail", "serve", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**{name: value for name, value in os.environ.items() if not name.startswith("DOVETAIL_")}, **settings},
        )
        lines: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(target=_forward, args=(process, lines), daemon=True)
        reader.start()
        try:
            while "Dovetail serves" not in lines.get(timeout=READY_SECONDS):
                pass
            yield Served(data, port, settings)
        finally:
            process.terminate()
            process.wait(30)
            reader.join(10)
            if process.stdout is not None:
                process.stdout.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _forward(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put("Dovetail serves nothing: it ended")
