"""Debian's ejabberd as a program of the test: unprivileged, on loopback, on ports that the system chose.

Erlang itself is started, not ejabberdctl: without a node's name it opens no port of its own and needs no epmd.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import urllib.request
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
hosts: [localhost]
loglevel: warning
certfiles: ["{folder}/server.pem"]
listen:
  - {{port: {starttls}, ip: "127.0.0.1", module: ejabberd_c2s, starttls_required: true, access: c2s, shaper: none}}
  - {{port: {direct}, ip: "127.0.0.1", module: ejabberd_c2s, tls: true, access: c2s, shaper: none}}
  - port: {https}
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: true
    request_handlers: {{/xmpp-websocket: ejabberd_http_ws}}
  - port: {api}
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers: {{/api: mod_http_api}}
  - port: {component}
    ip: "127.0.0.1"
    module: ejabberd_service
    hosts: {{sync.localhost: {{password: component-secret}}}}
auth_method: internal
auth_password_format: scram
auth_scram_hash: sha256
disable_sasl_mechanisms: ["DIGEST-MD5", "X-OAUTH2", "PLAIN"]
acl: {{loopback: {{ip: ["127.0.0.0/8"]}}}}
access_rules: {{c2s: {{allow: all}}}}
api_permissions:
  tests: {{who: {{access: {{allow: {{acl: loopback}}}}}}, what: [register, unregister]}}
modules:
  mod_stream_mgmt: {{resend_on_timeout: false, resume_timeout: 300, queue_type: ram}}
  mod_http_api: {{}}
  mod_disco: {{}}
"""

LIBRARIES = {"ERL_LIBS": ":".join(str(each.parent) for each in Path("/usr/lib").glob("*/ejabberd-*"))}
QUIET = ["-noinput", "+K", "true", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"]
"""Without the schedulers' busy waiting: the tests have few processors."""


@dataclass
class Ejabberd:
    folder: Path
    starttls: int
    direct: int
    https: int
    component: int
    api: int

    @property
    def ports(self) -> tuple[int, ...]:
        return self.starttls, self.direct, self.https, self.component

    def register(self, name: str, password: str) -> None:
        self._call("register", user=name, host="localhost", password=password)

    def delete(self, name: str) -> None:
        self._call("unregister", user=name, host="localhost")

    def hint(self, jid: str, hint: Hint) -> None:
        send_as_component(self.component, jid, hint)

    def _call(self, command: str, **arguments: str) -> None:
        url = f"http://127.0.0.1:{self.api}/api/{command}"
        with urllib.request.urlopen(url, json.dumps(arguments).encode(), timeout=30) as answer:
            answer.read()


def own_config(server: Ejabberd) -> str:
    """With accounts of its own."""
    ports = {each: getattr(server, each) for each in ("starttls", "direct", "https", "component", "api")}
    return CONFIG.format(folder=server.folder, **ports)


@contextmanager
def running(
    program: str, authority: trustme.CA | LocalCertificate, config: Callable[[Ejabberd], str] = own_config
) -> Iterator[Ejabberd]:
    """Until the end of the block; `program` is Erlang's. Modules that `config` puts into the server's folder are found.
    Not in pytest's temporary folder: only its owner may look into that."""
    with tempfile.TemporaryDirectory(prefix="dovetail-ejabberd-") as name:
        folder = Path(name)
        server = Ejabberd(folder, *free_ports(5))
        certify(authority, folder)
        (folder / "server.pem").write_bytes((folder / "chain.pem").read_bytes() + (folder / "key.pem").read_bytes())
        (folder / "spool").mkdir()
        (folder / "ejabberd.yml").write_text(config(server))
        identity = unprivileged("ejabberd")
        hand_over(folder, identity)
        environment = {
            **os.environ,
            **LIBRARIES,
            "HOME": str(folder),
            "ERL_CRASH_DUMP_BYTES": "0",
            "EJABBERD_CONFIG_PATH": str(folder / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(folder / "ejabberd.log"),
        }
        spool = ["-mnesia", "dir", f'"{folder}/spool"']
        process = subprocess.Popen(
            [program, *QUIET, "-pa", str(folder), *spool, "-s", "ejabberd"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
            **identity,
        )
        try:
            wait_until(lambda: all(map(listens, server.ports)), 30)
            yield server
        finally:
            process.terminate()
            process.wait(20)
