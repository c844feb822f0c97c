"""The link against a server that keeps to the contract, and against ones that do not."""

from __future__ import annotations

import base64
import contextlib
import gzip
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from connector.link.loopback import EPOCH, Loopback, Reply, Seen, json_reply, problem_reply, serving, sync_response
from dovetail.connector.link import egress, wire
from dovetail.connector.link.https import HttpsServer, open_server
from dovetail.connector.link.port import (
    Blocked,
    Disconnected,
    NotTheServer,
    Refused,
    RetryLater,
    Unreachable,
    WrongCredentials,
)
from dovetail.connector.link.signin import Credential
from dovetail.protocol.credential import MAX_ITERATIONS, MAX_SCRAM_BYTES, Verifier, new_token, tokenize
from dovetail.protocol.messages import ConnectorStatus, SyncMode, SyncRequest
from dovetail.protocol.problems import ProblemCode

Reach = Callable[..., HttpsServer]
SESSION = "POST /connector/v1/session"
SYNC = "POST /connector/v1/sync"

REQUEST = SyncRequest(
    epoch=EPOCH,
    connector=ConnectorStatus(version="0", platform="test", mode=SyncMode.AUTO, interval_minutes=5),
)


def on(path: str, reply: Reply) -> Callable[[Seen], Reply | None]:
    return lambda seen: reply if seen.path == path else None


def test_an_exchange_signs_in_first_and_then_keeps_its_key(loopback: Loopback, reach: Reach) -> None:
    server = reach()

    assert server.exchange(REQUEST).cursor == "c1"
    assert server.exchange(REQUEST).epoch == EPOCH

    assert loopback.paths() == [SESSION, SESSION, SYNC, SYNC]


def test_signing_in_tells_the_epoch_of_the_connection(reach: Reach) -> None:
    assert reach().sign_in() == EPOCH


def test_neither_the_token_nor_its_md5_form_crosses_the_wire_or_reaches_a_log(
    loopback: Loopback, reach: Reach, credential: Credential, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = reach()
    server.exchange(REQUEST)
    server.disconnect()

    secrets = [token, token.replace("-", ""), credential.tokenized]
    binary = bytes.fromhex(credential.tokenized)
    told = bytes(loopback.wire) + caplog.text.encode() + repr((credential, server.__dict__)).encode()
    for seen in loopback.requests:  # also inside the base64 of the SCRAM messages
        told += base64.b64decode(seen.headers["Authorization"].rpartition("data=")[2] + "==")
    assert b"Bearer key-" in told
    assert credential.connector_id.encode() in told
    for secret in (*(text.encode() for text in secrets), binary, base64.b64encode(binary)):
        assert secret.lower() not in told.lower()


def test_a_wrong_token_is_refused_with_the_tries_left(reach: Reach, credential: Credential) -> None:
    wrong = Credential(credential.connector_id, tokenize(new_token()))
    with pytest.raises(WrongCredentials, match="5 more tries") as refusal:
        reach(wrong).exchange(REQUEST)
    assert refusal.value.attempts_left == 5


def test_a_blocked_connector_is_told_for_how_long(loopback: Loopback, reach: Reach) -> None:
    blocked = problem_reply(ProblemCode.BLOCKED, 429, {"Retry-After": "1700"}, retry_after=1700)
    loopback.instead = on("/connector/v1/session", blocked)
    with pytest.raises(Blocked, match="29 minutes") as refusal:
        reach().exchange(REQUEST)
    assert refusal.value.retry_after == 1700
    assert loopback.paths() == [SESSION]


def test_a_server_that_does_not_know_the_credential_is_not_believed(loopback: Loopback, reach: Reach) -> None:
    """It accepts every proof, as an impostor would, but cannot sign the exchange."""

    def accept(seen: Seen) -> Reply | None:
        if "sid=" not in seen.headers.get("Authorization", ""):
            return None
        forged = base64.b64encode(b"v=" + base64.b64encode(b"\0" * 32)).decode()
        session = {"key": "k", "expires_in": 900, "epoch": EPOCH, "protocols": [1]}
        return json_reply(200, session, **{"Authentication-Info": f"sid=sid-0, data={forged}"})

    loopback.instead = accept
    with pytest.raises(NotTheServer, match="could not prove"):
        reach().exchange(REQUEST)
    assert SYNC not in loopback.paths()


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"Authentication-Info": "sid=sid-0"},
        {"Authentication-Info": "sid=sid-0, data=!!!"},
        {"Authentication-Info": "sid=sid-0, data=/////w=="},
        {"Authentication-Info": "sid=sid-0, data=" + base64.b64encode(b"e=other-error").decode()},
        {"Authentication-Info": "nothing"},
    ],
)
def test_a_server_that_leaves_its_proof_out_is_not_believed(
    loopback: Loopback, reach: Reach, shown: dict[str, str]
) -> None:
    session = {"key": "k", "expires_in": 900, "epoch": EPOCH, "protocols": [1]}
    loopback.instead = lambda seen: (
        json_reply(200, session, **shown) if "sid=" in seen.headers.get("Authorization", "") else None
    )
    with pytest.raises(NotTheServer, match="could not prove"):
        reach().exchange(REQUEST)
    assert SYNC not in loopback.paths()


