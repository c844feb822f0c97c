"""The whole way at a large site: Dovetail as a component of Prosody or ejabberd, both as packaging/ has them, and a
connector whose proof they check with what Dovetail tells them."""

from __future__ import annotations

import base64
import re
import shutil
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from scramp import ScramClient

from cli import server as served
from connector.realtime import packaged
from connector.realtime.peer_server import lasting_port
from connector.realtime.wire import Connector, Forwarder, wait_until
from dovetail.connector.link.signin import Credential
from dovetail.demo import programs
from dovetail.demo.people import Customer, User
from dovetail.protocol.credential import MECHANISM, new_connector_id, new_token, tokenize
from dovetail.protocol.hints import Hint, write
from dovetail.protocol.messages import Realtime, SyncMode
from dovetail.server.bookings.place import place
from dovetail.server.connections import erasure, pairing
from dovetail.server.connections.models import Connection, State
from dovetail.server.connections.pairing import Pairing
from dovetail.server.realtime.announcement import announced
from dovetail.server.realtime.arrangement import Linked, arranged
from dovetail.server.wsgi import application
from server.people import ADA, NOW, a_host, at, event_type_of
from server.realtime.client import BIND, PING, SASL, STARTTLS, Client
from server.web.conftest import Running, authority, serving

__all__ = ["authority"]

pytestmark = pytest.mark.peer

AT_ONCE = 3.0
"""In seconds: sooner than the XMPP server looks by itself who is revoked."""
PORT = lasting_port()
"""Of Dovetail, which is started for each test, while the XMPP server stays."""


@pytest.fixture(scope="module", params=["prosody", "ejabberd"])
def peer(request, authority) -> Iterator[packaged.Peer]:
    with packaged.running(request.param, authority, f"https://localhost:{PORT}") as peer:
        yield peer


@dataclass
class Site:
    """`ways` lead to the XMPP server's ports."""

    linked: Linked
    ada: Pairing
    ways: dict[str, Forwarder]
    connect: Callable[..., Connector]
    booked: list[object] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        return self.linked.component.metrics().counts

    def book(self) -> None:
        start = at(10 + len(self.booked))
        self.booked.append(place(event_type_of(self.ada.connection.user), start, ADA, now=NOW))

    def only(self, rung: str) -> None:
        for name, way in self.ways.items():
            if name != rung:
                way.block()


@pytest.fixture
def site(peer: packaged.Peer, transactional_db, settings, authority) -> Iterator[Site]:
    with ExitStack() as stack:
        ways = {
            rung: stack.enter_context(closing(Forwarder(port)))
            for rung, port in (("direct-tls", peer.direct), ("starttls", peer.starttls), ("websocket", peer.https))
        }
        settings.XMPP_COMPONENT, settings.XMPP_KEYS_SECRET = packaged.account(peer), packaged.KEYS_SECRET
        settings.XMPP_PORTS = [ways["starttls"].port, ways["direct-tls"].port]
        settings.XMPP_WEBSOCKET = f"wss://localhost:{ways['websocket'].port}/xmpp-websocket"
        ada = pairing.connect(a_host(name="Ada"))
        has_synced(ada.connection)
        linked = arranged()
        stack.enter_context(serving(authority, application, realtime=linked, port=PORT))
        wait_until(lambda: linked.component.metrics().is_up)

        def connect(credential: Credential | None = None) -> Connector:
            own = Credential(ada.connector_id, tokenize(ada.token))
            connector = Connector(f"https://localhost:{PORT}", credential or own, authority.authority)
            connector.listener.start()
            stack.callback(connector.listener.stop)
            connector.listener.aim(announced())
            return connector

        yield Site(linked, ada, ways, connect)


def has_synced(connection: Connection) -> None:
    """Its pages are open."""
    connection.state, connection.last_contact = State.CONNECTED, NOW
    connection.save()
    connection.calendars.create(key="0" * 16, name="Calendar", access="bookable", is_main=True, busy_as_of=NOW)


