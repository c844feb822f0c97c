"""A proxy that is itself reached over TLS: TLS to it, and in the tunnel that of the server."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from connector.link.loopback import Loopback
from connector.link.misfits import Behave
from connector.link.test_https import REQUEST
from dovetail.connector.link import relay
from dovetail.connector.link.egress import Egress
from dovetail.connector.link.https import open_server
from dovetail.connector.link.routes import Choice, Kind, Proxy
from dovetail.connector.link.signin import Credential
from dovetail.connector.link.verdicts import EgressError, Verdict

OK = b"HTTP/1.1 200 Connection established\r\n\r\n"


@contextmanager
def secure(authority: trustme.CA, behave: Behave, name: str = "localhost") -> Iterator[Proxy]:
    """A proxy behind TLS; `behave` sees the decrypted stream."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)

    def answer(client: socket.socket) -> None:
        with client, context.wrap_socket(client, server_side=True) as secured:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += secured.recv(1)
            behave(secured, head, 1)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_quietly, args=(answer, client), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield Proxy(Kind.HTTPS, "localhost", int(listener.getsockname()[1]))
        listener.shutdown(socket.SHUT_RDWR)


def _quietly(answer: Callable[[socket.socket], None], client: socket.socket) -> None:
    with suppress(OSError):
        answer(client)


def by(proxy: Proxy, ca_file: Path | None) -> Egress:
    egress = Egress("none", ca_file=ca_file)
    egress.choose = lambda host, port: Choice((proxy,), "a test")  # type: ignore[method-assign]
    return egress


def tunnel_to(port: int) -> Behave:
    """What a proxy does after its 200, with the streams' own threads."""

    def behave(client: socket.socket, head: bytes, number: int) -> None:
        client.sendall(OK)
        server = socket.create_connection(("127.0.0.1", port))
        inner = relay.plain(client)  # type: ignore[arg-type]
        back = threading.Thread(target=_copy, args=(server, inner), daemon=True)
        back.start()
        _copy(inner, server)

    return behave


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_the_server_is_talked_to_in_a_tunnel_inside_tls(
    authority: trustme.CA, ca_file: Path, loopback: Loopback, credential: Credential
) -> None:
    port = int(loopback.origin.rpartition(":")[2])
    with (
        secure(authority, tunnel_to(port)) as proxy,
        open_server(loopback.origin, credential, egress=by(proxy, ca_file)) as server,
    ):
        assert server.exchange(REQUEST).cursor == "c1"


@pytest.mark.parametrize(("name", "trusted"), [("proxy.example", True), ("localhost", False)])
def test_a_proxy_that_cannot_show_who_it_is_is_told_nothing(
    authority: trustme.CA, ca_file: Path, name: str, trusted: bool
) -> None:
    heads: list[bytes] = []
    with secure(authority, lambda client, head, number: heads.append(head), name) as proxy:
        with pytest.raises(EgressError) as refusal:
            by(proxy, ca_file if trusted else None).open("book.invalid", 443, 3)
        assert refusal.value.verdict is Verdict.PROXY_UNTRUSTED
        assert refusal.value.proxy == proxy.name
    assert heads == []


def test_a_proxy_without_tls_is_named_where_tls_was_asked_for(ca_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mail:
        threading.Thread(target=lambda: mail.accept()[0].sendall(b"220 mail.corp ESMTP\r\n"), daemon=True).start()
        with pytest.raises(EgressError) as refusal:
            by(Proxy(Kind.HTTPS, "localhost", mail.getsockname()[1]), ca_file).open("book.invalid", 443, 3)
        assert refusal.value.verdict is Verdict.NOT_A_PROXY


@pytest.mark.parametrize("greedy", [True, False])
def test_the_relay_carries_much_both_ways_and_ends_with_either(
    authority: trustme.CA, ca_file: Path, greedy: bool
) -> None:
    sent, back = os.urandom(3 << 20), os.urandom(3 << 20)
    got = bytearray()
    done = threading.Event()

    def behave(client: socket.socket, head: bytes, number: int) -> None:
        client.sendall(OK)
        sending = threading.Thread(target=client.sendall, args=(back,), daemon=True)
        if greedy:
            while len(got) < len(sent):
                got.extend(client.recv(65536))
            sending.start()
            sending.join()
        else:
            client.sendall(back)
            while len(got) < len(sent):
                got.extend(client.recv(65536))
        done.set()
        assert client.recv(1) == b""

    with secure(authority, behave) as proxy:
        stream = by(proxy, ca_file).open("book.invalid", 443, 5)
        stream.settimeout(10)
        writing = threading.Thread(target=stream.sendall, args=(sent,), daemon=True)
        writing.start()
        received = bytearray()
        while len(received) < len(back):
            received.extend(stream.recv(65536))
        writing.join(10)
        assert done.wait(10)
        assert bytes(got) == sent
        assert bytes(received) == back
        stream.close()
    deadline = time.monotonic() + 5
    while any(thread.name == "tls-proxy" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_proxy_is_not_held_to_the_servers_pins(authority: trustme.CA, ca_file: Path) -> None:
    with secure(authority, lambda client, head, number: client.sendall(OK)) as proxy:
        egress = Egress("none", ca_file=ca_file, pins=("sha256/" + "A" * 43 + "=",))
        egress.choose = lambda host, port: Choice((proxy,), "a test")  # type: ignore[method-assign]
        egress.open("book.invalid", 443, 3).close()
