"""Which way is tried when, without a clock or a network."""

from __future__ import annotations

import pytest

from dovetail.connector.realtime.ladder import BACKOFF_LAST, STEADY_SECONDS, Ladder, Place, Rung, places
from dovetail.protocol.messages import Realtime

ANNOUNCED = Realtime(
    domain="book.example.org",
    host="xmpp.example.org",
    starttls_port=5222,
    direct_tls_port=5223,
    websocket="/xmpp-websocket",
)
DIRECT = Place(Rung.DIRECT_TLS, "xmpp.example.org", 5223)
STARTTLS = Place(Rung.STARTTLS, "xmpp.example.org", 5222)
WEB = Place(Rung.WEBSOCKET, "book.example.org", 443, "/xmpp-websocket")


def test_the_ladder_is_direct_tls_then_starttls_then_the_port_of_the_web():
    assert places(ANNOUNCED, "https://book.example.org") == (DIRECT, STARTTLS, WEB)
    assert places(ANNOUNCED, "https://book.example.org:8443")[-1].port == 8443


def test_a_port_that_the_server_switched_off_is_left_out():
    off = ANNOUNCED.model_copy(update={"direct_tls_port": None, "starttls_port": None})
    assert places(off, "https://book.example.org") == (WEB,)


def test_the_way_that_was_good_last_comes_first_and_then_all_from_the_top():
    ladder = Ladder((DIRECT, STARTTLS, WEB))
    assert ladder.order() == (DIRECT, STARTTLS, WEB)
    ladder.prefer(WEB)
    assert ladder.order() == (WEB, DIRECT, STARTTLS)


@pytest.mark.parametrize(("used", "better"), [(DIRECT, ()), (STARTTLS, (DIRECT,)), (WEB, (DIRECT, STARTTLS))])
def test_only_what_is_above_is_better(used, better):
    assert Ladder((DIRECT, STARTTLS, WEB)).better(used) == better


def test_failures_are_spaced_further_and_further_up_to_five_minutes_with_full_jitter():
    late, early = Ladder((DIRECT,), lambda: 1.0), Ladder((DIRECT,), lambda: 0.0)
    assert [late.failed() for _ in range(10)] == [2, 4, 8, 16, 32, 64, 128, 256, BACKOFF_LAST, BACKOFF_LAST]
    assert [early.failed() for _ in range(3)] == [0, 0, 0]


def test_a_connection_that_lasted_begins_anew_and_one_that_flaps_does_not():
    ladder = Ladder((DIRECT,), lambda: 1.0)
    assert [ladder.lost(1.0) for _ in range(4)] == [2, 4, 8, 16]
    assert ladder.lost(STEADY_SECONDS) == 2
