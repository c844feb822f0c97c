"""Ports where something else answers, or somebody in between has changed what was said: each named for what it is."""

from __future__ import annotations

import base64
import re
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from connector.realtime.impostor import (
    HEADER,
    SASL,
    Impostor,
    answering,
    features,
    mechanisms,
    resets,
    says,
    trouble_at,
)
from dovetail.connector.link.egress import Egress
from dovetail.connector.link.verdicts import Phase
from dovetail.connector.realtime.diagnosis import Trouble, diagnose, for_it, sentence
from dovetail.connector.realtime.ladder import Place, Rung

HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
SUCCESS = b"<success xmlns='" + SASL + b"'/>"
ANOTHER_KEY = "sha256/" + "A" * 43 + "="
BOMB = b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]>" + HEADER.partition(b"?>")[2]


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusted(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return path


def tls(ca: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)
    return context


def direct(port: int) -> Place:
    return Place(Rung.DIRECT_TLS, "localhost", port)


def starttls(port: int) -> Place:
    return Place(Rung.STARTTLS, "localhost", port)


def test_a_closed_port_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert trouble_at(direct(port)) == Trouble.REFUSED


@pytest.mark.parametrize("place", [direct, starttls])
def test_inspection_that_resets_is_told_from_one_that_swallows(place):
    with answering(resets) as impostor:
        assert trouble_at(place(impostor.port)) == Trouble.CUT
    with answering(says()) as impostor:
        assert trouble_at(place(impostor.port)) == Trouble.SILENT


@pytest.mark.parametrize("place", [direct, starttls])
@pytest.mark.parametrize("words", [HTTP, b"<html><body>Welcome to the hotel</body></html>"])
def test_a_sign_in_page_is_no_xmpp_server(place, words):
    with answering(says(words)) as impostor:
        assert trouble_at(place(impostor.port)) == Trouble.NOT_XMPP


@pytest.mark.parametrize("offered", [b"ANONYMOUS", b"EXTERNAL", b"PLAIN", b"SCRAM-SHA-256"])
def test_where_starttls_was_stripped_nothing_is_said_in_the_clear(offered):
    with answering(says(HEADER + mechanisms(offered))) as impostor:
        assert trouble_at(starttls(impostor.port)) == Trouble.NO_STARTTLS
    assert impostor.received.count(b"<") == 1, "the header and no more"


def test_a_server_that_says_yes_without_being_asked_gets_no_session_in_the_clear():
    with answering(says(HEADER + SUCCESS + features(b"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"))) as impostor:
        assert trouble_at(starttls(impostor.port)) == Trouble.NOT_XMPP
    assert b"<iq" not in impostor.received


def test_a_certificate_of_another_authority_is_interception(trusted):
    with answering(says(), tls(trustme.CA())) as impostor:
        assert trouble_at(direct(impostor.port), trusted) == Trouble.TLS_INTERCEPTED


def test_a_certificate_for_another_name_is_named(ca, trusted):
    with answering(says(), tls(ca, "elsewhere.example")) as impostor:
        assert trouble_at(direct(impostor.port), trusted) == Trouble.WRONG_NAME


@pytest.mark.parametrize("rung", [Rung.DIRECT_TLS, Rung.WEBSOCKET])
def test_a_trusted_server_whose_key_is_not_the_pinned_one_hears_nothing(ca, trusted, rung):
    egress = Egress("none", ca_file=trusted, pins=(ANOTHER_KEY,))
    with answering(says(), tls(ca)) as impostor:
        place = Place(rung, "localhost", impostor.port, "/xmpp-websocket")
        assert trouble_at(place, egress=egress) == Trouble.NOT_PINNED
    assert impostor.received == b""


def test_after_starttls_too_only_the_pinned_key_is_told_anything(ca, trusted):
    inside = Impostor(0)

    def script(impostor: Impostor, connection: socket.socket) -> None:
        impostor.hear(connection, b"version=")
        connection.sendall(HEADER + features(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"))
        impostor.hear(connection, b"<starttls")
        connection.sendall(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        with tls(ca).wrap_socket(connection, server_side=True) as secured:
            inside.hear(secured, b"nothing ends this")

    with answering(script) as impostor:
        egress = Egress("none", ca_file=trusted, pins=(ANOTHER_KEY,))
        assert trouble_at(starttls(impostor.port), egress=egress) == Trouble.NOT_PINNED
    assert b"<starttls" in impostor.received
    assert inside.received == b""


def test_a_password_is_never_given_to_a_server_without_scram(ca, trusted):
    with answering(says(HEADER + mechanisms(b"PLAIN", b"SCRAM-SHA-1", b"ANONYMOUS")), tls(ca)) as impostor:
        assert trouble_at(direct(impostor.port), trusted) == Trouble.UNSAFE
    assert b"<auth" not in impostor.received


@pytest.mark.parametrize(
    "answer",
    [
        SUCCESS,
        b"<success xmlns='" + SASL + b"'>dj1BQUFB</success>",
        b"<challenge xmlns='" + SASL + b"'>cj1ldmlsLHM9QUFBQSxpPTQwOTY=</challenge>",
    ],
    ids=["success at once", "a signature at once", "a challenge for another nonce"],
)
def test_a_server_that_does_not_know_the_credential_is_not_believed(ca, trusted, answer):
    with answering(says(HEADER + mechanisms(b"SCRAM-SHA-256"), answer), tls(ca)) as impostor:
        assert trouble_at(direct(impostor.port), trusted) == Trouble.UNSAFE
    assert b"<response" not in impostor.received


def knows_the_nonce(element: bytes, iterations: int):
    """An impostor that answers with a server-first of this very exchange, in a challenge or in a success."""

    def script(impostor, connection):
        impostor.received += connection.recv(65536)
        connection.sendall(HEADER + mechanisms(b"SCRAM-SHA-256"))
        impostor.hear(connection, b"</auth>")
        first = base64.b64decode(re.search(b"<auth[^>]*>([^<]*)<", impostor.received)[1])
        nonce = first.partition(b"r=")[2]
        server_first = b"r=" + nonce + b"x,s=" + base64.b64encode(b"s" * 16) + b",i=%d" % iterations
        message = base64.b64encode(server_first)
        connection.sendall(b"<" + element + b" xmlns='" + SASL + b"'>" + message + b"</" + element + b">")
        bind = features(b"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>")
        says(HEADER + bind)(impostor, connection)

    return script


def test_a_success_that_takes_the_place_of_the_challenge_is_not_believed(ca, trusted):
    with answering(knows_the_nonce(b"success", 4096), tls(ca)) as impostor:
        assert trouble_at(direct(impostor.port), trusted) == Trouble.UNSAFE
    assert b"<iq" not in impostor.received


def test_a_server_that_asks_for_endless_work_is_left(ca, trusted):
    with answering(knows_the_nonce(b"challenge", 100_001), tls(ca)) as impostor:
        assert trouble_at(direct(impostor.port), trusted) == Trouble.UNSAFE
    assert b"<response" not in impostor.received


@pytest.mark.parametrize("words", [BOMB, HEADER + b"<?evil x?>", HEADER + b"<a>" * 40, HEADER + b"<a>" + b"x" * 70_000])
def test_a_stream_that_no_honest_server_sends_is_left(ca, trusted, words):
    with answering(says(words), tls(ca)) as impostor:
        assert trouble_at(direct(impostor.port), trusted) == Trouble.NOT_XMPP


def test_a_web_server_without_websocket_is_named(ca, trusted):
    with answering(says(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), tls(ca)) as impostor:
        place = Place(Rung.WEBSOCKET, "localhost", impostor.port, "/xmpp-websocket")
        assert trouble_at(place, trusted) == Trouble.NO_WEBSOCKET


@pytest.mark.parametrize("host", ["localhost", "elsewhere.example"])
def test_a_websocket_that_leads_elsewhere_is_not_followed(ca, trusted, host):
    with answering(says(), tls(ca)) as elsewhere:
        location = f"wss://{host}:{elsewhere.port}/xmpp-websocket".encode()
        answer = b"HTTP/1.1 307 There\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
        with answering(says(answer), tls(ca)) as impostor:
            place = Place(Rung.WEBSOCKET, "localhost", impostor.port, "/xmpp-websocket")
            assert trouble_at(place, trusted) == Trouble.NO_WEBSOCKET
        assert elsewhere.received == b""
        socket.create_connection(("127.0.0.1", elsewhere.port)).close()


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", Trouble.PROXY_FORBIDS),
        (
            b'HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n',
            Trouble.PROXY_SIGN_IN,
        ),
    ],
)
@pytest.mark.parametrize("rung", list(Rung))
def test_a_proxy_that_refuses_is_named_for_every_way(rung, answer, trouble):
    with answering(says(answer)) as impostor:
        egress = Egress(f"http://127.0.0.1:{impostor.port}", environ={})
        assert trouble_at(Place(rung, "book.example.test", 5223, "/x"), None, egress) == trouble
    assert impostor.received.startswith(b"CONNECT book.example.test:5223 ")


def test_a_firewall_that_drops_is_told_from_one_that_swallows():
    assert diagnose(TimeoutError(), Phase.TCP) == Trouble.DROPPED
    assert diagnose(TimeoutError(), Phase.TLS) == Trouble.SILENT
    assert diagnose(TimeoutError(), Phase.ANSWER) == Trouble.SILENT


def test_every_trouble_has_a_sentence_that_names_no_more_than_host_and_port():
    place = Place(Rung.STARTTLS, "book.example.org", 5222)
    for trouble in Trouble:
        told = sentence(trouble, place)
        assert told.endswith((".", "`."))
        assert "{" not in told


def test_the_sentence_for_it_names_host_and_ports_and_the_way_out():
    direct, starttls = Place(Rung.DIRECT_TLS, "book.example.org", 5223), Place(Rung.STARTTLS, "book.example.org", 5222)
    web = Place(Rung.WEBSOCKET, "book.example.org", 443)
    both = for_it([(direct, Trouble.DROPPED), (starttls, Trouble.REFUSED), (web, None)])
    assert both == (
        "Ask your IT to allow outgoing TCP to book.example.org on ports 5222 and 5223 (XMPP, RFC 6120), or switch to"
        " auto mode, which does not need it: `dovetail mode auto`."
    )
    assert "exempt book.example.org on port 5223 from TLS inspection" in for_it([(direct, Trouble.TLS_INTERCEPTED)])
    for nothing in (None, Trouble.NOT_AUTHORIZED, Trouble.NO_NAME, Trouble.ENDED):
        assert for_it([(direct, nothing)]) == ""
    assert for_it([(web, Trouble.REFUSED)]) == ""
