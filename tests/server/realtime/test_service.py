"""The service as part of the process: where connectors are told to go, its end, its certificate, its figures."""

import socket

from dovetail.protocol.hints import Hint
from dovetail.protocol.messages import Realtime
from dovetail.server.realtime import bus
from dovetail.server.realtime.announcement import announced
from dovetail.server.web import local_ca
from server.web.pages import wait_until


def test_connectors_are_told_where_to_wait(settings):
    settings.XMPP_PORTS = [5222, 5223]
    assert announced() == Realtime(
        domain="localhost", host="localhost", starttls_port=5222, direct_tls_port=5223, websocket="/xmpp-websocket"
    )


def test_a_port_that_is_switched_off_is_not_told(settings):
    settings.XMPP_PORTS = [0, 5223]
    assert (announced().starttls_port, announced().direct_tls_port) == (None, 5223)


def test_without_the_service_there_is_nowhere_to_wait(settings):
    settings.XMPP_PORTS = []
    assert announced() is None


def test_a_stop_is_told_to_everybody(online, transactional_db, connect, ada):
    with online() as server:
        signed_in, guest = connect(server).sign_in(ada), connect(server, direct=False)
        wait_until(lambda: server.hub.metrics().guests == 1)
    assert signed_in.error() == "system-shutdown"
    assert guest.error() == "system-shutdown"
    bus.current().hint(ada.connector_id, Hint())  # late, and harmless


def test_a_client_that_takes_nothing_does_not_hold_up_the_stop(online, transactional_db, connect, ada):
    with online() as server:
        stuck = connect(server).sign_in(ada)
        stuck.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wait_until(lambda: server.hub.metrics().online == 1)


def test_a_renewed_certificate_is_served_on_both_ports_and_open_streams_live_on(
    online, transactional_db, connect, ada, tmp_path
):
    mine = local_ca.ensure(tmp_path, [])
    with online(pair=mine, certificate_poll=0.1) as server:
        client = connect(server).sign_in(ada)
        before = served(server)
        (tmp_path / mine.certificate.name).unlink()
        local_ca.ensure(tmp_path, [])
        wait_until(lambda: served(server) != before)
        starttls = connect(server, direct=False)
        starttls.secure()
        assert starttls.socket.getpeercert(True) == served(server) != before
        assert client.ping()


def test_the_figures_say_how_things_stand(server, connect, ada, eve):
    connect(server).sign_in(ada).enable()
    lost = connect(server).sign_in(eve)
    lost.enable()
    lost.socket.close()
    connect(server, direct=False)
    wait_until(lambda: (server.hub.metrics().detached, server.hub.metrics().guests) == (1, 1))
    bus.current().hint(ada.connector_id, Hint())
    bus.current().hint(eve.connector_id, Hint())
    bus.current().hint("NOBODY", Hint())
    wait_until(lambda: server.hub.metrics().counts.get("hint-nobody"))
    metrics = server.hub.metrics()
    assert metrics.online == 1
    assert metrics.counts.items() >= {"signed-in": 2, "hint-sent": 1, "hint-kept": 1}.items()


def served(server) -> bytes:
    """The certificate of the direct TLS port, as a new connection sees it."""
    with (
        socket.create_connection(("127.0.0.1", server.web.xmpps_port), 5) as plain,
        server.web.trust.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        return secured.getpeercert(True)