def test_the_proof_of_another_exchange_is_not_believed(loopback: Loopback, reach: Reach) -> None:
    genuine = loopback.answer

    def other_sid(seen: Seen) -> Reply:
        reply = genuine(seen)
        if "Authentication-Info" in reply.headers:
            reply.headers["Authentication-Info"] = reply.headers["Authentication-Info"].replace("sid-0", "sid-9")
        return reply

    loopback.answer = other_sid
    with pytest.raises(NotTheServer, match="could not prove"):
        reach().sign_in()


def test_a_challenge_that_would_burn_the_cpu_is_not_taken_up(loopback: Loopback, reach: Reach) -> None:
    loopback.iterations = MAX_ITERATIONS + 1
    with pytest.raises(NotTheServer):
        reach().sign_in()
    assert loopback.paths() == [SESSION]


@pytest.mark.parametrize(
    "challenge",
    [
        "SCRAM-SHA-256 sid=a, data=####",
        "SCRAM-SHA-256 sid=a, data=" + base64.b64encode(b"r=short,s=QUJDREVGR0hJSktM,i=4096").decode(),
        "SCRAM-SHA-256 sid=a, data=" + base64.b64encode(b"r=" + b"x" * 4000).decode(),
        "SCRAM-SHA-256 data=cj1h",
    ],
)
def test_a_challenge_out_of_step_is_not_answered(loopback: Loopback, reach: Reach, challenge: str) -> None:
    loopback.instead = lambda seen: Reply(401, headers={"WWW-Authenticate": challenge})
    with pytest.raises(NotTheServer):
        reach().sign_in()
    assert loopback.paths() == [SESSION]


def test_a_challenge_longer_than_scram_needs_is_not_answered(loopback: Loopback, reach: Reach) -> None:
    genuine = loopback.answer

    def stretched(seen: Seen) -> Reply:
        reply = genuine(seen)
        head, _, data = reply.headers["WWW-Authenticate"].rpartition("data=")
        message = base64.b64decode(data).replace(b",s=", b"x" * MAX_SCRAM_BYTES + b",s=")
        reply.headers["WWW-Authenticate"] = f"{head}data={base64.b64encode(message).decode()}"
        return reply

    loopback.answer = stretched
    with pytest.raises(NotTheServer):
        reach().sign_in()
    assert loopback.paths() == [SESSION]


def test_a_key_that_ended_is_renewed_once_and_the_request_repeated(loopback: Loopback, reach: Reach) -> None:
    server = reach()
    server.exchange(REQUEST)
    loopback.keys.clear()

    assert server.exchange(REQUEST).cursor == "c1"
    assert loopback.paths() == [SESSION, SESSION, SYNC, SYNC, SESSION, SESSION, SYNC]


def test_a_server_that_ends_every_key_at_once_is_not_asked_forever(loopback: Loopback, reach: Reach) -> None:
    loopback.instead = on("/connector/v1/sync", problem_reply(ProblemCode.KEY_EXPIRED, 401))
    with pytest.raises(Refused):
        reach().exchange(REQUEST)
    assert loopback.paths().count(SYNC) == 1


