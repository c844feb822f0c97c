"""Talking to the server during one sync: what every request says of this connector, and what every answer teaches."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from dovetail.connector.link.port import NotTheServer, ServerPort
from dovetail.connector.sync.keys import Identity
from dovetail.connector.sync.state import Memory
from dovetail.protocol.messages import (
    CalendarReport,
    ConnectorStatus,
    Feedback,
    Health,
    Problem,
    Push,
    Report,
    SyncMode,
    SyncRequest,
    SyncResponse,
)


@dataclass(frozen=True)
class About:
    """What the server is told of this connector."""

    version: str
    platform: str
    mode: SyncMode
    interval_minutes: int = 5
    push: Push | None = None
    push_words: tuple[str, ...] = ()


class Conversation:
    """`requests`, `sent`, `received`: how many, and bytes of JSON before compression. `held` and `problems` go along
    with every request."""

    def __init__(self, server: ServerPort, identity: Identity, about: About, clock: Callable[[], datetime]) -> None:
        self._server = server
        self._identity = identity
        self._about = about
        self._clock = clock
        self.requests = 0
        self.sent = 0
        self.received = 0
        self.held = 0
        self.problems: tuple[Problem, ...] = ()

    def ask(self, memory: Memory, calendars: tuple[CalendarReport, ...] | None) -> tuple[Memory, SyncResponse]:
        """For settings and bookings, without a report. Gives the memory with what the answer says. `calendars` is None
        where they could not be listed."""
        return self._exchange(memory, self._request(memory, calendars=calendars))

    def tell(self, memory: Memory, report: Report, feedback: Collection[Feedback]) -> tuple[Memory, SyncResponse]:
        """Report. Gives the memory with what the answer says of settings, bookings and time."""
        return self._exchange(memory, self._request(memory, report=report, feedback=tuple(feedback)))

    def _request(
        self,
        memory: Memory,
        *,
        calendars: tuple[CalendarReport, ...] | None = None,
        report: Report | None = None,
        feedback: tuple[Feedback, ...] = (),
    ) -> SyncRequest:
        about = self._about
        health = Health.HELD if self.held else Health.DEGRADED if self.problems else Health.OK
        status = ConnectorStatus(
            version=about.version,
            platform=about.platform,
            mode=about.mode,
            interval_minutes=about.interval_minutes,
            push=about.push,
            push_words=about.push_words,
            health=health,
            held_deletions=self.held,
            problems=self.problems,
        )
        return SyncRequest(
            epoch=self._identity.epoch,
            connector=status,
            cursor=memory.cursor,
            calendars=calendars,
            report=report,
            feedback=feedback,
        )

    def _exchange(self, memory: Memory, request: SyncRequest) -> tuple[Memory, SyncResponse]:
        answer = self._server.exchange(request)
        if answer.epoch != self._identity.epoch:
            raise NotTheServer("The server speaks of another pairing. Connect this computer again.")
        self.requests += 1
        self.sent += len(request.model_dump_json())
        self.received += len(answer.model_dump_json())
        return memory.taught(answer, self._clock()), answer
