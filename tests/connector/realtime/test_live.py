"""Waiting for the real server's hints, over a network that goes wrong."""

from __future__ import annotations

import time

import pytest

from connector.realtime.wire import wait_until
from dovetail.connector.realtime.stream import Patience
from dovetail.protocol.credential import new_token
from dovetail.server.connections import erasure
from dovetail.server.connections.models import Connection


@pytest.mark.parametrize("rung", ["direct-tls", "starttls", "websocket"])
def test_a_hint_wakes_the_connector_over_every_way(network, connect, hint, rung):
    if rung != "direct-tls":
        network.direct.block()
    if rung == "websocket":
        network.starttls.block()
    connector = connect()
    connector.live(rung)
    wait_until(lambda: connector.wakes == 1)
    hint()
    wait_until(lambda: connector.wakes == 2)
    assert network.online.hub.metrics().online == 1


def test_a_cut_connection_is_resumed_with_the_hint_that_was_missed(network, connect, hint):
    connector = connect()
    connector.live()
    for port in network.ports:
        port.block()
    wait_until(lambda: network.online.hub.metrics().detached == 1)
    assert connector.wakes == 1
    hint()
    for port in network.ports:
        port.unblock()
    wait_until(lambda: connector.wakes == 2)
    connector.live()
    assert (connector.state.sessions, connector.state.resumed) == (1, 1)


def test_a_server_that_asked_a_sync_for_time_gets_it_from_the_listener_too(network, connect):
    connector = connect()
    connector.live()
    connector.listener.leave_alone(1.5)
    for port in network.ports:
        port.cut()
    wait_until(lambda: connector.state.phase == "down")
    began = time.monotonic()
    connector.live()
    assert time.monotonic() - began > 1.2
    connector.listener.leave_alone(60)
    for port in network.ports:
        port.cut()
    wait_until(lambda: connector.state.phase == "down")
    connector.listener.aim(network.realtime)
    connector.live()


def test_a_connection_that_died_does_not_pass_for_a_live_one_for_half_a_minute():
    patience = Patience()
    assert patience.ping_every + patience.ping_wait < 30


@pytest.mark.parametrize("rung", ["direct-tls", "starttls", "websocket"])
def test_a_connection_that_falls_silent_is_noticed_by_the_pings(network, connect, hint, rung):
    way = network.only(rung)
    connector = connect()
    connector.live(rung)
    way.swallows = True
    hint()
    wait_until(lambda: not connector.state.is_live, 3)
    assert connector.state.trouble == "lost"
    assert connector.wakes == 1
    way.cut()
    way.swallows = False
    connector.live(rung)
    wait_until(lambda: connector.wakes == 2)
    assert connector.state.sessions == 1


def test_a_slow_connection_is_kept(network, connect, hint):
    network.direct.delay = 0.05
    connector = connect()
    connector.live("direct-tls")
    time.sleep(1)
    hint()
    wait_until(lambda: connector.wakes == 2)
    assert (connector.state.sessions, connector.state.resumed) == (1, 0)


def test_one_session_goes_down_the_ladder_and_up_again(network, connect, hint):
    connector = connect()
    connector.live("direct-tls")
    network.direct.block()
    connector.live("starttls")
    assert connector.trouble("direct-tls") == "refused"
    network.starttls.block()
    connector.live("websocket")
    hint()
    wait_until(lambda: connector.wakes == 2)
    assert f"ports {' and '.join(map(str, sorted(network.xmpp_ports)))}" in connector.state.for_it()
    network.direct.unblock()
    connector.live("direct-tls")
    hint()
    wait_until(lambda: connector.wakes == 3)
    assert connector.trouble("direct-tls") is None
    assert connector.state.sessions == 1
    assert connector.state.resumed == 3


def test_where_nothing_is_open_it_says_so_and_comes_back_by_itself(network, connect):
    for port in network.ports:
        port.block()
    connector = connect()
    wait_until(lambda: connector.state.phase == "down")
    assert [connector.trouble(rung) for rung in ("direct-tls", "starttls", "websocket")] == ["refused"] * 3
    assert connector.state.line(5).startswith("every 5 min (real time is not to be had: Port")
    network.starttls.unblock()
    connector.live("starttls")
    assert connector.wakes == 1, "a new session starts with a sync"


