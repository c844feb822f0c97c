"""CONNECT through proxies that are strict, sloppy, or no proxies at all. Real ones are in tests/network."""

from __future__ import annotations

import base64
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connector.link.misfits import Behave, Misfit, ask_basic, misfit
from dovetail.connector.link import http_connect
from dovetail.connector.link.gate import Gate
from dovetail.connector.link.routes import Kind, Proxy, ProxyCredential
from dovetail.connector.link.verdicts import EgressError, Verdict

RIGHT = ProxyCredential("anna", "pässword")
OK = b"HTTP/1.1 200 Connection established\r\n\r\n"


def connect(
    proxy: Misfit, credential: ProxyCredential | None = None, gate: Gate | None = None, seconds: float = 3.0
) -> None:
    way = Proxy(Kind.HTTP, "127.0.0.1", proxy.port)
    http_connect.connect(way, "book.invalid", 443, credential, gate or Gate(), time.monotonic() + seconds).close()


def knows(credential: ProxyCredential, refusal: bytes = ask_basic()) -> Behave:
    """A proxy that lets `credential` through."""
    pair = base64.b64encode(f"{credential.user}:{credential.password}".encode())

    def behave(client: socket.socket, head: bytes, number: int) -> None:
        client.sendall(OK if b"Basic " + pair + b"\r\n" in head else refusal)

    return behave


def always(answer: bytes) -> Behave:
    return lambda client, head, number: client.sendall(answer)


def verdict(behave: Behave, credential: ProxyCredential | None = None) -> Verdict:
    with misfit(behave) as proxy, pytest.raises(EgressError) as refusal:
        connect(proxy, credential)
    assert "pässword" not in str(refusal.value)
    return refusal.value.verdict


def test_the_name_is_left_to_the_proxy() -> None:
    with misfit(always(OK)) as proxy:
        connect(proxy)
    assert proxy.heads[0].startswith(b"CONNECT book.invalid:443 HTTP/1.1\r\nHost: book.invalid:443\r\n")


def test_the_credential_is_sent_only_when_asked_for() -> None:
    with misfit(always(OK)) as proxy:
        connect(proxy, RIGHT)
    assert proxy.credentials() == 0


@pytest.mark.parametrize(
    ("refusal", "connections"),
    [
        (ask_basic(), 1),
        (ask_basic(b"<html>who?", b"Content-Length: 10\r\n"), 1),
        (ask_basic(b"3\r\nwho\r\n0\r\n\r\n", b"Transfer-Encoding: chunked\r\n"), 1),
        (ask_basic(headers=b"Content-Length: 0\r\nProxy-Connection: close\r\n"), 2),
        (ask_basic(b"<html>", b""), 2),
    ],
    ids=["no body", "length", "chunked", "close", "no length"],
)
def test_the_sign_in_goes_on_however_the_proxy_ends_its_refusal(refusal: bytes, connections: int) -> None:
    with misfit(knows(RIGHT, refusal)) as proxy:
        connect(proxy, RIGHT)
    assert (proxy.credentials(), proxy.connections) == (1, connections)


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        (ask_basic(), Verdict.PROXY_AUTH_REQUIRED),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", Verdict.PROXY_POLICY_DENIED),
        (b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\nContent-Length: 0\r\n\r\n", Verdict.PROXY_POLICY_DENIED),
        (
            b"HTTP/1.1 503 No\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\nContent-Length: 0\r\n\r\n",
            Verdict.PROXY_CANNOT_REACH,
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Verdict.NOT_A_PROXY),
        (OK + b"220 mail ready\r\n", Verdict.NOT_A_PROXY),
        (b"HTTP/1.1 200 " + b"x" * 70000, Verdict.NOT_A_PROXY),
    ],
    ids=["407", "403", "portal", "503", "ssh", "speaks first", "endless head"],
)
def test_what_the_proxy_says_is_understood(answer: bytes, meant: Verdict) -> None:
    assert verdict(always(answer)) is meant


