"""The one way out: which stream is opened, what is tried next, and that nothing is left open."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from connector.link.misfits import misfit
from dovetail.connector.link.egress import Egress
from dovetail.connector.link.gate import Gate
from dovetail.connector.link.routes import Choice, Direct, Kind, Proxy, ProxyCredential
from dovetail.connector.link.verdicts import EgressError, Verdict

OK = b"HTTP/1.1 200 Connection established\r\n\r\n"
HOST = "book.invalid"


def egress_by(*routes: Proxy | Direct, **how: object) -> Egress:
    egress = Egress("none", **how)  # type: ignore[arg-type]
    egress.choose = lambda host, port: Choice(routes, "a test")  # type: ignore[method-assign]
    return egress


def nowhere() -> Proxy:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Proxy(Kind.HTTP, "127.0.0.1", probe.getsockname()[1])


def test_the_next_proxy_is_taken_when_one_is_down() -> None:
    with misfit(lambda client, head, number: client.sendall(OK)) as proxy:
        egress = egress_by(nowhere(), Proxy(Kind.HTTP, "127.0.0.1", proxy.port))
        egress.open(HOST, 443, 3).close()
        assert egress.sightings.last.way == f"through the proxy 127.0.0.1:{proxy.port}"


@pytest.mark.parametrize("status", [b"403 Forbidden", b"407 Sign in"])
def test_a_proxy_that_refuses_is_not_gone_round(status: bytes) -> None:
    refusal = b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n"
    with (
        misfit(lambda client, head, number: client.sendall(refusal)) as strict,
        misfit(lambda client, head, number: client.sendall(OK)) as lenient,
    ):
        egress = egress_by(
            Proxy(Kind.HTTP, "127.0.0.1", strict.port), Proxy(Kind.HTTP, "127.0.0.1", lenient.port), Direct()
        )
        with pytest.raises(EgressError):
            egress.open(HOST, 443, 3)
        assert lenient.heads == []


def test_a_credential_for_one_proxy_is_not_offered_to_another() -> None:
    asked = b'HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
    known = {"proxy.corp:8080": ProxyCredential("anna", "s3cret")}
    with misfit(lambda client, head, number: client.sendall(asked)) as proxy:
        egress = egress_by(Proxy(Kind.HTTP, "127.0.0.1", proxy.port), credential_of=known.get)
        with pytest.raises(EgressError) as refusal:
            egress.open(HOST, 443, 3)
        assert proxy.credentials() == 0
    assert refusal.value.verdict is Verdict.PROXY_AUTH_REQUIRED


def test_an_asyncio_program_gets_a_stream_that_its_loop_can_take() -> None:
    async def exchange() -> bytes:
        stream = await egress_by(Proxy(Kind.HTTP, "127.0.0.1", proxy.port)).open_async(HOST, 443, 3)
        reader, writer = await asyncio.open_connection(sock=stream)
        writer.write(b"CONNECT again:1 HTTP/1.1\r\n\r\n")
        answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return answer

    with misfit(lambda client, head, number: client.sendall(OK)) as proxy:
        assert asyncio.run(exchange()) == b"HTTP/1.1 200 Connection established\r\n"


def test_a_stream_that_nobody_waits_for_any_more_is_closed() -> None:
    ended = threading.Event()

    def slow(client: socket.socket, head: bytes, number: int) -> None:
        time.sleep(0.3)
        client.sendall(OK)
        if client.recv(1) == b"":
            ended.set()

    opened: list[socket.socket] = []  # kept here, so that nobody but the egress closes it

    async def give_up() -> None:
        egress = egress_by(Proxy(Kind.HTTP, "127.0.0.1", proxy.port))
        really = egress.open_by
        egress.open_by = lambda *how: opened.append(really(*how)) or opened[-1]  # type: ignore[func-returns-value, method-assign]
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await egress.open_async(HOST, 443, 3)
        await asyncio.sleep(0.5)

    with misfit(slow) as proxy:
        asyncio.run(give_up())
        assert ended.wait(3)
    assert opened[0].fileno() == -1


def test_a_name_server_that_never_answers_costs_no_more_than_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: release.wait(5) and [])
    began = time.monotonic()
    with pytest.raises(socket.gaierror):
        egress_by(Direct()).open(HOST, 443, 0.2)
    release.set()
    assert time.monotonic() - began < 2


def test_a_host_that_swallows_every_greeting_costs_no_more_than_the_deadline() -> None:
    """A listener whose queue is full ignores further connections, as a firewall that drops does."""
    with socket.socket() as full, socket.socket() as parked:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        parked.connect(full.getsockname())
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            egress_by(Direct()).open("127.0.0.1", full.getsockname()[1], 0.4)
        assert time.monotonic() - began < 2


@contextmanager
def socks5(method: int, accepts: bytes = b"", reply: int = 0) -> Iterator[tuple[Proxy, list[bytes]]]:
    """A SOCKS5 proxy (RFC 1928) that wants `method`; what it was sent in names, passwords and targets."""
    heard: list[bytes] = []

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError):
            client.recv(client.recv(2)[1])
            client.sendall(bytes([5, method]))
            if method == 2:
                heard.append(client.recv(512))
                client.sendall(bytes([1, 0 if heard[-1] == accepts else 1]))
            target = client.recv(512)
            heard.append(target)
            client.sendall(bytes([5, reply, 0, 1, 0, 0, 0, 0]) + struct.pack(">H", 0))

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                serve(listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield Proxy(Kind.SOCKS5, "127.0.0.1", listener.getsockname()[1]), heard
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def test_socks_looks_the_name_up_itself() -> None:
    with socks5(0) as (proxy, heard):
        egress_by(proxy).open(HOST, 443, 3).close()
    assert heard == [b"\x05\x01\x00\x03\x0c" + HOST.encode() + b"\x01\xbb"]


def test_a_wrong_password_is_sent_to_socks_twice_and_then_never_again(tmp_path: Path) -> None:
    wrong = ProxyCredential("anna", "guess")
    with socks5(2, accepts=b"\x01\x04anna\x05right") as (proxy, heard):
        for _ in range(4):
            egress = egress_by(proxy, credential_of=lambda name: wrong, gate=Gate(tmp_path / "tries"))
            with pytest.raises(EgressError) as refusal:
                egress.open(HOST, 443, 3)
            assert refusal.value.verdict is Verdict.PROXY_CREDENTIALS_REJECTED
        assert sum(b"guess" in said for said in heard) == 2


@pytest.mark.parametrize(
    ("reply", "meant"),
    [(2, Verdict.PROXY_POLICY_DENIED), (4, Verdict.PROXY_CANNOT_REACH), (5, Verdict.PROXY_CANNOT_REACH)],
)
def test_what_socks_refuses_is_understood(reply: int, meant: Verdict) -> None:
    with socks5(0, reply=reply) as (proxy, _), pytest.raises(EgressError) as refusal:
        egress_by(proxy).open(HOST, 443, 3)
    assert refusal.value.verdict is meant


def test_the_pac_file_is_fetched_directly_and_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    script = b'function FindProxyForURL(u, h) { return "PROXY proxy.corp:8080"; }'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(script), script)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with misfit(lambda client, head, number: client.sendall(answer)) as web:
        choice = Egress(f"pac:http://127.0.0.1:{web.port}/p.pac").choose(HOST, 443)
    assert choice.routes == (Proxy(Kind.HTTP, "proxy.corp", 8080),)
    assert web.heads[0].startswith(b"GET /p.pac HTTP/1.1\r\n")
