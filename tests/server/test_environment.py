"""What an operator writes into the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from dovetail.server.database import database_settings
from dovetail.server.realtime.announcement import announced
from dovetail.server.xmpp_server import ComponentAccount, component_account, keys_secret, websocket_address


def test_without_a_url_the_database_is_a_file_in_the_data_directory():
    assert database_settings("", Path("/data"))["NAME"] == Path("/data/dovetail.sqlite3")


def test_a_url_names_a_database_of_postgresql():
    found = database_settings("postgresql://me:p%40ss@db.example.org:5433/bookings?sslmode=verify-full", Path("/data"))
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert [found[name] for name in ("HOST", "PORT", "USER", "PASSWORD", "NAME")] == [
        "db.example.org",
        "5433",
        "me",
        "p@ss",
        "bookings",
    ]
    assert found["OPTIONS"] == {"sslmode": "verify-full"}


def test_a_unix_socket_is_named_in_the_query():
    found = database_settings("postgresql://me@/bookings?host=/run/postgresql", Path("/data"))
    assert (found["HOST"], found["PORT"], found["OPTIONS"]) == ("/run/postgresql", "", {})


def test_other_databases_are_refused():
    with pytest.raises(ValueError, match="postgresql://"):
        database_settings("mysql://localhost/bookings", Path("/data"))


def test_the_url_of_a_component_says_who_it_is_and_where():
    assert component_account("xmpp-component://hints.example.org:s%2Fcret@127.0.0.1:5348") == ComponentAccount(
        "hints.example.org", "s/cret", "127.0.0.1", 5348
    )
    assert component_account("xmpp-component://hints.example.org:secret@localhost").port == 5347
    assert "secret" not in repr(component_account("xmpp-component://hints.example.org:secret@localhost"))
    assert component_account("") is None


@pytest.mark.parametrize("url", ["xmpp://a:b@c", "xmpp-component://hints.example.org@localhost", "localhost:5347"])
def test_a_component_without_name_secret_or_place_is_refused(url):
    with pytest.raises(ValueError, match="xmpp-component://name:secret@host:port"):
        component_account(url)


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="16"):
        keys_secret("too short")


def test_an_address_in_clear_is_refused_for_websockets():
    with pytest.raises(ValueError, match="wss://"):
        websocket_address("ws://book.example.org/xmpp-websocket")


def test_connectors_are_told_of_the_component(settings):
    settings.XMPP_PORTS, settings.XMPP_DOMAIN, settings.XMPP_HOST = [5222, 0], "example.org", "xmpp.example.org"
    settings.XMPP_WEBSOCKET = "wss://xmpp.example.org:5281/xmpp-websocket"
    settings.XMPP_COMPONENT = component_account("xmpp-component://hints.example.org:secret@127.0.0.1:5347")
    told = announced()
    assert (told.domain, told.host, told.sender) == ("example.org", "xmpp.example.org", "hints.example.org")
    assert told.websocket == settings.XMPP_WEBSOCKET
