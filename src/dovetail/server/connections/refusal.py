"""A request the server will not fulfil: raised where it is noticed, sent as problem details (RFC 9457).

Raised inside a transaction it undoes all of it: a refused request changes nothing.
"""

from __future__ import annotations

from django.http import HttpResponse

from dovetail.protocol.problems import CONTENT_TYPE, ProblemCode, ProblemDetails, problem


class Refusal(Exception):
    """`details` is what the peer is told. It never quotes what the peer sent: names of calendars stay out of logs."""

    def __init__(self, details: ProblemDetails) -> None:
        super().__init__(details.title)
        self.details = details


def inconsistent(detail: str) -> Refusal:
    """422: well-formed, but its parts do not fit together or to what the server knows."""
    return Refusal(problem(ProblemCode.INCONSISTENT, 422, "Inconsistent", detail))


def disconnected() -> Refusal:
    """410: the connection was ended; its credential is to be forgotten."""
    detail = "This connection was ended. Pair again on the Calendar connection page."
    return Refusal(problem(ProblemCode.DISCONNECTED, 410, "Disconnected", detail))


def as_response(details: ProblemDetails) -> HttpResponse:
    response = HttpResponse(
        details.model_dump_json(exclude_none=True), status=details.status, content_type=CONTENT_TYPE
    )
    response["Cache-Control"] = "no-store"
    if details.retry_after is not None:
        response["Retry-After"] = str(details.retry_after)
    return response
