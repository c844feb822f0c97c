"""What the server answers when it cannot do what the connector asked: problem details (RFC 9457).

`type` is a relative reference, the same on every server; a connector decides by `code`, a person reads `detail`.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

CONTENT_TYPE = "application/problem+json"


class ProblemCode(StrEnum):
    WRONG_CREDENTIALS = "wrong-credentials"
    BLOCKED = "blocked"  # too many wrong tries; Retry-After says how long
    KEY_EXPIRED = "key-expired"  # authenticate again
    DISCONNECTED = "disconnected"  # this connection was ended: forget the credential, do not try again
    UNSUPPORTED_PROTOCOL = "unsupported-protocol"  # `supported` lists what the server speaks
    MALFORMED = "malformed"
    TOO_LARGE = "too-large"
    INCONSISTENT = "inconsistent"  # chunks, digests, windows or ids that do not fit together
    BUSY = "busy"  # try again after Retry-After


class ProblemDetails(BaseModel):
    """`attempts_left` and `retry_after` (seconds) belong to pairing; `supported` to version negotiation."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str
    title: str
    status: int
    detail: str
    code: ProblemCode
    attempts_left: int | None = None
    retry_after: int | None = None
    supported: tuple[int, ...] | None = None


def problem(code: ProblemCode, status: int, title: str, detail: str, **extra: object) -> ProblemDetails:
    return ProblemDetails.model_validate(
        {
            "type": f"/problems/{code}",
            "title": title,
            "status": status,
            "detail": detail,
            "code": code,
            **extra,
        }
    )