def test_a_session_that_the_server_has_forgotten_starts_with_a_sync(network, connect):
    connector = connect()
    connector.live()
    network.soon(network.online.hub.sessions.clear)
    network.direct.cut()
    wait_until(lambda: connector.wakes == 2)
    connector.live()
    assert (connector.state.sessions, connector.state.resumed) == (2, 0)


def test_a_revoked_connector_is_out_at_once_and_does_not_knock_again(network, connect, ada):
    connector = connect()
    connector.live()
    wait_until(lambda: connector.wakes == 1)
    erasure.erase(Connection.objects.get(connector_id=ada.connector_id), actor="user")
    wait_until(lambda: connector.state.phase == "down", 2)
    assert connector.state.trouble == "not-authorized"
    assert "connect again with a new token" in connector.state.line(5)
    assert connector.wakes >= 2, "the sync finds out over HTTPS"
    assert network.online.hub.counts["sasl-not-authorized"] == 0
    time.sleep(1.2)
    assert 1 <= network.online.hub.counts["sasl-not-authorized"] <= 2, "once for each pause of 0.5 s"
    assert network.online.hub.counts["resumed"] == 0


def test_a_wrong_token_is_tried_once(network, connect, patient):
    connector = connect(patient, token=new_token())
    wait_until(lambda: connector.state.phase == "down")
    connector.listener.aim(network.realtime)
    time.sleep(0.5)
    assert connector.state.trouble == "not-authorized"
    assert network.online.hub.counts["sasl-not-authorized"] == 1
    assert connector.wakes == 1


def test_of_two_connectors_with_one_id_the_first_gives_way_and_says_so(network, connect, patient):
    first = connect(patient)
    first.live()
    second = connect(patient)
    second.live()
    wait_until(lambda: first.state.phase == "down")
    assert first.state.trouble == "running-twice"
    assert "Another connector uses the same Connector ID" in first.state.line(5)
    time.sleep(0.5)
    assert second.state.is_live
    assert second.state.sessions == 1


def test_a_domain_that_the_server_does_not_know_is_named(network, connect):
    connector = connect(domain="elsewhere.example")
    wait_until(lambda: connector.state.phase == "down")
    assert connector.state.trouble == "wrong-domain"


def test_a_port_where_something_else_answers_is_named(network, connect):
    network.direct.target = network.online.web.port
    connector = connect()
    connector.live("starttls")
    assert connector.trouble("direct-tls") == "not-xmpp"


def test_a_better_way_is_taken_only_where_an_xmpp_server_answers(network, connect):
    network.direct.block()
    connector = connect()
    connector.live("starttls")
    network.direct.target = network.online.web.port
    network.direct.unblock()
    wait_until(lambda: connector.trouble("direct-tls") == "not-xmpp")
    assert connector.state.rung == "starttls"
    assert connector.state.resumed == 0
    network.direct.target = network.online.web.xmpps_port
    connector.live("direct-tls")


def test_a_server_that_stops_is_found_again(network, connect):
    connector = connect()
    connector.live()
    network.soon(network.online.hub.shut_down)
    wait_until(lambda: "ended" in [state.trouble for state in connector.states])
    connector.live()


def test_a_server_that_sends_no_hints_is_said_to_offer_none_until_it_does(network, connect):
    connector = connect()
    connector.live()
    connector.listener.aim(None)
    wait_until(lambda: connector.state.phase == "not-offered")
    assert connector.state.line(5) == "every 5 min (this server offers no real time)"
    wait_until(lambda: network.online.hub.metrics().online == 0)
    connector.listener.aim(network.realtime)
    connector.live()


def test_when_it_stops_its_session_ends_at_the_server_too(network, connect):
    connector = connect()
    connector.live()
    connector.listener.stop()
    wait_until(lambda: network.online.hub.sessions == {}, 2)
