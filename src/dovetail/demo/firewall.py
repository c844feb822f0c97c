"""What stands between the demo's connector and its server: a forwarder before each port that hints may come through.

XMPP's two ports can be closed as a firewall does. The port of HTTPS stays open, for syncs go through it; its forwarder
plays the proxy of a firm that opens TLS and may let no WebSocket through.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from dovetail.demo.forwarder import Forwarder
from dovetail.demo.programs import Server


class Proxy(Forwarder):
    """`tls` is the folder with the server's certificate and key, and with the authority that signed it."""

    def __init__(self, target: int, tls: Path) -> None:
        self.forbids_websockets = False
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(tls / "server.pem", tls / "server.key")
        self._onward = ssl.create_default_context(cafile=tls / "ca.pem")
        super().__init__(target)

    def passes(self, piece: bytes) -> bool:
        return not (self.forbids_websockets and b"upgrade: websocket" in piece.lower())

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.target, ssl=self._onward, server_hostname="localhost")


class Firewall:
    """`starttls` and `direct` are open from the start, on these ports; `web` once the server runs."""

    def __init__(self, starttls_port: int, direct_port: int) -> None:
        self.starttls, self.direct = Forwarder(port=starttls_port), Forwarder(port=direct_port)
        self.web: Proxy | None = None

    @property
    def xmpp_ports(self) -> tuple[int, int]:
        return self.starttls.port, self.direct.port

    def stands_before(self, server: Server) -> int:
        """From here on; which port its connector is to sync with."""
        self.starttls.target, self.direct.target = server.xmpp_port, server.xmpps_port
        self.web = Proxy(server.https_port, server.ca_file.parent)
        return self.web.port

    def blocks_xmpp(self) -> None:
        self.starttls.block()
        self.direct.block()

    def blocks_websockets(self) -> None:
        """Those that are open too."""
        assert self.web is not None
        self.web.forbids_websockets = True
        self.web.cut()

    def opens(self) -> None:
        assert self.web is not None
        self.web.forbids_websockets = False
        self.starttls.unblock()
        self.direct.unblock()

    def close(self) -> None:
        for port in (self.starttls, self.direct, self.web):
            if port is not None:
                port.close()
