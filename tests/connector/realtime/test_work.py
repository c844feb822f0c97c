"""A paired connector at work in real-time mode, from the server's page to the calendar's scheduler."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail

from connector.realtime.wire import wait_until
from dovetail.connector.link.port import Disconnected
from dovetail.connector.pairing import pair
from dovetail.connector.profile import Home, Profile
from dovetail.connector.running import open_connector, recent_runs
from dovetail.connector.working import Work
from dovetail.protocol.credential import tokenize
from dovetail.protocol.messages import SyncMode
from dovetail.server.accounts.models import User
from dovetail.server.connections import erasure
from dovetail.server.connections.models import Connection
from dovetail.server.connections.pairing import renew_token


@pytest.fixture(autouse=True)
def _no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


class Worker:
    """`error` is what ended it, if it did not just stop."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.error: Exception | None = None
        self.triggers: list[str] = []

    @contextmanager
    def working(self) -> Iterator[Worker]:
        with self.home.locked(), open_connector(self.home, self.home.paired()) as connector:
            self.work = Work(self.home, connector, self._told)
            thread = threading.Thread(target=self._run)
            thread.start()
            try:
                yield self
            finally:
                self.work.stop()
                thread.join(20)
            assert not thread.is_alive()

    def _run(self) -> None:
        try:
            self.work.run()
        except Exception as error:
            self.error = error

    def _told(self, outcome: object, due: datetime | None) -> None:
        self.due = due
        self.triggers = [run.trigger for run in recent_runs(self.home, self.home.paired())][::-1]

    def line(self) -> str:
        """Of status."""
        state = self.home.realtime()
        return state.line(5) if state else ""

    def minutes_planned(self) -> float:
        """Until the next sync, as status tells it: a change of pace comes between two syncs."""
        due = self.home.next_sync()
        return (due - datetime.now(due.tzinfo)).total_seconds() / 60 if due else 0.0

    def minutes_to_next(self) -> float:
        return (self.due - datetime.now(self.due.tzinfo)).total_seconds() / 60 if self.due else 0.0


@pytest.fixture
def worker(network, ada, authority, settings, tmp_path: Path) -> Worker:
    settings.XMPP_PORTS = [network.starttls.port, network.direct.port]
    (tmp_path / "calendar").mkdir()
    home = Home(tmp_path / "home")
    wanted = Profile(
        server=network.origin,
        connector_id=ada.connector_id,
        epoch=0,
        calendars={1: f"folder:{tmp_path / 'calendar'}"},
        ca_file=authority.authority,
        mode=SyncMode.REAL_TIME,
    )
    pair(home, wanted, tokenize(ada.token))
    return Worker(home)


def test_a_hint_is_a_sync_and_the_interval_is_longer(worker, network, hint):
    with worker.working():
        wait_until(lambda: worker.line().startswith("at once (by TLS on port"))
        wait_until(lambda: worker.triggers == ["start", "server"])
        hint()
        wait_until(lambda: worker.triggers == ["start", "server", "server"])
        assert 13 < worker.minutes_to_next() < 17
    connection = Connection.objects.get()
    assert (connection.mode, connection.interval_minutes) == ("real-time", 15)
    assert connection.push == "direct-tls"
    assert connection.push_words == [f"at once (by TLS on port {network.direct.port})"]
    assert worker.error is None
    assert worker.home.realtime() is None


def test_without_xmpp_it_syncs_on_the_interval_and_says_what_to_ask_it_for(worker, network):
    for port in (network.direct, network.starttls):
        port.block()
    with worker.working():
        wait_until(lambda: worker.line().startswith("at once (by WebSocket on port"))
        state = worker.home.realtime()
        assert [str(port) in state.for_it() for port in network.xmpp_ports] == [True, True]
        assert "localhost" in state.for_it()
        assert "dovetail mode auto" in state.for_it()
        wait_until(lambda: 13 < worker.minutes_to_next() < 17)
        network.web.block()
        wait_until(lambda: "every 5 min (real time is not to be had" in worker.line())
        wait_until(lambda: 3 < worker.minutes_planned() < 6)
        network.web.unblock()
        wait_until(lambda: worker.line().startswith("at once (by WebSocket"))


def test_its_users_page_is_told_the_way_and_what_to_ask_it_for(worker, network):
    """Also where a session is resumed another way, and so needs no sync to begin with."""
    with worker.working():
        wait_until(lambda: Connection.objects.get().push == "direct-tls")
        for port in (network.direct, network.starttls):
            port.block()
        wait_until(lambda: Connection.objects.get().push == "websocket")
        line, *help_words = Connection.objects.get().push_words
        assert line == f"at once (by WebSocket on port {network.web.port})"
        assert help_words == [
            f"Port {network.direct.port} is closed on localhost, or a firewall rejects it.",
            f"Port {network.starttls.port} is closed on localhost, or a firewall rejects it.",
            worker.home.realtime().for_it(),
        ]
        worker.home.choose_mode(SyncMode.AUTO)
        wait_until(lambda: Connection.objects.get().mode == "auto")
        assert (Connection.objects.get().push, Connection.objects.get().push_words) == ("", [])


def test_another_mode_counts_at_once(worker, network, hint):
    with worker.working():
        wait_until(lambda: worker.line().startswith("at once"))
        worker.home.choose_mode(SyncMode.AUTO)
        wait_until(lambda: worker.triggers[-1] == "start" and len(worker.triggers) > 1)
        assert worker.home.realtime() is None
        assert network.online.hub.metrics().online == 0
        assert 4 < worker.minutes_to_next() < 6
        assert Connection.objects.get().mode == "auto"
        worker.home.choose_mode(SyncMode.REAL_TIME)
        wait_until(lambda: worker.line().startswith("at once"))
    assert worker.error is None


@pytest.mark.parametrize(
    "revoke",
    [lambda: erasure.erase(Connection.objects.get(), actor="user"), lambda: renew_token(User.objects.get())],
    ids=["disconnect", "new token"],
)
def test_a_revoked_connector_ends_and_its_user_is_told_to_connect_again(worker, network, revoke):
    with worker.working():
        wait_until(lambda: worker.line().startswith("at once"))
        wait_until(lambda: worker.triggers == ["start", "server"])
        revoke()
        wait_until(lambda: worker.error is not None, 5)
    assert isinstance(worker.error, Disconnected)
    assert "connect again" in worker.error.reason
    hub = network.online.hub
    assert hub.metrics().online == 0
    assert hub.counts["sasl-not-authorized"] + hub.counts["resumed"] <= 1, "no loop"