def test_a_key_about_to_end_is_renewed_before_it_is_used(
    loopback: Loopback, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = reach()
    server.exchange(REQUEST)
    now = time.monotonic()
    monkeypatch.setattr("dovetail.connector.link.https.time.monotonic", lambda: now + 880)
    server.exchange(REQUEST)
    assert loopback.paths().count(SESSION) == 4


def test_an_ended_connection_says_so(loopback: Loopback, reach: Reach) -> None:
    server = reach()
    server.exchange(REQUEST)
    loopback.ended = True
    with pytest.raises(Disconnected):
        server.exchange(REQUEST)


def test_disconnecting_brings_the_receipt_of_what_was_erased(loopback: Loopback, reach: Reach) -> None:
    receipt = reach().disconnect()
    assert receipt.erased == {"chunks": 3, "calendars": 1}
    assert receipt.at.isoformat() == "2026-03-02T09:00:00+00:00"
    assert loopback.paths()[-1] == "DELETE /connector/v1/connection"


def test_a_certificate_that_the_system_does_not_trust_is_refused(loopback: Loopback, reach: Reach) -> None:
    with pytest.raises(NotTheServer, match="does not trust the certificate of localhost"):
        reach(ca_file=None).exchange(REQUEST)
    assert loopback.wire == b""


def test_a_certificate_for_another_name_is_refused(
    authority: trustme.CA, credential: Credential, ca_file: Path
) -> None:
    known = Loopback(credential.connector_id, Verifier.of(credential.tokenized))
    certificate = authority.issue_cert("book.example.org")
    with (
        serving(known, certificate) as loopback,
        open_server(loopback.origin, credential, ca_file) as server,
        pytest.raises(NotTheServer, match="not for localhost"),
    ):
        server.exchange(REQUEST)
    assert loopback.wire == b""


def test_an_expired_certificate_points_to_the_clock(
    authority: trustme.CA, credential: Credential, ca_file: Path
) -> None:
    known = Loopback(credential.connector_id, Verifier.of(credential.tokenized))
    certificate = authority.issue_cert(
        "localhost", not_after=datetime(2021, 1, 1, tzinfo=UTC), not_before=datetime(2020, 1, 1, tzinfo=UTC)
    )
    with (
        serving(known, certificate) as loopback,
        open_server(loopback.origin, credential, ca_file) as server,
        pytest.raises(NotTheServer, match="clock"),
    ):
        server.exchange(REQUEST)


def test_a_redirect_is_named_and_not_followed(loopback: Loopback, reach: Reach) -> None:
    elsewhere = Reply(307, headers={"Location": "https://login.hotel.example/welcome?x=1"})
    loopback.instead = on("/connector/v1/session", elsewhere)
    with pytest.raises(NotTheServer, match=r"login\.hotel\.example"):
        reach().exchange(REQUEST)
    assert loopback.paths() == [SESSION]


def test_a_captive_portal_is_told_from_a_server(loopback: Loopback, reach: Reach) -> None:
    loopback.instead = lambda seen: Reply(200, b"<html>Welcome", {"Content-Type": "text/html; charset=utf-8"})
    with pytest.raises(NotTheServer, match="web page"):
        reach().exchange(REQUEST)


def test_a_portal_that_comes_up_later_does_not_pass_for_an_answer(loopback: Loopback, reach: Reach) -> None:
    server = reach()
    server.exchange(REQUEST)
    loopback.instead = lambda seen: Reply(200, b"<html>Welcome", {"Content-Type": "text/html"})
    with pytest.raises(NotTheServer):
        server.exchange(REQUEST)


def test_an_endless_answer_is_cut_off(loopback: Loopback, reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_ANSWER_BYTES", 1000)
    loopback.instead = on(
        "/connector/v1/sync", Reply(200, b'"' + b"x" * 2000 + b'"', {"Content-Type": "application/json"})
    )
    with pytest.raises(NotTheServer, match="larger"):
        reach().exchange(REQUEST)


def test_an_answer_that_only_trickles_is_given_up(
    loopback: Loopback, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "ANSWER_SECONDS", -1.0)
    with pytest.raises(Unreachable, match="too long"):
        reach().disconnect()


def test_a_compressed_answer_that_nobody_asked_for_is_not_opened(loopback: Loopback, reach: Reach) -> None:
    packed = gzip.compress(sync_response(EPOCH).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    loopback.instead = on("/connector/v1/sync", Reply(200, packed, headers))
    with pytest.raises(NotTheServer):
        reach().exchange(REQUEST)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": "Mon, 02 Mar 2026 09:01:30 GMT", "Date": "Mon, 02 Mar 2026 09:00:00 GMT"}, 90.0),
        ({"Retry-After": "999999999999"}, 24 * 3600.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_a_busy_server_says_when_to_come_back(
    loopback: Loopback, reach: Reach, status: int, headers: dict[str, str], seconds: float | None
) -> None:
    busy = Reply(status, b"Service Unavailable", {"Content-Type": "text/plain", **headers})
    loopback.instead = on("/connector/v1/sync", busy)
    with pytest.raises(RetryLater) as refusal:
        reach().exchange(REQUEST)
    assert refusal.value.retry_after == seconds
    assert loopback.paths().count(SYNC) == 1


def test_a_busy_dovetail_says_when_to_come_back(loopback: Loopback, reach: Reach) -> None:
    loopback.instead = on("/connector/v1/sync", problem_reply(ProblemCode.BUSY, 503, {"Retry-After": "7"}))
    with pytest.raises(RetryLater) as refusal:
        reach().exchange(REQUEST)
    assert refusal.value.retry_after == 7.0


def test_a_reverse_proxy_without_its_server_is_worth_another_try(loopback: Loopback, reach: Reach) -> None:
    loopback.instead = lambda seen: Reply(502, b"<html>Bad Gateway", {"Content-Type": "text/html"})
    with pytest.raises(Unreachable):
        reach().exchange(REQUEST)


@pytest.mark.parametrize(
    ("code", "status"),
    [(ProblemCode.MALFORMED, 400), (ProblemCode.TOO_LARGE, 413), (ProblemCode.INCONSISTENT, 422)],
)
def test_what_the_server_will_not_do_comes_with_its_words(
    loopback: Loopback, reach: Reach, code: ProblemCode, status: int
) -> None:
    loopback.instead = on("/connector/v1/sync", problem_reply(code, status))
    with pytest.raises(Refused, match="In the server's words") as refusal:
        reach().exchange(REQUEST)
    assert refusal.value.problem.code is code


@pytest.mark.parametrize("body", [b"{}", b"[1]", b"not json", b""])
def test_an_answer_of_another_version_is_not_half_understood(loopback: Loopback, reach: Reach, body: bytes) -> None:
    loopback.instead = on("/connector/v1/sync", Reply(200, body, {"Content-Type": "application/json"}))
    with pytest.raises(Refused, match="another version") as refusal:
        reach().exchange(REQUEST)
    assert refusal.value.problem.code is ProblemCode.UNSUPPORTED_PROTOCOL


def test_nothing_that_answers_is_no_server(credential: Credential, ca_file: Path) -> None:
    with (
        open_server("https://localhost:1", credential, ca_file) as server,
        pytest.raises(Unreachable, match="refuses connections"),
    ):
        server.exchange(REQUEST)


def test_an_unknown_name_is_named(credential: Credential) -> None:
    with (
        open_server("https://book.invalid", credential) as server,
        pytest.raises(Unreachable, match=r"name book\.invalid cannot be found"),
    ):
        server.exchange(REQUEST)


def test_a_silent_server_is_given_up(loopback: Loopback, reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    loopback.instead = lambda seen: release.wait(5) and None
    monkeypatch.setattr(egress, "READ_SECONDS", 0.2)
    try:
        with pytest.raises(Unreachable, match="too long"):
            reach().exchange(REQUEST)
    finally:
        release.set()


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """A proxy that wants a name and a password other than those in HTTPS_PROXY; the heads of what it was sent."""
    heads: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client:
                    heads.append(client.recv(4096))
                    client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://anna:s3cret@127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        yield heads
        listener.shutdown(socket.SHUT_RDWR)


def test_a_proxy_that_wants_a_password_is_named_without_the_one_it_got(
    proxy: list[bytes], credential: Credential
) -> None:
    with (
        open_server("https://book.invalid", credential) as server,
        pytest.raises(Unreachable, match="wants a name and a password") as refusal,
    ):
        server.exchange(REQUEST)
    assert "s3cret" not in refusal.value.reason
    assert [head.split(b"\r\n")[0] for head in proxy] == [b"CONNECT book.invalid:443 HTTP/1.1"]


def test_a_server_on_this_pc_is_reached_without_the_proxy(proxy: list[bytes], reach: Reach) -> None:
    assert reach().exchange(REQUEST).cursor == "c1"
    assert proxy == []
