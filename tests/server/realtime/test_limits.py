"""Clients that only take up room: they have to go in time, and however many they are, others get in."""

import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from dovetail.server.realtime.gate import Gate
from server.web.pages import wait_until

from .client import HEADER, PING, SASL, STARTTLS


@pytest.fixture
def impatient(online, transactional_db):
    with online(sign_in_seconds=1.0) as server:
        yield server


def test_a_client_that_says_nothing_has_to_go(impatient, connect):
    began = time.monotonic()
    assert connect(impatient, direct=False).error() == "connection-timeout"
    assert time.monotonic() - began < 5


def test_a_header_that_drips_does_not_hold_a_place(impatient, connect):
    client = connect(impatient, direct=False)
    with suppress(BrokenPipeError, ConnectionResetError):
        for byte in HEADER:
            client.send(byte)
            time.sleep(0.02)
    assert impatient.hub.metrics().guests == 0


def test_a_handshake_that_never_comes_does_not_hold_a_place(impatient, connect):
    plain = socket.create_connection(("127.0.0.1", impatient.web.xmpps_port), 10)
    assert plain.recv(1) == b""
    plain.close()
    client = connect(impatient, direct=False)
    client.open()
    client.send(STARTTLS)
    assert client.rest().endswith("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")


def test_signing_in_without_binding_does_not_hold_a_place(impatient, connect, ada):
    client = connect(impatient)
    client.authenticate(ada)
    assert client.error() == "connection-timeout"


def test_a_session_has_no_such_limit(impatient, connect, ada):
    client = connect(impatient).sign_in(ada)
    time.sleep(1.5)
    assert client.ping()


def test_an_address_has_its_share_of_places(online, connect, ada):
    with online(Gate(per_address=3)) as server:
        for _ in range(3):
            connect(server, direct=False)
        wait_until(lambda: server.hub.metrics().guests == 3)
        assert connect(server, direct=False).error() == "policy-violation"
        assert connect(server, address="127.0.0.2").sign_in(ada).ping()
        assert server.hub.metrics().refused == 1


def test_a_place_is_free_again_after_signing_in(online, connect, ada, eve):
    with online(Gate(per_address=1)) as server:
        assert connect(server).sign_in(ada).ping()
        assert connect(server).sign_in(eve).ping()


def test_a_full_house_has_room_for_another_address(online, connect, ada):
    with online(Gate(per_address=8, in_all=10)) as server:
        first = connect(server, direct=False, address="127.0.0.3")
        for _ in range(7):
            connect(server, direct=False, address="127.0.0.3")
        for _ in range(2):
            connect(server, direct=False, address="127.0.0.4")
        wait_until(lambda: server.hub.metrics().guests == 10)
        assert connect(server).sign_in(ada).ping()
        assert first.rest() == ""
        assert server.hub.metrics().displaced == 1


def test_a_client_that_reads_nothing_is_read_from_no_more(server, connect, ada, eve):
    greedy = connect(server).sign_in(ada)
    greedy.socket.settimeout(1)
    sent = sends_taken(greedy, PING * 100, at_most=4000)
    assert sent < 2000
    assert connect(server).sign_in(eve).ping()


def test_wrong_tries_do_not_pile_up_on_one_connection(server, connect):
    client = connect(server)
    client.open()
    aborted = f"<abort xmlns='{SASL}'/>"
    assert client.error(aborted * 50) == "policy-violation"


@pytest.mark.slow
def test_thousands_of_half_open_connections_cost_little_and_shut_nobody_out(authority, tmp_path):
    """The server in a process of its own, so that its memory can be read."""
    if sys.platform != "linux":
        pytest.skip("reads /proc, and needs loopback addresses beyond 127.0.0.1")
    import resource

    wanted = 10_000
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500
    resource.setrlimit(resource.RLIMIT_NOFILE, (room + 500,) * 2)
    program = Path(__file__).with_name("crowded_server.py")
    command = [sys.executable, str(program), str(authority.certificate), str(authority.key)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, ExitStack() as crowd:
        try:
            starttls, direct = (int(port) for port in process.stdout.readline().split())
            before = memory_kb(process.pid)
            for number in range(min(wanted, room)):
                source = f"127.0.1.{number % 100 + 1}"
                port = direct if number % 2 else starttls
                client = crowd.enter_context(socket.create_connection(("127.0.0.1", port), 10, (source, 0)))
                if not number % 2:
                    with suppress(OSError):
                        client.sendall(HEADER.encode())
                if (
                    not number % 200
                ):  # let the server keep up: a connection the kernel drops is tried again a second later
                    with suppress(OSError):
                        client.recv(1)
            began = time.monotonic()
            with socket.create_connection(("127.0.0.1", starttls), 10) as other:
                other.sendall(HEADER.encode())
                answer = b""
                while b"</stream:features>" not in answer:
                    answer += other.recv(4096)
            assert time.monotonic() - began < 2
            grown = memory_kb(process.pid) - before
            print(f"{min(wanted, room)} connections: {grown} kB more, answered in {time.monotonic() - began:.3f} s")
            assert grown < 100 * 1024
        finally:
            process.kill()


def sends_taken(client, said: str, at_most: int) -> int:
    """How often `said` could be sent before the server took no more."""
    for number in range(at_most):
        try:
            client.send(said)
        except TimeoutError:
            return number
    return at_most


def memory_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
