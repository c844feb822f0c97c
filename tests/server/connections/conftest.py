"""Ada, who has begun a connection, her connector, and a clock that the tests turn."""

import pytest
from django.utils import timezone

from dovetail.protocol.credential import new_token
from dovetail.server.connections import pairing
from server.connections.reporter import Reporter
from server.connections.wire import Clock, Wire
from server.people import a_host


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def ada(db):
    return a_host(name="Ada")


@pytest.fixture
def eve(db):
    return a_host(name="Eve")


@pytest.fixture
def paired(ada, clock):
    return pairing.connect(ada)


@pytest.fixture
def connection(paired):
    return paired.connection


@pytest.fixture
def wire(paired):
    return Wire(paired.connector_id, paired.token)


@pytest.fixture
def wrong():
    """A well-formed token that is nobody's."""
    return new_token()


@pytest.fixture
def reporter(connection, clock):
    return Reporter(connection, clock)


@pytest.fixture
def connected(reporter, connection):
    """A reporter whose calendars the server knows; nothing is in them yet."""
    reporter.begin()
    connection.refresh_from_db()
    return reporter
