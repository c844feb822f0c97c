"""What the tests need of any XMPP server that is a program of Debian's: ports, its own user, a component's hints."""

from __future__ import annotations

import hashlib
import os
import pwd
import random
import re
import shutil
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme

from dovetail.protocol.hints import Hint, write
from dovetail.server.web.local_ca import LocalCertificate

COMPONENT, SECRET = "sync.localhost", "component-secret"


def free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def lasting_port() -> int:
    """One to listen on, now and again: below those that the system lends to connections."""
    while True:
        port = random.randrange(20000, 32000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def unprivileged(user: str) -> dict[str, Any]:
    """How to start what does not run as root: as the user that its Debian package brings."""
    if os.geteuid() != 0:
        return {}
    found = pwd.getpwnam(user)
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


def hand_over(folder: Path, identity: dict[str, Any]) -> None:
    """To that user, with all that is in it."""
    if identity:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, identity["user"], identity["group"])


def certify(authority: trustme.CA | LocalCertificate, folder: Path) -> None:
    """Put ``chain.pem`` and ``key.pem`` for localhost there. Valid for a year: ejabberd sets a clock for the end."""
    if isinstance(authority, LocalCertificate):
        shutil.copy(authority.certificate, folder / "chain.pem")
        shutil.copy(authority.key, folder / "key.pem")
        return
    certificate = authority.issue_cert("localhost", not_after=datetime.now(UTC) + timedelta(days=365))
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for number, pem in enumerate(certificate.cert_chain_pems):
        pem.write_to_path(folder / "chain.pem", append=number > 0)


def send_as_component(port: int, jid: str, hint: Hint) -> None:
    """As a server would that has outgrown one process: as a component (XEP-0114)."""
    with socket.create_connection(("127.0.0.1", port), 10) as component:
        component.sendall(
            b"<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'"
            + f" to='{COMPONENT}'>".encode()
        )
        stream = re.search(r" id=['\"]([^'\"]*)['\"]", _until(component, ">"))
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
