"""Between processes on SQLite: who may tell the one with the sessions what."""

from __future__ import annotations

import socket

import pytest

from dovetail.protocol.hints import Hint
from dovetail.server.realtime import between
from dovetail.server.realtime.local import LOOPBACK, LocalBus, port_file
from server.web.pages import wait_until


@pytest.fixture
def counts(server):
    return server.hub.counts


def test_a_hint_by_way_of_the_data_directory_arrives(server, connect, ada):
    client = connect(server).sign_in(ada)
    between.bus().hint(ada.connector_id, Hint(cursor="1.0-7"))
    assert 'cursor="1.0-7"' in client.until("</message>")


def test_who_does_not_know_the_secret_is_not_listened_to(server, settings, counts):
    LocalBus(settings.DATA, "another secret").hint("GUESSED", Hint())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for said in (b"", b"x" * 40, b"x" * 32 + b'{"kick": "GUESSED"}'):
            stranger.sendto(said, (LOOPBACK, int(port_file(settings.DATA).read_text())))
    between.bus().hint("KNOWN", Hint())
    wait_until(lambda: counts["hint-nobody"])
    assert counts["hint-nobody"] == 1


def test_what_another_version_says_does_no_harm(server, settings, counts, caplog):
    bus = LocalBus(settings.DATA, settings.SECRET_KEY)
    for said in ("", "7", "[]", '{"hint": "A"}', '{"hint": "A", "kind": "new", "cursor": ""}'):
        bus._send(said)
    bus.hint("KNOWN", Hint())
    wait_until(lambda: counts["hint-nobody"])
    assert counts["hint-nobody"] == 1
    assert {record.message for record in caplog.records} == {"Another version of the server runs beside this one"}


def test_without_a_process_that_has_sessions_hints_go_nowhere(settings, tmp_path):
    bus = LocalBus(tmp_path, "secret")
    bus.hint("A", Hint())
    port_file(tmp_path).write_text("no port")
    bus.kick("A")


def test_the_way_in_is_closed_with_the_process(online, transactional_db, settings):
    with online():
        assert port_file(settings.DATA).exists()
    assert not port_file(settings.DATA).exists()
