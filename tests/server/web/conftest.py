"""The real server process on loopback, in a thread of the test: real sockets, real TLS, ports the system chooses."""

import asyncio
import queue
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace

import httpx
import pytest

from dovetail.server.web import local_ca
from dovetail.server.web.process import Listening, ServeOptions, run


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A local authority and its certificate for localhost."""
    return local_ca.ensure(tmp_path_factory.mktemp("tls"), [])


@dataclass
class Running:
    port: int
    http_port: int | None
    trust: ssl.SSLContext
    xmpp_port: int | None = None
    xmpps_port: int | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def client(self, **options) -> httpx.Client:
        return httpx.Client(base_url=self.url, verify=self.trust, timeout=10, **options)

    def connect(self) -> ssl.SSLSocket:
        """A TLS connection to say anything over; reading fails after 10 seconds."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        return self.trust.wrap_socket(plain, server_hostname="localhost")

    def say(self, text: bytes) -> bytes:
        """Send this and read until the server closes."""
        with self.connect() as connection:
            connection.sendall(text)
            return read_all(connection)


def read_all(connection) -> bytes:
    received = bytearray()
    try:
        while part := connection.recv(65536):
            received += part
    except (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
        pass
    return bytes(received)


def read_until(connection, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        part = connection.recv(65536)
        assert part, f"closed after {received!r}"
        received += part
    return received


@pytest.fixture(scope="session")
def serve(authority):
    """`with serve(application, **options) as running:` serves until the end of the block."""
    return lambda application, **changes: serving(authority, application, **changes)


@contextmanager
def serving(authority, application, **changes):
    ready: queue.Queue[Listening | BaseException] = queue.Queue()
    options = ServeOptions(
        application=application,
        certificate=authority.certificate,
        key=authority.key,
        public_host="localhost",
        host="localhost",
        port=0,
        http_port=0,
        on_ready=ready.put,
    )
    loop = asyncio.new_event_loop()
    task = loop.create_task(run(replace(options, **changes)))

    def serve_until_cancelled() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # for the test's own thread
            ready.put(error)
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    thread = threading.Thread(target=serve_until_cancelled)
    thread.start()
    listening = ready.get(timeout=10)
    try:
        if isinstance(listening, BaseException):
            raise listening
        trust = ssl.create_default_context(cafile=authority.authority)
        yield Running(listening.port, listening.http_port, trust, listening.xmpp_port, listening.xmpps_port)
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(task.cancel)
        thread.join(20)
    assert not thread.is_alive()
