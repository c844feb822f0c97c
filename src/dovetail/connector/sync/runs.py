"""What one sync did, as a value: kept in the journal, shown by status, compared in tests.

It stays on the computer: `problems` may name a calendar or a file, never what an appointment says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dovetail.connector.link.port import (
    Blocked,
    Disconnected,
    LinkError,
    NotTheServer,
    Refused,
    RetryLater,
    Unreachable,
    WrongCredentials,
)
from dovetail.connector.sync.guards import View
from dovetail.connector.sync.state import Memory
from dovetail.protocol.messages import ItemOutcome


class Outcome(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"  # done, but something could not be read or written
    HELD = "held"  # done, but deletions wait for the User
    UNREACHABLE = "unreachable"
    RETRY_LATER = "retry_later"
    BLOCKED = "blocked"
    WRONG_CREDENTIALS = "wrong_credentials"
    DISCONNECTED = "disconnected"
    NOT_THE_SERVER = "not_the_server"
    REFUSED = "refused"
    UNSETTLED = "unsettled"  # connector and server did not come to hold the same; the next sync goes on
    DEFECT = "defect"  # the program failed

    @property
    def is_done(self) -> bool:
        return self in (Outcome.OK, Outcome.DEGRADED, Outcome.HELD)


_OUTCOMES: tuple[tuple[type[LinkError], Outcome], ...] = (
    (WrongCredentials, Outcome.WRONG_CREDENTIALS),
    (Blocked, Outcome.BLOCKED),
    (Disconnected, Outcome.DISCONNECTED),
    (NotTheServer, Outcome.NOT_THE_SERVER),
    (Refused, Outcome.REFUSED),
    (RetryLater, Outcome.RETRY_LATER),
    (Unreachable, Outcome.UNREACHABLE),
)


def outcome_of(error: LinkError) -> Outcome:
    return next((outcome for kind, outcome in _OUTCOMES if isinstance(error, kind)), Outcome.UNREACHABLE)


@dataclass(frozen=True)
class LocalProblem:
    """`calendar` by name; `where` names the thing for its owner; `reason` says what to do."""

    calendar: str
    code: str
    reason: str
    where: str = ""


@dataclass(frozen=True)
class RunReport:
    """`trigger`: what asked for it. Counts of items are of bookings' items; `bytes_sent` is JSON before compression.
    `retry_after`: seconds the server asked for. `busy_as_of`: by calendar name, of those that were seen whole."""

    trigger: str
    started: datetime
    seconds: float = 0.0
    outcome: Outcome = Outcome.OK
    reason: str = ""
    retry_after: float | None = None
    requests: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    items_seen: int = 0
    items_read: int = 0
    chunks_sent: int = 0
    created: int = 0
    updated: int = 0
    adopted: int = 0
    failed: int = 0
    to_repeat: int = 0
    feedback: int = 0
    held: int = 0
    refused: tuple[str, ...] = ()
    problems: tuple[LocalProblem, ...] = ()
    busy_as_of: dict[str, datetime] = field(default_factory=dict)


def local_problems(memory: Memory, views: Mapping[str, View], failure: str) -> tuple[LocalProblem, ...]:
    """What the User should know of a sync; `failure` says why the calendars could not be listed, if so."""
    names = {info.id: info.name for info in memory.calendars}
    found = [LocalProblem("", "calendars_unreadable", failure)] if failure else []
    for calendar, view in views.items():
        name = names.get(calendar, "")
        if view.failure and view.failure != failure:
            found.append(LocalProblem(name, "calendar_unreadable", view.failure))
        elif not view.failure and view.as_of is None:
            found.append(LocalProblem(name, "scan_incomplete", "Not everything could be read."))
        found += [LocalProblem(name, problem.code, problem.reason, problem.where) for problem in view.problems]
    for (_, calendar), link in memory.links.items():
        if link.outcome is ItemOutcome.FAILED:
            found.append(LocalProblem(names.get(calendar, ""), "booking_not_written", link.reason))
    return tuple(found)
