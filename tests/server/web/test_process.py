"""The process from its start to its end: what it says when it cannot listen, and how it stops."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from dovetail.server.web import listen
from dovetail.server.web.listen import ListenError
from dovetail.server.web.tls import CertificateError

from .conftest import read_until
from .dialing import dial
from .pages import hello, wait_until

posix_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send another process SIGTERM")


@pytest.fixture
def start(authority):
    """Start the program; gives the process and its ports."""
    started = []

    def start(seconds: float) -> tuple[subprocess.Popen[str], dict[str, int]]:
        program = Path(__file__).with_name("program.py")
        command = [sys.executable, program, authority.certificate, authority.key, str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process, json.loads(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


class Request(threading.Thread):
    """A request that is under way while the test goes on."""

    def __init__(self, authority, port):
        super().__init__()
        self.text = ""
        self.url = f"https://localhost:{port}/"
        self.trust = httpx.create_ssl_context(verify=str(authority.authority))
        self.start()

    def run(self):
        with suppress(httpx.TransportError):
            self.text = httpx.get(self.url, verify=self.trust, timeout=20).text


@posix_signals
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_is_answered_before_the_process_ends_well(start, authority, number):
    process, ports = start(1)
    request = Request(authority, ports["port"])
    assert process.stdout.readline() == "asked\n"
    began = time.monotonic()
    process.send_signal(number)
    time.sleep(0.2)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", ports["port"]), timeout=5)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", ports["http_port"]), timeout=5)
    output, errors = process.communicate(timeout=20)
    request.join(5)
    assert (request.text, process.returncode, errors) == ("hello", 0, "")
    assert "worker done" in output
    assert time.monotonic() - began < 5


@posix_signals
def test_without_requests_it_stops_at_once(start):
    process, _ = start(0)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert process.wait(10) == 0
    assert time.monotonic() - began < 2


def test_an_idle_client_that_does_not_listen_holds_up_nothing(serve, caplog):
    with serve(hello) as running:
        idle = running.connect()
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        read_until(idle, b"hello")
        began = time.monotonic()
    idle.close()
    assert time.monotonic() - began < 4
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@posix_signals
def test_a_second_signal_does_not_wait(start, authority):
    process, ports = start(8)
    request = Request(authority, ports["port"])
    assert process.stdout.readline() == "asked\n"
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(3) == -signal.SIGTERM
    request.join(5)
    assert request.text == ""


def test_an_open_websocket_is_told_that_the_server_restarts(serve):
    async def wait(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await receive()

    with serve(hello, websockets={"/wait": wait}) as running:
        websocket = dial(f"wss://localhost:{running.port}/wait", running.trust)
    with pytest.raises(ConnectionClosed) as closed:
        websocket.recv(timeout=5)
    assert closed.value.rcvd.code == 1012


def test_all_addresses_are_listened_on_with_one_port():
    with listen.bound(None, 0) as sockets:
        port = listen.port_of(sockets)
        for host in ("127.0.0.1", "::1")[: len(sockets)]:
            socket.create_connection((host, port), timeout=5).close()


def test_a_port_in_use_is_named_with_what_to_do(serve):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for taken in ({"port": port}, {"http_port": port}):
            with (
                pytest.raises(ListenError, match=f"Port {port} is already in use.*choose another"),
                serve(hello, **taken),
            ):
                pass


def test_a_port_without_permission_is_named_with_what_to_do():
    error = listen.explained(PermissionError(13, "Permission denied"), 443)
    assert "No permission to listen on port 443" in str(error)
    assert "8443" in str(error)


def test_a_host_that_is_not_this_machine_is_refused(serve):
    with pytest.raises(ListenError, match=r"192\.0\.2\.1"), serve(hello, host="192.0.2.1"):
        pass
    with pytest.raises(ListenError, match="no address"), serve(hello, host="nowhere.invalid"):
        pass


def test_nothing_is_listened_on_when_the_certificate_cannot_be_used(serve, tmp_path):
    with pytest.raises(CertificateError), serve(hello, certificate=tmp_path / "missing.pem"):
        pass


def test_the_worker_runs_while_the_pages_do_and_is_stopped_with_them(serve):
    class Worker:
        said = []
        stopping = threading.Event()

        def run(self):
            self.said.append("started")
            self.stopping.wait(20)
            self.said.append("stopped")

        def stop(self):
            self.stopping.set()

    with serve(hello, worker=Worker()) as running, running.client() as client:
        wait_until(lambda: Worker.said == ["started"])
        assert client.get("/").text == "hello"
    assert Worker.said == ["started", "stopped"]


def test_it_can_be_imported_where_posix_is_missing():
    code = (
        "import sys, signal\n"
        "for name in ('fcntl', 'pwd', 'grp', 'resource', 'termios'): sys.modules[name] = None\n"
        "for name in ('SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGQUIT'): delattr(signal, name)\n"
        "import dovetail.server.web.process, dovetail.server.web.local_ca"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