@pytest.mark.parametrize("rung", ["direct-tls", "starttls", "websocket"])
def test_a_booking_wakes_the_connector_over_every_way(site, rung):
    site.only(rung)
    connector = site.connect()
    connector.live(rung)
    site.book()
    wait_until(lambda: connector.wakes == 2)
    assert connector.state.sessions == 1


def test_bookings_in_a_row_are_two_hints(site):
    connector = site.connect()
    connector.live()
    for _ in range(4):
        site.book()
    wait_until(lambda: connector.wakes == 3)
    assert (site.counts["hint-sent"], site.counts["hint-kept"]) == (2, 1)


def test_a_hint_to_one_who_is_away_comes_back(site):
    site.book()
    wait_until(lambda: site.counts.get("hint-nobody") == 1)


REVOCATIONS = {
    "a disconnect": lambda ada: erasure.erase(ada.connection, actor="user"),
    "a new token": lambda ada: pairing.renew_token(ada.connection.user),
    "the end of the account": lambda ada: ada.connection.user.delete(),
}


@pytest.mark.parametrize("revoke", REVOCATIONS.values(), ids=REVOCATIONS)
def test_a_revoked_connector_is_out_at_once_and_does_not_come_back(site, revoke):
    connector = site.connect()
    connector.live()
    revoke(site.ada)
    wait_until(lambda: connector.state.phase == "down", AT_ONCE)
    assert connector.state.trouble == "not-authorized"
    again = site.connect()
    wait_until(lambda: again.state.phase == "down")
    assert again.state.trouble == "not-authorized"
    assert again.state.sessions == connector.state.resumed == 0
    wait_until(lambda: site.counts["revocation-done"] == 1)


def test_a_session_that_waits_to_be_resumed_goes_with_its_credential(site):
    connector = site.connect()
    connector.live()
    for way in site.ways.values():
        way.block()
    wait_until(lambda: not connector.state.is_live)
    renewed = pairing.renew_token(site.ada.connection.user)
    wait_until(lambda: site.counts.get("revocation-done") == 1)
    site.book()
    wait_until(lambda: site.counts.get("hint-nobody", 0) >= 1)
    for way in site.ways.values():
        way.unblock()
    wait_until(lambda: connector.state.trouble == "not-authorized")
    site.connect(Credential(renewed.connector_id, tokenize(renewed.token))).live()


def test_a_revocation_that_the_component_did_not_tell_of_is_found(site):
    connector = site.connect()
    connector.live()
    Connection.objects.update(stored_key=b"")
    wait_until(lambda: connector.state.trouble == "not-authorized")
    assert site.counts.get("revocation-sent") is None


def test_a_proof_that_comes_after_the_revocation_is_good_for_nothing(site, peer, authority):
    trust = ssl.create_default_context(cafile=authority.authority)
    scram = ScramClient([MECHANISM], site.ada.connector_id.lower(), tokenize(site.ada.token))
    with Client(Running(PORT, None, trust, peer.starttls, peer.direct)) as client:
        client.open()
        first = base64.b64encode(scram.get_client_first().encode()).decode()
        client.ask(f"<auth xmlns='{SASL}' mechanism='{MECHANISM}'>{first}</auth>", ">")
        scram.set_server_first(client.carried("</challenge>"))
        pairing.renew_token(site.ada.connection.user)
        wait_until(lambda: site.counts.get("revocation-done") == 1)
        final = base64.b64encode(scram.get_client_final().encode()).decode()
        client.ask(f"<response xmlns='{SASL}'>{final}</response>", "</success>")
        client.open()
        client.send(BIND)
        client.socket.settimeout(AT_ONCE)
        assert "<not-authorized " in client.rest()


def test_while_dovetail_is_away_nobody_is_told_to_pair_again(peer, authority):
    credential = Credential(new_connector_id(), tokenize(new_token()))
    connector = Connector(f"https://localhost:{PORT}", credential, authority.authority)
    connector.listener.start()
    connector.listener.aim(realtime(peer))
    wait_until(lambda: connector.state.phase == "down")
    connector.listener.stop()
    assert connector.state.trouble in ("busy", "lost", "cut", "ended")