def test_a_proxy_that_hangs_up_is_no_proxy() -> None:
    assert verdict(lambda client, head, number: client.shutdown(socket.SHUT_RDWR)) is Verdict.NOT_A_PROXY


def test_a_proxy_that_is_not_there_is_down() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        gone = Misfit(always(OK))
        gone.port = probe.getsockname()[1]
    with pytest.raises(EgressError, match="refuses connections") as refusal:
        connect(gone)
    assert refusal.value.verdict is Verdict.PROXY_DOWN


def test_one_deadline_spans_the_whole_sign_in() -> None:
    """Each answer comes in time, together they do not."""

    def slow(client: socket.socket, head: bytes, number: int) -> None:
        time.sleep(0.3)
        client.sendall(ask_basic())

    began = time.monotonic()
    with misfit(slow) as proxy, pytest.raises((EgressError, TimeoutError)):
        connect(proxy, RIGHT, seconds=0.5)
    assert time.monotonic() - began < 1.5


def test_a_wrong_password_is_sent_twice_and_then_never_again(tmp_path: Path) -> None:
    wrong = ProxyCredential("anna", "guess")
    with misfit(knows(RIGHT)) as proxy:
        for _ in range(3):
            with pytest.raises(EgressError) as refusal:  # a new process each time
                connect(proxy, wrong, Gate(tmp_path / "tries.json"))
            assert refusal.value.verdict is Verdict.PROXY_CREDENTIALS_REJECTED
        assert proxy.credentials() == 2

        connect(proxy, RIGHT, Gate(tmp_path / "tries.json"))
    kept = (tmp_path / "tries.json").read_text()
    assert "anna" not in kept
    assert "guess" not in kept


def test_many_connections_at_once_send_a_wrong_password_twice_in_all() -> None:
    gate, wrong = Gate(), ProxyCredential("anna", "guess")

    def attempt(_: int) -> Verdict:
        with pytest.raises(EgressError) as refusal:
            connect(proxy, wrong, gate)
        return refusal.value.verdict

    with misfit(knows(RIGHT)) as proxy, ThreadPoolExecutor(8) as pool:
        verdicts = set(pool.map(attempt, range(8)))
        assert proxy.credentials() == 2
    assert verdicts == {Verdict.PROXY_CREDENTIALS_REJECTED}


def test_a_password_that_stops_working_gets_two_more_tries() -> None:
    gate = Gate()
    with misfit(knows(RIGHT)) as proxy:
        connect(proxy, RIGHT, gate)
        proxy.behave = always(ask_basic())
        before = proxy.credentials()
        for _ in range(3):
            with pytest.raises(EgressError):
                connect(proxy, RIGHT, gate)
        assert proxy.credentials() - before == 2


def test_entering_the_password_again_allows_to_try_it_again(tmp_path: Path) -> None:
    with misfit(always(ask_basic())) as proxy:
        gate = Gate(tmp_path / "tries.json")
        with pytest.raises(EgressError):
            connect(proxy, RIGHT, gate)
        Gate(tmp_path / "tries.json").forget()  # by `dovetail proxy`, while the connector runs
        proxy.behave = knows(RIGHT)
        connect(proxy, RIGHT, gate)


def test_a_password_for_basic_never_answers_a_proxy_that_wants_kerberos_too() -> None:
    """The stronger scheme is taken and not given up for the weaker, which would show the password."""
    both = ask_basic(headers=b"Proxy-Authenticate: Negotiate\r\nContent-Length: 0\r\n")
    with misfit(always(both)) as proxy, pytest.raises(EgressError):
        connect(proxy, RIGHT)
    assert not any(b"basic" in head.lower() for head in proxy.heads)


def test_no_stream_is_left_open_after_failures() -> None:
    before = threading.active_count()
    with misfit(always(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")) as proxy:
        for _ in range(5):
            with pytest.raises(EgressError):
                connect(proxy)
    deadline = time.monotonic() + 3
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() <= before
