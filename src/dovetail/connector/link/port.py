"""The server as the sync engine sees it: one exchange, and the few ways it can fail.

*exchange* signs in when it must, sends one request and gives the answer. A request may be sent twice (the answer was
lost): the server is idempotent, so the caller never has to know.
"""

from __future__ import annotations

from typing import Protocol

from dovetail.protocol.messages import SyncRequest, SyncResponse
from dovetail.protocol.problems import ProblemDetails


class LinkError(Exception):
    """The exchange did not happen, or its answer was lost. `reason` is for the User: plain words, one thing to do."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class Unreachable(LinkError):
    """No answer, or none that makes sense. Trying again later is right."""


class RetryLater(LinkError):
    """The server is there and asks for time; `retry_after` in seconds, if it said."""


class WrongCredentials(LinkError):
    """The Connector ID or the token is wrong. Not retried by itself. `attempts_left` until a block, if known."""

    def __init__(self, reason: str, *, attempts_left: int | None = None) -> None:
        super().__init__(reason)
        self.attempts_left = attempts_left


class Blocked(LinkError):
    """Too many wrong tries; `retry_after` seconds remain, also for right credentials."""


class Disconnected(LinkError):
    """The connection was ended on the server. The credential is to be forgotten; no more tries."""


class NotTheServer(LinkError):
    """What answered could not prove that it knows the credential, or is no Dovetail server."""


class Refused(LinkError):
    """The server understood and will not: a defect or a version it does not speak."""

    def __init__(self, problem: ProblemDetails) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class ServerPort(Protocol):
    def exchange(self, request: SyncRequest) -> SyncResponse: ...
