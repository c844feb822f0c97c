"""Streams over WebSocket: RFC 7395, and the same sessions as over TCP."""

import base64
from contextlib import suppress

import pytest
from scramp import ScramClient
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dovetail.protocol.credential import MECHANISM, tokenize
from dovetail.protocol.hints import Hint
from dovetail.server.realtime import bus
from dovetail.server.realtime.conversation import ANONYMOUS_LIMIT
from dovetail.server.realtime.gate import Gate
from server.web.dialing import dial
from server.web.pages import wait_until

from .client import BIND, MANAGEMENT, PING, SASL

OPEN = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>"
CLOSE = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"
IN_CLIENT = "<iq xmlns='jabber:client'"


@pytest.fixture
def web(server):
    with websocket(server) as connection:
        yield connection


def websocket(server, **options):
    url = server.web.url.replace("https", "wss") + "/xmpp-websocket"
    return dial(url, server.web.trust, **{"subprotocols": ["xmpp"], **options})


def ask(connection, said: str, answers: int = 1) -> str:
    connection.send(said)
    return "".join(connection.recv(10) for _ in range(answers))


def authenticate(connection, pairing) -> None:
    ask(connection, OPEN, 2)
    scram = ScramClient([MECHANISM], pairing.connector_id.lower(), tokenize(pairing.token))
    challenge = ask(connection, f"<auth xmlns='{SASL}' mechanism='{MECHANISM}'>{_b64(scram.get_client_first())}</auth>")
    scram.set_server_first(_carried(challenge))
    scram.set_server_final(
        _carried(ask(connection, f"<response xmlns='{SASL}'>{_b64(scram.get_client_final())}</response>"))
    )
    ask(connection, OPEN, 2)


def sign_in(connection, pairing) -> None:
    authenticate(connection, pairing)
    assert "<jid>" in ask(connection, BIND.replace("<iq", IN_CLIENT))


def last_words(connection) -> str:
    """All that comes until the server closes, each message by itself well-formed."""
    said = []
    with suppress(ConnectionClosed):
        while True:
            said.append(connection.recv(10))
    assert said.pop() == CLOSE
    return "".join(said)


def test_a_connector_signs_in_and_is_woken(web, ada):
    sign_in(web, ada)
    bus.current().hint(ada.connector_id, Hint(cursor="1.0-7"))
    assert 'cursor="1.0-7"' in web.recv(10)
    assert "type='result'" in ask(web, PING.replace("<iq", IN_CLIENT))


def test_each_message_stands_by_itself(web):
    opened, features = ask(web, OPEN), web.recv(10)
    assert opened.startswith("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'")
    assert "<stream:features xmlns:stream=" in features
    assert "starttls" not in features


def test_a_session_moves_from_direct_tls_to_websocket_and_back(server, connect, web, ada):
    client = connect(server).sign_in(ada)
    previd = client.enable()
    client.socket.close()
    wait_until(lambda: server.hub.metrics().detached == 1)
    bus.current().hint(ada.connector_id, Hint(cursor="1.0-1"))
    authenticate(web, ada)
    assert "<resumed" in ask(web, f"<resume xmlns='{MANAGEMENT}' previd='{previd}' h='0'/>")
    assert 'cursor="1.0-1"' in web.recv(10)
    back = connect(server)
    back.authenticate(ada)
    assert "<resumed" in back.resume(previd, handled=1)
    assert "<conflict" in last_words(web)
    assert "<message" not in back.ping()


def test_a_close_is_answered_with_a_close(server, web, ada):
    sign_in(web, ada)
    ask(web, f"<enable xmlns='{MANAGEMENT}' resume='true'/>")
    web.send(CLOSE)
    assert last_words(web) == ""
    assert server.hub.metrics().detached == 0


@pytest.mark.parametrize(
    ("said", "condition"),
    [
        ("<!DOCTYPE x>" + OPEN, "restricted-xml"),
        ("<!-- -->" + OPEN, "restricted-xml"),
        (OPEN + OPEN, "not-well-formed"),
        (OPEN[:-2], "not-well-formed"),
        ("hello", "not-well-formed"),
        ("", "not-well-formed"),
        (b"\x00\x01", "bad-format"),
        (OPEN.replace("localhost", "example.org"), "host-unknown"),
        (PING.replace("<iq", IN_CLIENT), "not-well-formed"),
        ("<iq xmlns='jabber:client'>" + "x" * 2 * ANONYMOUS_LIMIT + "</iq>", "policy-violation"),
        ("<a>" * 100 + "</a>" * 100, "policy-violation"),
    ],
)
def test_what_breaks_the_rules_ends_the_stream(web, said, condition):
    web.send(said)
    assert f"<{condition} " in last_words(web)


def test_a_revoked_connector_is_told_and_out(web, ada):
    sign_in(web, ada)
    bus.current().kick(ada.connector_id)
    said = last_words(web)
    assert 'kind="disconnected"' in said
    assert "<not-authorized " in said


def test_other_subprotocols_are_refused(server):
    with pytest.raises(InvalidStatus, match="403"):
        websocket(server, subprotocols=["mqtt"])


def test_places_are_shared_with_the_other_ports(online, transactional_db, connect):
    with online(Gate(per_address=1)) as server:
        connect(server, direct=False)
        wait_until(lambda: server.hub.metrics().guests == 1)
        with websocket(server) as refused, pytest.raises(ConnectionClosed):
            refused.recv(10)


def test_a_client_that_says_nothing_has_to_go(online, transactional_db):
    with online(sign_in_seconds=0.5) as server, websocket(server) as silent:
        assert "<connection-timeout " in last_words(silent)


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _carried(element: str) -> str:
    return base64.b64decode(element.partition(">")[2].partition("<")[0]).decode()
