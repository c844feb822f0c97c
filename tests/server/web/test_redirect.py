"""The plain HTTP port: a way to HTTPS, and no way to anywhere else."""

import socket
import time

import httpx
import pytest

from dovetail.server.web import redirect

from .pages import hello


@pytest.fixture(scope="module")
def running(serve):
    with serve(hello, public_host="book.example", public_port=8443) as running:
        yield running


def say(running, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", running.http_port), timeout=10) as connection:
        connection.sendall(text)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
def test_every_request_is_sent_to_the_same_path_over_https(running, method):
    answer = httpx.request(method, f"http://127.0.0.1:{running.http_port}/ann/30?month=2026-11&x=%20")
    assert answer.status_code == 308
    assert answer.headers["location"] == "https://book.example:8443/ann/30?month=2026-11&x=%20"
    assert answer.headers["connection"] == "close"


def test_the_way_leads_through_to_the_page(serve):
    with serve(hello) as running, httpx.Client(verify=running.trust, follow_redirects=True) as client:
        assert client.get(f"http://localhost:{running.http_port}/").text == "hello"


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /x HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n\r\n",
        b"GET http://evil.example/x HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /x HTTP/1.0\r\n\r\n",
    ],
)
def test_the_host_is_the_configured_one_whatever_the_client_says(running, request_text):
    assert b"\r\nlocation: https://book.example:8443/x\r\n" in say(running, request_text)


def test_a_path_that_looks_like_a_host_stays_a_path(running):
    answer = say(running, b"GET //evil.example/%0d%0aX: HTTP/1.1\r\n\r\n")
    assert b"\r\nlocation: https://book.example:8443//evil.example/%0d%0aX:\r\n" in answer


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"GET",
        b"GET / HTTP/2.0",
        b"GET /a b HTTP/1.1",
        b"GET x HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET https://evil.example/ HTTP/1.1",
        b"CONNECT evil.example:443 HTTP/1.1",
        b"GET /\xff HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /x\rSet-Cookie:a HTTP/1.1",
        b"GET /x\nSet-Cookie:a HTTP/1.1",
        b"\x16\x03\x01\x02\x00",
    ],
)
def test_an_absurd_request_line_is_refused(running, line):
    answer = say(running, line + b"\r\nHost: book.example\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"location" not in answer


def test_a_head_over_8_kib_is_refused(running):
    answer = say(running, b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 40_000)
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("text", [b"", b"GET / HTTP/1.1\r\nHost:"])
def test_a_slow_client_is_closed(running, monkeypatch, text):
    monkeypatch.setattr(redirect, "SECONDS", 0.3)
    started = time.monotonic()
    assert say(running, text) == b""
    assert 0.2 < time.monotonic() - started < 3


def test_a_client_that_leaves_early_is_no_news(running, caplog):
    with socket.create_connection(("127.0.0.1", running.http_port), timeout=10) as connection:
        connection.sendall(b"GET / HT")
    say(running, b"GET / HTTP/1.1\r\n\r\n")
    time.sleep(0.1)
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


def test_without_a_plain_port_nothing_is_redirected(serve):
    with serve(hello, http_port=None) as running:
        assert running.http_port is None


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [("book.example", 443, "book.example"), ("book.example", 444, "book.example:444"), ("::1", 443, "[::1]")],
)
def test_the_address_is_written_as_in_a_link(host, port, text):
    assert redirect.authority(host, port) == text
