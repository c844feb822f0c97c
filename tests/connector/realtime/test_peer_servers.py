"""The connector against Prosody and ejabberd: servers not of ours, with hints from a component as a large site sends
them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
import trustme

from connector.realtime import ejabberd, prosody
from connector.realtime.ejabberd import Ejabberd
from connector.realtime.peer_server import COMPONENT
from connector.realtime.prosody import Prosody
from connector.realtime.wire import Connector, Forwarder, wait_until
from dovetail.connector.link.signin import Credential
from dovetail.protocol.credential import new_connector_id, new_token, tokenize
from dovetail.protocol.hints import RESOURCE, Hint, jid
from dovetail.protocol.messages import Realtime
from programs import require_program

pytestmark = pytest.mark.peer


PEERS = {"prosody": (prosody, "prosody"), "ejabberd": (ejabberd, "erl")}


@pytest.fixture(scope="module", params=PEERS)
def server(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prosody | Ejabberd, object]]:
    peer, program = PEERS[request.param]
    if request.param == "ejabberd":
        require_program("/usr/sbin/ejabberdctl")
    ca = trustme.CA()
    trusted = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(trusted)
    with peer.running(require_program(program), ca) as running:
        yield running, trusted


class Paired:
    """A connector of that server's, each port behind a forwarder."""

    def __init__(self, server: Prosody | Ejabberd, trusted: object, stack: ExitStack) -> None:
        self.server = server
        self.credential = Credential(new_connector_id(), tokenize(new_token()))
        self.name = self.credential.connector_id.lower()
        server.register(self.name, self.credential.tokenized)
        self.ways = {
            rung: stack.enter_context(closing(Forwarder(port)))
            for rung, port in (
                ("direct-tls", server.direct),
                ("starttls", server.starttls),
                ("websocket", server.https),
            )
        }
        self.connector = Connector(f"https://localhost:{self.ways['websocket'].port}", self.credential, trusted)
        stack.callback(self.connector.listener.stop)

    def start(self, sender: str | None = COMPONENT) -> Connector:
        announced = Realtime(
            domain="localhost",
            host="localhost",
            starttls_port=self.ways["starttls"].port,
            direct_tls_port=self.ways["direct-tls"].port,
            websocket="/xmpp-websocket",
            sender=sender,
        )
        self.connector.listener.start()
        self.connector.listener.aim(announced)
        return self.connector

    def hint(self) -> None:
        full = f"{jid(self.credential.connector_id, 'localhost')}/{RESOURCE}"
        self.server.hint(full, Hint(cursor="1.0-7"))


@pytest.fixture
def pair(server: tuple[Prosody | Ejabberd, object]) -> Iterator[Callable[[], Paired]]:
    with ExitStack() as stack:
        yield lambda: Paired(*server, stack)


@pytest.mark.parametrize("rung", ["direct-tls", "starttls", "websocket"])
def test_hints_come_over_every_way_and_the_session_is_resumed(pair, rung):
    paired = pair()
    for name, way in paired.ways.items():
        if name != rung:
            way.block()
    connector = paired.start()
    connector.live(rung)
    paired.hint()
    wait_until(lambda: connector.wakes == 2)
    paired.ways[rung].block()
    wait_until(lambda: not connector.state.is_live)
    paired.hint()
    assert connector.wakes == 2
    paired.ways[rung].unblock()
    wait_until(lambda: connector.wakes == 3)
    connector.live(rung)
    assert (connector.state.sessions, connector.state.resumed) == (1, 1)


@pytest.mark.parametrize("announced", ["other.localhost", None])
def test_a_hint_of_anybody_but_the_announced_component_wakes_nobody(pair, announced):
    told, asleep = pair(), pair()
    connector, other = told.start(), asleep.start(sender=announced)
    connector.live()
    other.live()
    asleep.hint()
    told.hint()
    wait_until(lambda: connector.wakes == 2)
    assert other.wakes == 1


def test_a_session_that_walks_down_the_ladder_goes_on_or_starts_anew_with_a_sync(pair):
    """ejabberd goes on. Prosody 0.12 takes up a session of TCP over WebSocket, and then cannot read it."""
    paired = pair()
    connector = paired.start()
    connector.live("direct-tls")
    paired.ways["direct-tls"].block()
    connector.live("starttls")
    assert (connector.state.sessions, connector.state.resumed) == (1, 1)
    paired.ways["starttls"].block()
    sessions = 2 if isinstance(paired.server, Prosody) else 1
    wait_until(lambda: connector.state.rung == "websocket" and connector.state.sessions == sessions)
    connector.live("websocket")
    assert connector.wakes == sessions
    paired.hint()
    wait_until(lambda: connector.wakes == sessions + 1)


def test_a_connector_that_the_server_does_not_know_any_more_is_told_so(pair):
    paired = pair()
    paired.server.delete(paired.name)
    connector = paired.start()
    wait_until(lambda: connector.state.phase == "down")
    assert connector.state.trouble == "not-authorized"
