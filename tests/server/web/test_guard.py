"""Slow and oversized request heads: closed, without harm to whoever behaves."""

import socket
import time

import pytest

from dovetail.server.web.guard import GuardedProtocol

from .conftest import read_all, read_until
from .dialing import dial
from .pages import hello, slow

LIMIT = 0.5


@pytest.fixture(autouse=True)
def _short_limit(monkeypatch):
    monkeypatch.setattr(GuardedProtocol, "head_seconds", LIMIT)


@pytest.fixture(scope="module")
def running(serve):
    with serve(hello) as running:
        yield running


def seconds_until_closed(connection):
    started = time.monotonic()
    read_all(connection)
    return time.monotonic() - started


@pytest.mark.parametrize("text", [b"", b"G", b"GET / HTTP/1.1\r\nHost: local"])
def test_a_request_that_does_not_come_is_given_up(running, text):
    with running.connect() as connection:
        connection.sendall(text)
        assert LIMIT / 2 < seconds_until_closed(connection) < LIMIT + 2


def test_a_client_that_drips_its_request_is_given_up_all_the_same(running):
    started = time.monotonic()
    with running.connect() as connection:
        connection.settimeout(0.1)
        connection.sendall(b"GET / HTTP/1.1\r\n")
        while still_open(connection):
            connection.sendall(b"X-Drip: 1\r\n")
    assert time.monotonic() - started < LIMIT + 2


def still_open(connection):
    """Whether the connection stays open while nothing is said for its timeout."""
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


def test_half_a_request_after_a_whole_one_is_given_up(running):
    with running.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        read_until(connection, b"hello")
        connection.sendall(b"GET / HT")
        assert LIMIT / 2 < seconds_until_closed(connection) < LIMIT + 2


def test_a_page_that_takes_its_time_is_not_cut_off(serve):
    with serve(slow(3 * LIMIT)) as running, running.client() as client:
        assert client.get("/").text == "hello"


def test_a_body_may_take_longer_than_a_head(running):
    with running.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nha")
        time.sleep(2 * LIMIT)
        connection.sendall(b"lf")
        read_until(connection, b"hello")


def test_an_idle_connection_between_requests_stays_open(running):
    with running.client() as client:
        client.get("/")
        first = client.get("/").extensions["network_stream"].get_extra_info("client_addr")
        time.sleep(2 * LIMIT)
        assert client.get("/").extensions["network_stream"].get_extra_info("client_addr") == first


def test_an_open_websocket_stays_open(serve):
    async def echo(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        message = await receive()
        await send({"type": "websocket.send", "text": message["text"]})
        await receive()

    with (
        serve(hello, websockets={"/echo": echo}) as running,
        dial(f"wss://localhost:{running.port}/echo", running.trust) as websocket,
    ):
        time.sleep(2 * LIMIT)
        websocket.send("still here")
        assert websocket.recv(timeout=5) == "still here"


@pytest.mark.parametrize("head", [b"GET /" + b"a" * 40_000, b"GET / HTTP/1.1\r\n" + b"X-Long: 1\r\n" * 4_000])
def test_a_head_over_32_kib_is_refused(running, head):
    assert running.say(head).startswith(b"HTTP/1.1 431 ")


def test_a_head_under_the_limit_and_a_large_body_in_one_piece_pass(running):
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 200000\r\nX-Long: "
    assert running.say(head + b"a" * 32_000 + b"\r\n\r\n" + bytes(200_000)).endswith(b"hello")


def test_many_requests_on_one_connection_do_not_add_up_to_the_limit(running):
    with running.connect() as connection:
        for _ in range(5):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 10_000)
            time.sleep(0.05)
            connection.sendall(b"\r\n\r\n")
            read_until(connection, b"hello")


def test_a_hundred_silent_connections_do_not_keep_others_out(running):
    silent = [socket.create_connection(("127.0.0.1", running.port), timeout=5) for _ in range(100)]
    try:
        with running.client() as client:
            assert client.get("/").text == "hello"
    finally:
        for connection in silent:
            connection.close()
