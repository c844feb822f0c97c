"""One request, one answer, read with suspicion.

Answers are capped in size and time, compressed ones were not asked for and are not read, and a redirect is never
followed: a captive portal, a wrong address and a reverse proxy without its server are told from a Dovetail server here.
Nothing is repeated: see :mod:`dovetail.connector.link.https` for the one repeat there is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

from dovetail.connector.link.failures import explain
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
from dovetail.protocol.messages import MAX_SYNC_BYTES
from dovetail.protocol.problems import CONTENT_TYPE, ProblemCode, ProblemDetails

MAX_ANSWER_BYTES = MAX_SYNC_BYTES
ANSWER_SECONDS = 180.0
"""For a whole answer, however steadily it trickles."""
MAX_RETRY_AFTER = 24 * 3600.0
_JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """An answer in a form that a Dovetail server gives: JSON, problem details, or no body at all."""

    status: int
    headers: httpx.Headers
    body: bytes

    def problem(self) -> ProblemDetails | None:
        if media_type(self.headers) != CONTENT_TYPE:
            return None
        try:
            return ProblemDetails.model_validate_json(self.body)
        except ValidationError:
            return None


class Wire:
    """`origin` is an https origin, `client` what :meth:`dovetail.connector.link.egress.Egress.client` makes.

    `instead` may know better what a failure means: see :mod:`dovetail.connector.link.portal`.
    """

    def __init__(
        self, client: httpx.Client, origin: str, instead: Callable[[Exception], LinkError | None] = lambda error: None
    ) -> None:
        self.origin = origin
        self.host = urlsplit(origin).netloc
        self._client = client
        self._instead = instead

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes = b"") -> Answer:
        """Raises Unreachable, RetryLater or NotTheServer where no answer of a Dovetail server came."""
        deadline = time.monotonic() + ANSWER_SECONDS
        try:
            with self._client.stream(method, self.origin + path, headers=headers, content=content) as response:
                return self._read(response, deadline)
        except (httpx.TransportError, OSError) as error:
            raise (self._instead(error) or explain(error, self.origin)) from error
        finally:
            self._client.cookies.clear()

    def _read(self, response: httpx.Response, deadline: float) -> Answer:
        self._check_head(response)
        body = bytearray()
        for piece in response.iter_raw():
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise NotTheServer(f"{self.host} sent an answer larger than any of Dovetail's: check the address.")
            if time.monotonic() > deadline:
                raise Unreachable(f"{self.host} took too long to answer: it is tried again later.")
        return Answer(response.status_code, response.headers, bytes(body))

    def _check_head(self, response: httpx.Response) -> None:
        status, media = response.status_code, media_type(response.headers)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise NotTheServer(f"{self.host} answers in a form nobody asked for: something in between changes it.")
        if 300 <= status < 400:
            target = urlsplit(response.headers.get("Location", "")).netloc or "another page"
            raise NotTheServer(
                f"{self.host} sends the connector to {target}, where it does not follow. Check the address; on a guest"
                " network, sign in to it with a browser first."
            )
        if media in (_JSON, CONTENT_TYPE):
            return
        if status in (429, 503):
            raise RetryLater(
                f"{self.host} is busy: it is tried again later.", retry_after=retry_after(response.headers)
            )
        if status in (500, 502, 504):
            raise Unreachable(f"Something answers at {self.host}, but Dovetail does not run behind it at the moment.")
        if media == "text/html" or status == 511:
            raise NotTheServer(
                f"A web page answers at {self.host} instead of Dovetail: check the address; on a guest network, sign in"
                " to it with a browser first."
            )
        if media or status not in (200, 204, 401, 403):
            raise NotTheServer(f"No Dovetail server answers at {self.host}: check the address.")

    def refuse(self, answer: Answer) -> NoReturn:
        """Raise what an answer that is not a success means."""
        problem = answer.problem()
        if problem is None:
            raise NotTheServer(f"{self.host} answers, but not as a Dovetail server does: check the address.")
        wait = problem.retry_after if problem.retry_after is not None else retry_after(answer.headers)
        match problem.code:
            case ProblemCode.WRONG_CREDENTIALS:
                left = problem.attempts_left
                raise WrongCredentials(
                    f"The Connector ID or the security token is wrong{_tries(left)}.", attempts_left=left
                )
            case ProblemCode.BLOCKED:
                raise Blocked(
                    f"Too many wrong tries: the server lets nobody in with this Connector ID{_in(wait)}.",
                    retry_after=wait,
                )
            case ProblemCode.DISCONNECTED:
                raise Disconnected("The connection was ended on the server: connect again to go on.")
            case ProblemCode.BUSY:
                raise RetryLater(f"{self.host} is busy: it is tried again later.", retry_after=wait)
            case _:
                raise Refused(problem)


def media_type(headers: httpx.Headers) -> str:
    content_type: str = headers.get("Content-Type", "")
    return content_type.partition(";")[0].strip().lower()


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait, from either form of Retry-After (RFC 9110 section 10.2.3), at most a day.

    A date is compared with the answer's own Date, so that a wrong clock on this PC does no harm.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER)
    try:
        now = parsedate_to_datetime(headers["Date"]) if "Date" in headers else datetime.now(UTC)
        wait = (parsedate_to_datetime(text) - now).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(wait, 0.0), MAX_RETRY_AFTER)


def _tries(left: int | None) -> str:
    match left:
        case None:
            return ""
        case 1:
            return " (1 more try before a pause)"
        case _:
            return f" ({left} more tries before a pause)"


def _in(seconds: float | None) -> str:
    if seconds is None:
        return " for a while"
    minutes = max(1, -(-int(seconds) // 60))
    return f" for another {minutes} minute{'s' if minutes > 1 else ''}"
