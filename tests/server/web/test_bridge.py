"""What reaches the application, what reaches the client, and what is refused in between."""

import json
import ssl
import threading
import time
from contextlib import ExitStack, suppress

import pytest
from websockets.exceptions import ConnectionClosedError

from dovetail.server.web import bridge
from dovetail.server.web.bridge import BodyLimit

from .conftest import read_until
from .dialing import dial
from .pages import wait_until


def echo(environ, start_response):
    """Answers with what it was given."""
    body = environ["wsgi.input"].read()
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Set-Cookie", " a=1; Secure"), ("Set-Cookie", " b=2")]
    )
    plain = {name: value for name, value in environ.items() if isinstance(value, str | bool | int)}
    return [json.dumps(plain | {"body": body.decode("latin-1"), "length": len(body)}).encode()]


@pytest.fixture(scope="module")
def running(serve):
    with serve(echo) as running:
        yield running


def test_the_application_sees_the_request_as_wsgi_has_it(running):
    with running.client() as client:
        said = client.post("/b%C3%BCro/%2F?day=2026-11-22&x=%20", content=b"name=Ann", headers={"X-Page": "7"}).json()
    assert said["REQUEST_METHOD"] == "POST"
    assert said["PATH_INFO"].encode("latin-1").decode() == "/büro//"
    assert said["QUERY_STRING"] == "day=2026-11-22&x=%20"
    assert said["body"] == "name=Ann"
    assert said["CONTENT_LENGTH"] == "8"
    assert said["HTTP_X_PAGE"] == "7"
    assert said["HTTP_HOST"] == f"localhost:{running.port}"
    assert said["SERVER_PORT"] == str(running.port)
    assert said["wsgi.url_scheme"] == "https"
    assert said["REMOTE_ADDR"] in ("127.0.0.1", "::1")


def test_the_address_of_the_socket_counts_and_not_what_a_client_claims(running):
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "Forwarded": "for=203.0.113.9"}
    with running.client() as client:
        said = client.get("/", headers=headers).json()
    assert said["REMOTE_ADDR"] in ("127.0.0.1", "::1")
    assert said["wsgi.url_scheme"] == "https"


def test_a_header_with_an_underscore_does_not_pass_for_one_with_a_hyphen(running):
    with running.client() as client:
        said = client.get("/", headers={"X_Remote_User": "admin", "X-Other": "kept"}).json()
    assert "HTTP_X_REMOTE_USER" not in said
    assert said["HTTP_X_OTHER"] == "kept"


def test_cookies_sent_in_several_headers_become_one(running):
    with running.client() as client:
        said = client.get("/", headers=[("Cookie", "a=1"), ("Cookie", "b=2"), ("X-Many", "1"), ("X-Many", "2")]).json()
    assert said["HTTP_COOKIE"] == "a=1; b=2"
    assert said["HTTP_X_MANY"] == "1,2"


