"""A small HTTPS server on loopback that speaks the connector's contract with scramp's server side, and misbehaves on
demand: the peer that a real server is not willing to be. It keeps every byte that reaches it after decryption."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import parse_http_list, parse_keqv_list

import trustme
from scramp import ScramException, ScramMechanism

from dovetail.protocol.credential import MECHANISM, Verifier
from dovetail.protocol.messages import ReportAnswer, ReportOutcome, Roles, Settings, SyncRequest, SyncResponse
from dovetail.protocol.problems import CONTENT_TYPE, ProblemCode, problem
from dovetail.protocol.report import EMPTY_ROOT

EPOCH = 7


@dataclass
class Reply:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def json_reply(status: int, body: object, **headers: str) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})


def problem_reply(code: ProblemCode, status: int, headers: dict[str, str] | None = None, **extra: object) -> Reply:
    said = problem(code, status, str(code), "In the server's words.", **extra)
    return Reply(status, said.model_dump_json().encode(), {"Content-Type": CONTENT_TYPE, **(headers or {})})


@dataclass
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Loopback:
    """`verifier` and `connector_id` are what it knows; `instead` answers a request before the contract does, or not."""

    def __init__(self, connector_id: str, verifier: Verifier) -> None:
        self.connector_id = connector_id
        self.verifier = verifier
        self.iterations = verifier.iterations
        self.instead: Callable[[Seen], Reply | None] = lambda seen: None
        self.requests: list[Seen] = []
        self.wire = bytearray()
        self.keys: set[str] = set()
        self.ended = False
        self.origin = ""
        self._exchanges: dict[str, Any] = {}
        self._lock = threading.Lock()

    def paths(self) -> list[str]:
        return [f"{seen.method} {seen.path}" for seen in self.requests]

    def answer(self, seen: Seen) -> Reply:
        with self._lock:
            self.requests.append(seen)
            return self.instead(seen) or self._by_contract(seen)

    def _by_contract(self, seen: Seen) -> Reply:
        if (seen.method, seen.path) == ("POST", "/connector/v1/session"):
            return self._session(seen.headers.get("Authorization", ""))
        key = seen.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.ended:
            return problem_reply(ProblemCode.DISCONNECTED, 410)
        if key not in self.keys:
            return problem_reply(ProblemCode.KEY_EXPIRED, 401)
        if seen.method == "DELETE":
            self.ended = True
            return json_reply(200, {"erased": {"chunks": 3, "calendars": 1}, "at": "2026-03-02T09:00:00Z"})
        request = SyncRequest.model_validate_json(seen.body)
        return Reply(200, sync_response(request.epoch).encode(), {"Content-Type": "application/json"})

    def _session(self, header: str) -> Reply:
        scheme, _, rest = header.partition(" ")
        assert scheme == MECHANISM
        said = parse_keqv_list(parse_http_list(rest))
        message = base64.b64decode(said["data"]).decode()
        if "sid" not in said:
            assert said["realm"] == "dovetail"
            exchange = ScramMechanism(MECHANISM).make_server(self._look_up)
            exchange.set_client_first(message)
            sid = f"sid-{len(self._exchanges)}"
            self._exchanges[sid] = exchange
            challenge = f'{MECHANISM} realm="dovetail", sid={sid}, data={_base64(exchange.get_server_first())}'
            return Reply(401, headers={"WWW-Authenticate": challenge})
        exchange = self._exchanges.pop(said["sid"])
        try:
            exchange.set_client_final(message)
        except ScramException:
            return problem_reply(ProblemCode.WRONG_CREDENTIALS, 401, attempts_left=5)
        key = f"key-{len(self.requests)}"
        self.keys.add(key)
        shown = f"sid={said['sid']}, data={_base64(exchange.get_server_final())}"
        body = {"key": key, "expires_in": 900, "epoch": EPOCH, "protocols": [1]}
        return json_reply(200, body, **{"Authentication-Info": shown})

    def _look_up(self, connector_id: str) -> tuple[bytes, bytes, bytes, int]:
        known = self.verifier if connector_id == self.connector_id else Verifier.of("0" * 32)
        return known.salt, known.stored_key, known.server_key, self.iterations


def sync_response(epoch: int) -> str:
    return SyncResponse(
        epoch=epoch,
        server_time=datetime(2026, 3, 2, 9, tzinfo=UTC),
        settings=Settings(roles=Roles(), window_days=60, delete_cancels=False, move_reschedules=False),
        report=ReportAnswer(outcome=ReportOutcome.NONE, root=EMPTY_ROOT),
        cursor="c1",
        full=True,
        bookings=(),
    ).model_dump_json()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class _Tee:
    """A request's stream that leaves a copy of what was read."""

    def __init__(self, stream: Any, copy: bytearray) -> None:
        self._stream, self._copy = stream, copy

    def read(self, size: int) -> bytes:
        return self._keep(self._stream.read(size))

    def readline(self, size: int) -> bytes:
        return self._keep(self._stream.readline(size))

    def _keep(self, data: bytes) -> bytes:
        self._copy += data
        return data

    def close(self) -> None:
        self._stream.close()

    @property
    def closed(self) -> bool:
        return bool(self._stream.closed)


@contextmanager
def serving(loopback: Loopback, certificate: trustme.LeafCert, host: str = "localhost") -> Iterator[Loopback]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def setup(self) -> None:
            super().setup()
            self.rfile = _Tee(self.rfile, loopback.wire)  # type: ignore[assignment]

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = loopback.answer(Seen(self.command, self.path, dict(self.headers), body))
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_POST = do_DELETE = do_GET = _answer  # noqa: N815

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that refuses the certificate breaks off: that is what some tests are about."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    loopback.origin = f"https://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
