"""What a client meets that keeps to the rules, step by step: RFC 6120, RFC 6121, XEP-0030, XEP-0199."""

import socket
import ssl

import pytest

from dovetail.protocol.hints import Hint
from dovetail.server.realtime import bus

from .client import HEADER, MANAGEMENT, SASL


def iq(inner: str, kind: str = "get", more: str = "") -> str:
    return f"<iq type='{kind}' id='asked'{more}>{inner}</iq>"


@pytest.fixture
def client(server, connect, ada):
    return connect(server).sign_in(ada)


def test_a_connector_signs_in_over_direct_tls(server, connect, ada):
    client = connect(server)
    client.authenticate(ada)
    assert client.bind() == f"{ada.connector_id.lower()}@localhost/connector"
    assert "type='result'" in client.ping()


def test_a_connector_signs_in_after_starttls(server, connect, ada):
    client = connect(server, direct=False)
    client.secure()
    client.sign_in(ada)
    assert "type='result'" in client.ping()


def test_before_tls_only_tls_is_offered(server, connect):
    features = connect(server, direct=False).open()
    assert "<starttls" in features
    assert "<required/>" in features
    assert "mechanism" not in features


def test_scram_sha_256_is_the_only_mechanism(server, connect):
    assert connect(server).open().count("<mechanism>") == 1


def test_a_client_may_send_its_first_message_of_scram_when_asked(server, connect):
    client = connect(server)
    client.open()
    assert "<challenge" in client.ask(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'/>", ">")


def test_direct_tls_agrees_on_xmpp_client(server, connect):
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.load_verify_locations(cadata=b"".join(server.web.trust.get_ca_certs(binary_form=True)))
    trust.set_alpn_protocols(["xmpp-client"])
    client = connect(server, direct=False)  # its socket only
    client.socket.close()
    with (
        socket.create_connection(("127.0.0.1", server.web.xmpps_port), 5) as plain,
        trust.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        assert secured.selected_alpn_protocol() == "xmpp-client"


def test_a_resource_can_be_chosen(server, connect, ada):
    client = connect(server)
    client.authenticate(ada)
    bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>Desk.2</resource></bind>"
    assert "@localhost/Desk.2<" in client.ask(iq(bind, "set"), "</iq>")


def test_an_odd_resource_is_replaced(server, connect, ada):
    client = connect(server)
    client.authenticate(ada)
    bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>&lt;a b='c'></resource></bind>"
    assert "@localhost/connector<" in client.ask(iq(bind, "set"), "</iq>")


def test_a_hint_comes_as_a_message_without_content(client, ada):
    bus.current().hint(ada.connector_id, Hint(cursor="1.0-7"))
    assert client.until("</message>").endswith(
        'type="normal" id="h1"><hint xmlns=\'urn:dovetail:hint:1\' kind="sync" cursor="1.0-7"/></message>'
    )


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (iq("<query xmlns='jabber:iq:roster'/>"), "<query xmlns='jabber:iq:roster'/></iq>"),
        (iq("<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>", "set"), "type='result'"),
        (iq("<query xmlns='http://jabber.org/protocol/disco#info'/>", more=" to='localhost'"), "var='urn:xmpp:ping'"),
        (iq("<query xmlns='http://jabber.org/protocol/disco#items'/>"), "disco#items'/></iq>"),
        (iq("<vCard xmlns='vcard-temp'/>"), "<service-unavailable"),
        (iq("<ping xmlns='urn:xmpp:ping'/>", "set"), "<service-unavailable"),
        (iq("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>", "set"), "<not-allowed"),
        (iq(""), "<bad-request"),
        (iq("<a/><b/>"), "<bad-request"),
        (iq("<ping xmlns='urn:xmpp:ping'/>", "other"), "<bad-request"),
    ],
)
def test_each_request_is_answered(client, asked, answer):
    found = client.ask(asked, "</iq>")
    assert answer in found
    assert 'id="asked"' in found


def test_presence_and_answers_of_the_client_are_taken_in_silence(client):
    client.send("<presence/><presence type='subscribe' to='eve@localhost'/><iq type='result' id='x'/>")
    assert client.ping().count("<iq") == 1


@pytest.mark.parametrize("stanza", ["<message{}><body>psst</body></message>", "<iq type='get' id='1'{}><a/></iq>"])
def test_nothing_is_routed_to_another_client(server, connect, client, eve, stanza):
    other = connect(server).sign_in(eve)
    name = stanza[1:3] if stanza.startswith("<iq") else "message"
    to = f" to='{eve.connector_id.lower()}@localhost/connector'"
    assert "<service-unavailable" in client.ask(stanza.format(to), f"</{name}>")
    assert other.ping().startswith("<iq")


def test_the_end_of_a_stream_is_answered_with_its_end(client):
    client.send("</stream:stream>")
    assert client.rest() == "</stream:stream>"


def test_a_session_ended_in_good_form_is_gone(server, client):
    client.enable()
    client.send("</stream:stream>")
    client.rest()
    assert server.hub.metrics().detached == 0


def test_a_blank_keeps_a_connection_alive(client):
    client.send(" \n")
    assert "type='result'" in client.ping()


def test_a_tag_may_come_byte_by_byte(server, connect):
    client = connect(server)
    for byte in HEADER:
        client.send(byte)
    assert "<mechanisms" in client.until("</stream:features>")


def test_stream_management_is_for_bound_clients(server, connect, ada):
    client = connect(server)
    client.authenticate(ada)
    assert "<unexpected-request" in client.ask(f"<enable xmlns='{MANAGEMENT}'/>", "</failed>")
    client.bind()
    client.enable()
    assert "<unexpected-request" in client.ask(f"<enable xmlns='{MANAGEMENT}'/>", "</failed>")
