"""What outlives a connection: XEP-0198, hints that waited, one session for each connector."""

import pytest

from dovetail.protocol.hints import Hint
from dovetail.server.realtime import bus
from dovetail.server.realtime.hub import DEAD_SECONDS, PROBE_SECONDS
from dovetail.server.realtime.session import KEPT_SECONDS, UNACKNOWLEDGED
from server.web.pages import wait_until

from .client import MANAGEMENT, PING


@pytest.fixture
def turned(online, transactional_db):
    """A server whose clock a test turns: `turned.forward(seconds)`."""
    with online(clock=lambda: turned.now) as server:
        turned = server
        turned.now = 1000.0
        yield server


def hint(pairing, number: int) -> None:
    bus.current().hint(pairing.connector_id, Hint(cursor=f"1.0-{number}"))


def lose(server, client) -> None:
    client.socket.close()
    wait_until(lambda: server.hub.metrics().detached == 1)


def test_what_was_not_acknowledged_is_sent_again(server, connect, ada):
    client = connect(server).sign_in(ada)
    previd = client.enable()
    hint(ada, 1)
    client.until("</message>")
    hint(ada, 2)
    client.until("</message>")
    lose(server, client)
    again = connect(server)
    again.authenticate(ada)
    assert "<resumed" in again.resume(previd, handled=1)
    assert 'cursor="1.0-2"' in again.until("</message>")
    assert "type='result'" in again.ping()


def test_of_hints_to_a_lost_connector_the_newest_waits(server, connect, ada):
    client = connect(server).sign_in(ada)
    previd = client.enable()
    lose(server, client)
    for number in range(50):
        hint(ada, number)
    wait_until(lambda: server.hub.metrics().counts.get("hint-merged") == 49)
    again = connect(server)
    again.authenticate(ada)
    again.resume(previd)
    assert 'cursor="1.0-49"' in again.until("</message>")
    assert "<message" not in again.ping()


def test_a_connector_that_acknowledges_nothing_gets_few_hints_and_then_the_newest(server, connect, ada):
    client = connect(server).sign_in(ada)
    client.enable()
    for number in range(100):
        hint(ada, number)
    for _ in range(UNACKNOWLEDGED):
        last = client.until("</message>")
    assert f'cursor="1.0-{UNACKNOWLEDGED - 1}"' in last
    client.send(f"<a xmlns='{MANAGEMENT}' h='{UNACKNOWLEDGED}'/>")
    assert 'cursor="1.0-99"' in client.until("</message>")


def test_the_server_counts_the_stanzas_of_the_client(server, connect, ada):
    client = connect(server).sign_in(ada)
    client.enable()
    client.send("<presence/>" + PING)
    assert "h='2'" in client.ask(f"<r xmlns='{MANAGEMENT}'/>", "<a xmlns='urn:xmpp:sm:3' h='2'/>")


def test_a_session_goes_on_while_the_old_connection_is_still_there(server, connect, ada):
    """As when a firewall swallows the old one: the connector knows before the server does."""
    client = connect(server).sign_in(ada)
    previd = client.enable()
    again = connect(server)
    again.authenticate(ada)
    assert "<resumed" in again.resume(previd)
    assert client.error() == "conflict"
    assert "type='result'" in again.ping()
    assert server.hub.metrics().online == 1


def test_a_second_connector_with_the_same_credential_ends_the_first(server, connect, ada):
    client = connect(server).sign_in(ada)
    second = connect(server).sign_in(ada)
    assert client.error() == "conflict"
    hint(ada, 1)
    second.until("</message>")


def test_an_unknown_session_can_be_had_anew(server, connect, ada):
    client = connect(server)
    client.authenticate(ada)
    assert "<failed" in client.resume("nothing")
    client.until("</failed>")
    assert client.bind()


def test_a_client_that_lies_about_what_it_received_is_ended(server, connect, ada):
    client = connect(server).sign_in(ada)
    client.enable()
    hint(ada, 1)
    client.until("</message>")
    assert client.error(f"<a xmlns='{MANAGEMENT}' h='2'/>") == "undefined-condition"


@pytest.mark.parametrize("handled", ["", "-1", "1.0", "4294967296", "\u0661", "9" * 4000])
def test_an_acknowledgement_is_a_number(server, connect, ada, handled):
    client = connect(server).sign_in(ada)
    client.enable()
    assert client.error(f"<a xmlns='{MANAGEMENT}' h='{handled}'/>") == "bad-format"


def test_a_client_that_asks_and_never_acknowledges_is_ended(server, connect, ada):
    client = connect(server).sign_in(ada)
    client.enable()
    assert client.error(PING * 300) == "policy-violation"


def test_a_lost_session_is_kept_for_a_while_only(turned, connect, ada):
    client = connect(turned).sign_in(ada)
    client.enable()
    lose(turned, client)
    turned.now += KEPT_SECONDS
    turned.run(turned.hub.sweep)
    assert turned.hub.metrics().detached == 1
    turned.now += 1
    turned.run(turned.hub.sweep)
    assert turned.hub.metrics().detached == 0


@pytest.mark.parametrize("managed", [True, False])
def test_a_silent_client_is_asked_and_then_dropped(turned, connect, ada, managed):
    client = connect(turned).sign_in(ada)
    if managed:
        client.enable()
    turned.now += PROBE_SECONDS
    turned.run(turned.hub.sweep)
    client.until("<r xmlns='urn:xmpp:sm:3'/>" if managed else "<ping xmlns='urn:xmpp:ping'/></iq>")
    turned.now += DEAD_SECONDS - PROBE_SECONDS
    turned.run(turned.hub.sweep)
    assert client.rest() == ""
    metrics = turned.hub.metrics()
    assert (metrics.online, metrics.detached) == (0, int(managed))


def test_a_client_that_answers_stays(turned, connect, ada):
    client = connect(turned).sign_in(ada)
    for _ in range(5):
        turned.now += PROBE_SECONDS
        assert client.ping()
        turned.run(turned.hub.sweep)
    assert turned.hub.metrics().online == 1