@pytest.mark.slow
def test_dovetail_serve_does_all_of_it_by_its_environment(peer, authority, tmp_path):
    account = packaged.account(peer)
    settings = {
        "DOVETAIL_XMPP_COMPONENT": f"xmpp-component://{account.name}:{account.secret}@{account.host}:{account.port}",
        "DOVETAIL_XMPP_KEYS_SECRET": packaged.KEYS_SECRET,
    }
    shutil.copytree(authority.authority.parent, tmp_path / "data" / "tls")
    ports = (peer.starttls, peer.direct)
    (calendar := tmp_path / "calendar").mkdir()
    with (
        served.serving(tmp_path / "data", xmpp_ports=ports, settings=settings, port=PORT) as dovetail,
        ExitStack() as end,
    ):
        server = SimpleNamespace(url=dovetail.address, ca_file=dovetail.ca_file)
        user = end.enter_context(closing(User(server, "a@example.org", "Ada", "UTC")))
        customer = end.enter_context(closing(Customer(server, user.page)))
        pc = programs.Connector(tmp_path / "home", tmp_path / "connector.log")
        pc.pair(server, user.connect(), calendar)
        running = end.enter_context(pc.running())
        wait_until(lambda: "at once (by TLS" in running.log.read_text(), 30)
        customer.book(customer.slots(datetime.now(UTC).date() + timedelta(days=2))[0])
        wait_until(lambda: any(calendar.iterdir()), 20)  # its interval is a minute
        user.disconnect()
        wait_until(lambda: running.process.poll() is not None, 20)


def realtime(peer: packaged.Peer) -> Realtime:
    """As Dovetail announces that server."""
    return Realtime(
        domain="localhost",
        host="localhost",
        starttls_port=peer.starttls,
        direct_tls_port=peer.direct,
        websocket=f"wss://localhost:{peer.https}/xmpp-websocket",
        sender=packaged.COMPONENT,
    )


def test_nothing_goes_from_one_connector_to_another(site, peer, authority):
    trust = ssl.create_default_context(cafile=authority.authority)
    running = Running(PORT, None, trust, peer.starttls, peer.direct)
    eve = pairing.connect(a_host(name="Eve"))
    with Client(running) as sending, Client(running) as receiving:
        sending.sign_in(eve)
        receiving.authenticate(site.ada)
        full = receiving.bind()
        sending.send(f"<message to='{full}'>{write(Hint())}</message><iq type='get' id='q' to='{full}'><x/></iq>")
        sending.ask(PING, "'result'")
        came = receiving.ask(PING, "'result'")
    assert "<hint" not in came
    assert "'q'" not in came


def test_an_unknown_connector_learns_no_more_than_one_with_a_wrong_token(site):
    known = site.connect(Credential(site.ada.connector_id, tokenize(new_token())))
    unknown = site.connect(Credential(new_connector_id(), tokenize(new_token())))
    for connector in (known, unknown):
        wait_until(lambda connector=connector: connector.state.phase == "down")
        assert connector.state.trouble == "not-authorized"


def test_everybody_in_real_time_is_woken_when_the_link_is_back(site):
    connector = site.connect()
    connector.live()
    Connection.objects.update(mode=SyncMode.REAL_TIME)
    loop, link = site.linked._running.get_loop(), site.linked.component._link
    loop.call_soon_threadsafe(link.close)
    wait_until(lambda: connector.wakes == 2)
    assert site.counts["link-up"] == 2


@pytest.mark.parametrize("direct", [True, False])
def test_only_scram_sha_256_is_offered_and_nothing_in_clear(peer, authority, direct):
    trust = ssl.create_default_context(cafile=authority.authority)
    with Client(Running(PORT, None, trust, peer.starttls, peer.direct), direct=direct) as client:
        features = client.open()
        if not direct:
            assert "<required" in features
            assert "<mechanism" not in features
            client.ask(STARTTLS, "<proceed")
            client.until(">")
            client.start_tls()
            features = client.open()
        offered = set(re.findall("<mechanism>(.*?)</mechanism>", features))
        assert "SCRAM-SHA-256" in offered <= {"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}
        assert "register" not in features
