"""Clients that mean harm: each gets the stream error RFC 6120 has for it, and the others notice nothing."""

import base64

import pytest
from scramp import ScramClient

from dovetail.protocol.credential import MECHANISM, new_token, tokenize
from dovetail.server.realtime.conversation import ANONYMOUS_LIMIT, LIMIT
from dovetail.server.realtime.hub import Hub
from dovetail.server.realtime.service import Service
from dovetail.server.realtime.signin import Database
from dovetail.server.wsgi import application
from server.web.conftest import serving

from .client import BIND, HEADER, PING, SASL, STARTTLS
from .conftest import Online

LAUGHS = "<!DOCTYPE lolz [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
)
FILE = "<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>"

BEFORE_THE_HEADER = {
    "a billion laughs": (LAUGHS + "]><stream:stream>&j;</stream:stream>", "restricted-xml"),
    "an external entity": (FILE + HEADER, "restricted-xml"),
    "a document type": ("<!DOCTYPE stream>" + HEADER, "restricted-xml"),
    "a processing instruction": ("<?php evil?>", "restricted-xml"),
    "a comment": ("<!-- -->", "restricted-xml"),
    "another encoding": ("<?xml version='1.0' encoding='UTF-16'?>", "unsupported-encoding"),
    "an overlong UTF-8 sequence": (b"\xc0\xbc", "unsupported-encoding"),
    "no XML": ("GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
    "another element": ("<html>", "bad-format"),
    "another namespace": ("<stream xmlns='jabber:client' to='localhost' version='1.0'>", "invalid-namespace"),
    "another host": (HEADER.replace("localhost", "example.org"), "host-unknown"),
    "no host": (HEADER.replace(" to='localhost'", ""), "host-unknown"),
    "another version": (HEADER.replace("1.0'>", "2.0'>"), "unsupported-version"),
    "an endless header": (HEADER[:-1] + " x='" + "x" * 2 * ANONYMOUS_LIMIT, "policy-violation"),
}
AFTER_THE_HEADER = {
    "an undefined entity": ("<iq>&lol;</iq>", "restricted-xml"),
    "a character reference to nothing": ("<iq>&#0;</iq>", "not-well-formed"),
    "a comment": ("<iq><!-- --></iq>", "restricted-xml"),
    "a processing instruction": ("<?x y?>", "restricted-xml"),
    "a thousand levels": ("<a>" * 1000, "policy-violation"),
    "an endless text": ("<iq>" + "x" * 2 * ANONYMOUS_LIMIT, "policy-violation"),
    "an endless name": ("<" + "x" * 2 * ANONYMOUS_LIMIT, "policy-violation"),
    "a thousand attributes": ("<iq " + " ".join(f"a{n}='xxxxxxxxx'" for n in range(1000)), "policy-violation"),
    "bad UTF-8": (b"<iq>\xff\xfe</iq>", "unsupported-encoding"),
    "half a character": (b"<iq>\xe2\x82</iq>", "unsupported-encoding"),
    "a surrogate": (b"<iq>\xed\xa0\x80</iq>", "unsupported-encoding"),
    "NUL": ("<iq>\0</iq>", "not-well-formed"),
    "an unbound prefix": ("<evil:iq/>", "not-well-formed"),
    "the wrong end": ("<iq></presence>", "not-well-formed"),
    "text between elements": ("hello", "bad-format"),
    "a stanza before signing in": (PING, "not-authorized"),
    "a message before signing in": ("<message><body>x</body></message>", "not-authorized"),
    "a resource before signing in": (BIND, "not-authorized"),
    "an unknown element": ("<x xmlns='urn:x'/>", "unsupported-stanza-type"),
    "an answer nobody asked for": (f"<response xmlns='{SASL}'>YQ==</response>", "unsupported-stanza-type"),
    "resumption before signing in": ("<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>", "unsupported-stanza-type"),
}
SIGNED_IN = {
    "a stanza in another's name": ("<presence from='root@localhost'/>", "invalid-from"),
    "another header": ("<stream:stream/>", "unsupported-stanza-type"),
    "too long a stanza": (f"<message><body>{'x' * (LIMIT + 8192)}</body></message>", "policy-violation"),
    "a thousand levels": ("<a>" * 1000, "policy-violation"),
    "an entity": ("<message><body>&lol;</body></message>", "restricted-xml"),
}


def cases(known: dict[str, tuple[str | bytes, str]]):
    return pytest.mark.parametrize(("said", "condition"), known.values(), ids=known.keys())


@pytest.fixture(scope="module")
def standing(authority):
    """One server for attacks that leave nothing behind."""
    hub = Hub("localhost", Database())
    with serving(authority, application, realtime=Service(hub), xmpp_port=0, xmpps_port=0) as web:
        yield Online(web, hub)


@cases(BEFORE_THE_HEADER)
def test_before_the_header(standing, connect, said, condition):
    assert connect(standing, direct=False).error(said) == condition


@cases(AFTER_THE_HEADER)
def test_after_the_header(standing, connect, said, condition):
    client = connect(standing)
    client.open()
    assert client.error(said) == condition


@cases(SIGNED_IN)
def test_signed_in(server, connect, ada, said, condition):
    assert connect(server).sign_in(ada).error(said) == condition


@pytest.mark.parametrize(
    "pipelined",
    [f"<auth xmlns='{SASL}' mechanism='PLAIN'>AGEAYQ==</auth>", PING, "<iq", " x", "\x16\x03\x01\x00", HEADER],
)
def test_clear_text_sent_along_with_starttls_is_not_taken_for_what_comes_after_it(standing, connect, pipelined):
    client = connect(standing, direct=False)
    client.open()
    assert client.error(STARTTLS + pipelined) in ("policy-violation", "not-well-formed", "bad-format")


def test_nothing_but_tls_is_to_be_had_in_the_clear(standing, connect):
    client = connect(standing, direct=False)
    client.open()
    auth = f"<auth xmlns='{SASL}' mechanism='{MECHANISM}'>biwsbj1hLHI9Yg==</auth>"
    assert "<encryption-required/>" in client.ask(auth, "</failure>")
    assert client.error(PING) == "not-authorized"


@pytest.mark.parametrize("mechanism", ["PLAIN", "ANONYMOUS", "EXTERNAL", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", ""])
def test_other_mechanisms_are_refused(standing, connect, mechanism):
    client = connect(standing)
    client.open()
    auth = f"<auth xmlns='{SASL}' mechanism='{mechanism}'>AGEAYQ==</auth>"
    assert "<invalid-mechanism/>" in client.ask(auth, "</failure>")
    assert "<invalid-mechanism/>" in client.ask(auth, "</failure>")
    assert client.error(auth) == "policy-violation"


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("%%%", "incorrect-encoding"),
        (base64.b64encode(b"\xff\xfe").decode(), "incorrect-encoding"),
        ("=", "malformed-request"),
        (base64.b64encode(b"n,,n=a").decode(), "malformed-request"),
        (base64.b64encode(b"p=tls-unique,,n=a,r=b").decode(), "malformed-request"),
        (base64.b64encode(b"n,,n=a,r=" + b"b" * 2000).decode(), "malformed-request"),
    ],
)
def test_what_is_no_scram_is_refused(server, connect, text, condition):
    client = connect(server)
    client.open()
    assert f"<{condition}/>" in client.ask(f"<auth xmlns='{SASL}' mechanism='{MECHANISM}'>{text}</auth>", "</failure>")


def test_a_wrong_token_is_refused_and_counted_like_over_https(server, connect, ada):
    wrong = new_token()
    for _ in range(5):
        assert "<not-authorized/>" in connect(server).authenticate(ada, wrong)
    assert "Nobody is let in" in connect(server).authenticate(ada, wrong)
    blocked = connect(server).authenticate(ada)
    assert "<temporary-auth-failure/>" in blocked
    assert server.web.client().get("/accounts/login/").status_code == 200


def test_an_unknown_connector_cannot_be_told_from_a_wrong_token(server, connect, ada):
    answers = []
    for connector_id in (ada.connector_id, "2222222222", "2222222222"):
        client = connect(server)
        client.open()
        scram = ScramClient([MECHANISM], connector_id.lower(), tokenize(new_token()))
        first = base64.b64encode(scram.get_client_first().encode()).decode()
        client.send(f"<auth xmlns='{SASL}' mechanism='{MECHANISM}'>{first}</auth>")
        client.until(">")
        server_first = client.carried("</challenge>")
        scram.set_server_first(server_first)
        final = base64.b64encode(scram.get_client_final().encode()).decode()
        refusal = client.ask(f"<response xmlns='{SASL}'>{final}</response>", "</failure>")
        answers.append((server_first.split(",")[1], len(server_first), refusal))
    known, unknown, again = answers
    assert known[1:] == unknown[1:]
    assert unknown[0] == again[0]


def test_a_session_of_another_account_cannot_be_resumed(server, connect, ada, eve):
    client = connect(server).sign_in(ada)
    previd = client.enable()
    thief = connect(server)
    thief.authenticate(eve)
    assert "<failed" in thief.resume(previd)
    assert "<item-not-found" in thief.until("</failed>")
    assert client.ping()


def test_a_recorded_proof_is_worth_nothing(server, connect, ada):
    client = connect(server)
    client.open()
    scram = ScramClient([MECHANISM], ada.connector_id.lower(), tokenize(ada.token))
    auth = f"<auth xmlns='{SASL}' mechanism='{MECHANISM}'>{_b64(scram.get_client_first())}</auth>"
    client.ask(auth, ">")
    scram.set_server_first(client.carried("</challenge>"))
    response = f"<response xmlns='{SASL}'>{_b64(scram.get_client_final())}</response>"
    assert "<success" in client.ask(response, "</success>")
    again = connect(server)
    again.open()
    again.ask(auth, "</challenge>")
    assert "<not-authorized/>" in again.ask(response, "</failure>")


def test_a_client_that_does_not_wait_for_its_answer_is_ended(server, connect, ada):
    client = connect(server)
    client.open()
    scram = ScramClient([MECHANISM], ada.connector_id.lower(), tokenize(ada.token))
    auth = f"<auth xmlns='{SASL}' mechanism='{MECHANISM}'>{_b64(scram.get_client_first())}</auth>"
    assert client.error(auth + f"<abort xmlns='{SASL}'/>") == "policy-violation"


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
