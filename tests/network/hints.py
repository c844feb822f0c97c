"""A connector that waits for the server's hints, and the User who gives the server a reason to send one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from cli.server import Served
from dovetail.connector.pairing import credential_of
from dovetail.connector.realtime.ladder import Rung
from dovetail.connector.realtime.listener import Listener, Rhythm
from dovetail.connector.realtime.state import RealtimeState
from dovetail.connector.realtime.stream import Patience
from dovetail.demo.visitor import Visitor
from dovetail.protocol.messages import Realtime

if TYPE_CHECKING:
    from network.test_matrix import Pc

PATIENCE = 15.0


class Waiting:
    """The listener of a paired PC, from its start to its stop."""

    def __init__(self, pc: Pc) -> None:
        profile = pc.home.paired()
        self.state = RealtimeState()
        self.wakes = 0
        self._news = threading.Condition()
        self.listener = Listener(
            profile.server,
            credential_of(pc.home, profile),
            pc.home.egress(profile, keep=False),
            self._wake,
            self._told,
            rhythm=Rhythm(Patience(deadline=3.0)),
        )

    def _wake(self) -> None:
        with self._news:
            self.wakes += 1
            self._news.notify_all()

    def _told(self, state: RealtimeState) -> None:
        with self._news:
            self.state = state
            self._news.notify_all()

    def until(self, is_so: Callable[[RealtimeState], bool]) -> None:
        with self._news:
            assert self._news.wait_for(lambda: is_so(self.state), PATIENCE), self.state

    def is_woken_when(self, happens: Callable[[], None]) -> None:
        """A session begins with a wake of its own, which is waited for first."""
        with self._news:
            assert self._news.wait_for(lambda: self.wakes >= self.state.sessions, PATIENCE)
            before = self.wakes
        began = time.monotonic()
        happens()
        with self._news:
            assert self._news.wait_for(lambda: self.wakes > before, PATIENCE), "no hint came"
        assert time.monotonic() - began < PATIENCE

    def __enter__(self) -> Waiting:
        self.listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.listener.stop()


def only(rung: Rung, announced: Realtime) -> Realtime:
    """As if the server offered this way alone; a WebSocket is always offered, and comes last."""
    offered = {Rung.DIRECT_TLS: "direct_tls_port", Rung.STARTTLS: "starttls_port"}
    return announced.model_copy(update={name: None for other, name in offered.items() if other is not rung})


@contextmanager
def user(served: Served, email: str) -> Iterator[Visitor]:
    """In a browser, signed in."""
    with Visitor(served.address, served.ca_file) as visitor:
        signed_in = visitor.get("/accounts/login/").submit("Sign in", login=email, password="correct horse battery")
        assert "login" not in signed_in.path, signed_in.text
        yield visitor


def toggle(visitor: Visitor) -> None:
    """Change what the connector is to know."""
    page = visitor.get("/connection/")
    is_on = any("delete_cancels" in form.fields for form in page.forms)
    page.submit("Save actions", delete_cancels=not is_on)