def test_cookies_come_back_without_the_leading_blank(running):
    text = running.say(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert b"\r\nset-cookie: a=1; Secure\r\n" in text
    assert b"\r\nset-cookie: b=2\r\n" in text


def test_a_body_in_chunks_arrives_whole_with_its_length(running):
    with running.client() as client:
        said = client.post("/", content=iter([b"one ", b"two ", b"three"])).json()
    assert said["body"] == "one two three"
    assert said["CONTENT_LENGTH"] == "13"
    assert "HTTP_TRANSFER_ENCODING" not in said


def test_many_requests_come_over_one_connection(running):
    with running.connect() as connection:
        for number in range(3):
            connection.sendall(b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number)
            text = read_until(connection, b"\r\n0\r\n\r\n")
            assert b'"PATH_INFO": "/%d"' % number in text


def test_a_head_request_gets_headers_only(running):
    text = running.say(b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert text.startswith(b"HTTP/1.1 200 OK\r\n")
    assert text.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("line", [b"CONNECT example.org:443 HTTP/1.1", b"nonsense", b"GET / HTTP/9.9", b"\x16\x03\x01"])
def test_what_is_no_request_is_refused(running, line):
    text = running.say(line + b"\r\nHost: localhost\r\n\r\n")
    assert text.startswith(b"HTTP/1.1 400 ")


# Limits of the body


def test_a_sync_may_be_16_mb_and_a_form_only_one(running):
    with running.client() as client:
        assert client.post("/connector/v1/sync", content=bytes(16 * 2**20)).json()["length"] == 16 * 2**20
        assert client.post("/book", content=bytes(2**20)).json()["length"] == 2**20
        for path, size in (("/connector/v1/sync", 16 * 2**20 + 1), ("/book", 2**20 + 1)):
            refused = client.post(path, content=bytes(size))
            assert refused.status_code == 413
            assert refused.json()["code"] == "too-large"
            assert refused.headers["content-type"] == "application/problem+json"


def test_an_endless_body_is_refused_at_the_limit_and_soon_cut_off(running):
    sent = 0
    with running.connect() as connection:
        connection.sendall(b"POST /book HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        with suppress(ConnectionError, ssl.SSLError):
            while sent < 2**30:
                connection.sendall(b"10000\r\n" + bytes(65536) + b"\r\n")
                sent += 65536
    assert 2**20 < sent < 2**27


def test_a_body_without_a_length_is_refused_beyond_the_limit(running):
    with running.client() as client:
        assert client.post("/book", content=iter([bytes(2**16)] * 16)).status_code == 200
        assert client.post("/book", content=iter([bytes(2**16)] * 17)).status_code == 413


def test_a_client_that_sends_everything_before_it_reads_still_gets_the_answer(running):
    size = 8 * 2**20
    with running.connect() as connection:
        connection.sendall(b"POST /book HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size)
        connection.sendall(bytes(size))
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_too_large_a_body_is_refused_before_it_is_sent(running, monkeypatch):
    monkeypatch.setattr(bridge, "LINGER_SECONDS", 0.1)
    text = running.say(
        b"POST /book HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"
    )
    assert text.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in text


def test_a_body_that_takes_too_long_is_given_up(serve, monkeypatch):
    monkeypatch.setattr(bridge, "LINGER_SECONDS", 0.1)
    called = []

    def application(environ, start_response):
        called.append(environ["PATH_INFO"])
        return echo(environ, start_response)

    with serve(application, body_limit=lambda path: BodyLimit(1000, 0.5)) as running:
        started = time.monotonic()
        text = running.say(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf")
        assert text.startswith(b"HTTP/1.1 408 ")
        assert 0.4 < time.monotonic() - started < 5
    assert called == []


def test_bodies_of_all_requests_together_stay_within_the_memory_for_them(serve, monkeypatch):
    monkeypatch.setattr(bridge, "BODIES_BYTES", 1500)
    with ExitStack() as stack:
        running = stack.enter_context(serve(echo))
        first, client = stack.enter_context(running.connect()), stack.enter_context(running.client())
        first.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n" + bytes(1000))
        wait_until(lambda: client.post("/", content=bytes(1000)).status_code == 503)
        refused = client.post("/", content=bytes(1000))
        assert (refused.json()["code"], refused.headers["retry-after"]) == ("busy", "5")
        second = stack.enter_context(running.connect())  # refused, and read from a while longer
        second.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n" + bytes(1000))
        assert second.recv(12) == b"HTTP/1.1 503"
        first.sendall(b"!")
        assert first.recv(12) == b"HTTP/1.1 200"
        wait_until(lambda: client.post("/", content=bytes(1000)).status_code == 200)


# Answers in parts


class Stream:
    """An iterable answer that knows whether it was closed."""

    def __init__(self, parts):
        self.parts = parts
        self.closed = threading.Event()
        self.times_closed = 0

    def __iter__(self):
        return iter(self.parts)

    def close(self):
        self.times_closed += 1
        self.closed.set()


def streaming(stream):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return stream

    return application


def test_a_streamed_answer_arrives_whole_and_is_closed(serve):
    stream = Stream([b"%06d " % number for number in range(100_000)])
    with serve(streaming(stream)) as running, running.client() as client:
        assert client.get("/").content == b"".join(stream.parts)
        assert stream.closed.wait(5)
    assert stream.times_closed == 1


def test_a_streamed_answer_is_closed_when_the_client_leaves(serve):
    endless = Stream(iter(lambda: bytes(65536), None))
    with serve(streaming(endless)) as running:
        with running.connect() as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.recv(100)
        assert endless.closed.wait(5)


def test_a_client_that_reads_nothing_holds_no_thread_and_is_given_up(serve, monkeypatch):
    monkeypatch.setattr(bridge, "SEND_SECONDS", 0.5)
    endless = Stream(iter(lambda: bytes(65536), None))

    def application(environ, start_response):
        return (
            streaming(endless)(environ, start_response)
            if environ["PATH_INFO"] == "/endless"
            else echo(environ, start_response)
        )

    with serve(application, threads=1) as running, running.connect() as connection, running.client() as client:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.2)
        assert client.get("/").status_code == 200
        assert endless.closed.wait(5)


def test_an_application_that_breaks_in_the_middle_is_closed_and_the_answer_cut(serve):
    def parts():
        yield bytes(100_000)
        raise RuntimeError("broken")

    stream = Stream(parts())
    with serve(streaming(stream)) as running:
        text = running.say(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert not text.endswith(b"0\r\n\r\n")
        assert stream.closed.wait(5)


def test_an_application_that_fails_is_a_500(serve):
    def application(environ, start_response):
        raise RuntimeError("broken")

    with serve(application) as running, running.client() as client:
        assert client.get("/").status_code == 500


def test_as_many_requests_run_at_once_as_there_are_threads(serve):
    together = threading.Barrier(3, timeout=5)

    def application(environ, start_response):
        together.wait()
        return echo(environ, start_response)

    with serve(application, threads=3) as running:
        threads = [threading.Thread(target=running.say, args=(b"GET / HTTP/1.0\r\n\r\n",)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert not together.broken


# WebSockets


def test_a_websocket_nobody_waits_for_is_closed_with_1008(running):
    address = f"wss://localhost:{running.port}/elsewhere"
    with dial(address, running.trust) as socket, pytest.raises(ConnectionClosedError) as closed:
        socket.recv(timeout=5)
    assert closed.value.rcvd.code == 1008


def test_a_websocket_goes_to_the_handler_of_its_path(serve):
    async def shout(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][0]})
        message = await receive()
        await send({"type": "websocket.send", "text": message["text"].upper()})
        await receive()

    with serve(echo, websockets={"/xmpp-websocket": shout}) as running:
        address = f"wss://localhost:{running.port}/xmpp-websocket"
        with dial(address, running.trust, subprotocols=["xmpp"]) as socket:
            assert socket.subprotocol == "xmpp"
            socket.send("hello")
            assert socket.recv(timeout=5) == "HELLO"


def test_no_address_with_its_query_reaches_the_log(running, caplog):
    caplog.set_level("DEBUG")
    with dial(f"wss://localhost:{running.port}/elsewhere?secret=1", running.trust):
        pass
    with running.client() as client:
        client.post("/?secret=1", content=b"secret")
    server = [
        record.getMessage()
        for record in caplog.records
        if not record.name.startswith(("httpx", "httpcore", "websockets.client"))
    ]
    assert not [line for line in server if "secret" in line]
