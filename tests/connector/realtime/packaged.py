"""Prosody and ejabberd as ``packaging/`` has them, asking a Dovetail server: only paths, ports, names and secrets are
replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.realtime import ejabberd, prosody
from connector.realtime.ejabberd import Ejabberd
from connector.realtime.prosody import Prosody
from dovetail.server.web.local_ca import LocalCertificate
from dovetail.server.xmpp_server import ComponentAccount
from programs import require_program

PACKAGING = Path(__file__).parents[3] / "packaging"
COMPONENT, SECRET = "hints.localhost", "secret-of-the-component"
KEYS_SECRET = "secret-of-the-verifiers"

Peer = Prosody | Ejabberd


def account(peer: Peer) -> ComponentAccount:
    return ComponentAccount(COMPONENT, SECRET, "127.0.0.1", peer.component)


@contextmanager
def running(name: str, authority: LocalCertificate, url: str) -> Iterator[Peer]:
    """`url` is Dovetail's."""
    if name == "prosody":
        with prosody.running(
            require_program("prosody"), authority, lambda server: _prosody(server, authority, url)
        ) as server:
            yield server
    else:
        require_program("/usr/sbin/ejabberdctl")
        with ejabberd.running(
            require_program("erl"), authority, lambda server: _ejabberd(server, authority, url)
        ) as server:
            yield server


def _prosody(server: Prosody, authority: LocalCertificate, url: str) -> str:
    folder = server.folder
    shutil.copy(PACKAGING / "prosody" / "mod_auth_dovetail.lua", folder)
    shutil.copy(authority.authority, folder / "ca.pem")
    config = _replaced(
        (PACKAGING / "prosody" / "prosody.cfg.lua").read_text(),
        ("/run/prosody/prosody.pid", f"{folder}/prosody.pid"),
        ('to = "syslog"', f'to = "file", filename = "{folder}/prosody.log"'),
        ("/usr/local/lib/prosody/modules", str(folder)),
        ("c2s_ports = { 5222 }", f"c2s_ports = {{ {server.starttls} }}"),
        ("c2s_direct_tls_ports = { 5223 }", f"c2s_direct_tls_ports = {{ {server.direct} }}"),
        ("https_ports = { 5281 }", f"https_ports = {{ {server.https} }}"),
        ("component_ports = { 5347 }", f"component_ports = {{ {server.component} }}"),
        ("/etc/prosody/certs/book.example.org.crt", f"{folder}/chain.pem"),
        ("/etc/prosody/certs/book.example.org.key", f"{folder}/key.pem"),
        ("https://book.example.org", url),
        ('-- dovetail_ca_file = "/var/lib/dovetail/tls/ca.pem"', f'dovetail_ca_file = "{folder}/ca.pem"'),
        ('VirtualHost "book.example.org"', 'VirtualHost "book.example.org"\n\tdovetail_check_seconds = 6'),
        ("DOVETAIL_XMPP_KEYS_SECRET of the Dovetail server", KEYS_SECRET),
        ("the secret in DOVETAIL_XMPP_COMPONENT", SECRET),
        ("book.example.org", "localhost"),
    )
    return f'data_path = "{folder}/data"\ninterfaces = {{ "127.0.0.1" }}\n{config}'


def _ejabberd(server: Ejabberd, authority: LocalCertificate, url: str) -> str:
    folder = server.folder
    sources = map(str, (PACKAGING / "ejabberd").glob("*.erl"))
    compile_them = [require_program("erlc"), "-Werror", "-o", str(folder), *sources]
    subprocess.run(compile_them, check=True, capture_output=True, timeout=60, env=os.environ | ejabberd.LIBRARIES)
    shutil.copy(authority.authority, folder / "ca.pem")
    return _replaced(
        (PACKAGING / "ejabberd" / "ejabberd.yml").read_text(),
        ("port: 5222", f"port: {server.starttls}"),
        ("port: 5223", f"port: {server.direct}"),
        ("port: 5443", f"port: {server.https}"),
        ("port: 5347", f"port: {server.component}"),
        ('ip: "::"', 'ip: "127.0.0.1"'),
        ("/etc/ejabberd/book.example.org.pem", f"{folder}/server.pem"),
        ("https://book.example.org", url),
        ('# ca_file: "/var/lib/dovetail/tls/ca.pem"', f'ca_file: "{folder}/ca.pem"\n    check_interval: 6'),
        ("DOVETAIL_XMPP_KEYS_SECRET of the Dovetail server", KEYS_SECRET),
        ("the secret in DOVETAIL_XMPP_COMPONENT", SECRET),
        ("book.example.org", "localhost"),
    )


def _replaced(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text, f"the packaged configuration has no {old}"
        text = text.replace(old, new)
    return text
