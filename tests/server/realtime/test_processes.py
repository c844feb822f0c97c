"""Two processes of one installation, as `dovetail serve` starts them: one has the connectors' sessions, a User's
browser talks to the other."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

import postgres
from cli.server import Served, serving
from connector.realtime.peer_server import free_ports
from dovetail.demo.people import User
from dovetail.demo.programs import Pairing
from server.realtime.client import Client
from server.web.conftest import Running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request) -> Iterator[dict[str, str]]:
    """The setting that names it."""
    if request.param == "sqlite":
        yield {}
        return
    with postgres.running() as cluster:
        yield {"DOVETAIL_DATABASE_URL": cluster.new_database("dovetail")}


@dataclass
class Installation:
    """`sessions` has them, `pages` does not."""

    sessions: Running
    pages: Served


@pytest.fixture(scope="module")
def installation(database, tmp_path_factory) -> Iterator[Installation]:
    folder: Path = tmp_path_factory.mktemp("installation")
    ports = tuple(free_ports(2))
    with ExitStack() as stack:
        first = stack.enter_context(serving(folder / "data", xmpp_ports=ports, settings=database))
        elsewhere = {"DOVETAIL_REALTIME": "elsewhere"}
        second = stack.enter_context(serving(folder / "data", xmpp_ports=ports, settings=database | elsewhere))
        trust = ssl.create_default_context(cafile=first.ca_file)
        yield Installation(Running(first.port, None, trust, *ports), second)


@pytest.fixture
def user(request, installation) -> Iterator[User]:
    server = SimpleNamespace(url=installation.pages.address, ca_file=installation.pages.ca_file)
    user = User(server, f"{request.node.name[:30]}@example.org".replace("[", "."), "Grace", "Europe/Berlin")
    yield user
    user.close()


@pytest.fixture
def pairing(user) -> Pairing:
    return user.connect()


@pytest.fixture
def connector(installation, pairing) -> Iterator[Client]:
    with Client(installation.sessions) as connector:
        connector.sign_in(SimpleNamespace(connector_id=pairing.connector_id, token=pairing.token))
        yield connector


def test_what_the_user_does_in_one_process_wakes_the_connector_of_the_other(user, connector):
    user.switches(delete_cancels=True, move_reschedules=False)
    assert 'kind="sync"' in connector.until("</message>")
    user.switches(delete_cancels=False, move_reschedules=False)
    assert 'kind="sync"' in connector.until("</message>")


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_what_was_missed_while_the_database_was_away_is_made_good(database, user, connector):
    with psycopg.connect(database["DOVETAIL_DATABASE_URL"], autocommit=True) as own:
        listening = "FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        assert own.execute(f"SELECT pg_terminate_backend(pid) {listening}").fetchall() == [(True,)]
    assert 'kind="sync"' in connector.until("</message>")  # whatever was told meanwhile
    user.switches(delete_cancels=True, move_reschedules=True)
    assert 'kind="sync"' in connector.until("</message>")


def test_a_revocation_in_one_process_ends_the_session_in_the_other_at_once(user, connector):
    user.disconnect()
    assert 'kind="disconnected"' in connector.until("</message>")
    assert connector.error() == "not-authorized"


def test_a_revocation_by_the_administrator_does_so_too(installation, pairing, connector):
    installation.pages.disconnect(pairing.connector_id)
    assert connector.error() == "not-authorized"
