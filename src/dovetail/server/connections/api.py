"""``/connector/v1``: what a connector can ask, described by OpenAPI; every error is problem details (RFC 9457).

Bodies are read here and not by django-ninja: the protocol's version is looked at before the rest, JSON is read strictly
(no number in a string), and what a peer sent is never quoted back or logged.
"""

from __future__ import annotations

import logging
import traceback

from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils import timezone
from pydantic import BaseModel, ConfigDict, ValidationError

from dovetail.protocol.messages import (
    MAX_SYNC_BYTES,
    PROTOCOL_VERSION,
    SUPPORTED_VERSIONS,
    SessionResponse,
    SyncRequest,
    SyncResponse,
)
from dovetail.protocol.problems import ProblemCode, ProblemDetails, problem
from dovetail.server.connections import authorization, erasure, keys, signin, sync
from dovetail.server.connections.models import Connection
from dovetail.server.connections.openapi import Api, Receipt, body_of, problems
from dovetail.server.connections.refusal import Refusal, as_response

log = logging.getLogger(__name__)

api = Api(
    title="Dovetail connector API",
    version="1",
    urls_namespace="connector",
    docs_url=None,
    description="Spoken by the connector beside a User's calendar. Busy time goes up, bookings come down.",
)


class _Version(BaseModel):
    model_config = ConfigDict(extra="ignore")

    protocol: int = PROTOCOL_VERSION


@api.post(
    "/session",
    response={200: SessionResponse, **problems(400, 401, 429, 503)},
    openapi_extra={"security": [{"scram": []}]},
)
def session(request: HttpRequest) -> HttpResponse:
    """Sign in with SCRAM-SHA-256 in the form of RFC 7804: the first request is answered 401 with a challenge in
    WWW-Authenticate, the second 200 with a bearer key and the server's proof in Authentication-Info."""
    try:
        message = authorization.read_scram(request.headers.get("Authorization", ""))
    except authorization.BadAuthorization:
        return _unauthorized(authorization.CHALLENGE, "Sign in with SCRAM-SHA-256 (RFC 7804).")
    address, now = request.META.get("REMOTE_ADDR", ""), timezone.now()
    if not message.sid:
        challenge = signin.begin(message.data, address, now)
        continued = authorization.continued(challenge.sid, challenge.server_first)
        return _unauthorized(f"{authorization.CHALLENGE}, {continued}", "Answer the challenge.")
    signed_in = signin.finish(message.sid, message.data, address, now)
    earned = SessionResponse(key=signed_in.key, expires_in=int(keys.LIFETIME.total_seconds()), epoch=signed_in.epoch)
    response = _json(earned)
    response["Authentication-Info"] = authorization.continued(message.sid, signed_in.server_final)
    return response


@api.post(
    "/sync",
    response={200: SyncResponse, **problems(400, 401, 410, 413, 422, 503)},
    openapi_extra={"requestBody": body_of(SyncRequest), "security": [{"bearer": []}]},
)
def synchronise(request: HttpRequest) -> HttpResponse:
    """Report what changed in the calendars, learn which bookings changed. Asking again after a lost answer is safe."""
    now = timezone.now()
    connection = _bearer(request)
    return _json(sync.answer(connection, _sync_request(_body(request)), now))


@api.delete(
    "/connection",
    response={200: Receipt, **problems(401, 410, 503)},
    openapi_extra={"security": [{"bearer": []}]},
)
def disconnect(request: HttpRequest) -> HttpResponse:
    """End the connection: everything the calendars told is erased from the server, and the credential is revoked."""
    erased = erasure.erase(_bearer(request), actor="connector")
    return _json(Receipt(erased=erased, at=timezone.now()))


def _bearer(request: HttpRequest) -> Connection:
    try:
        key = authorization.read_bearer(request.headers.get("Authorization", ""))
    except authorization.BadAuthorization:
        raise Refusal(problem(ProblemCode.KEY_EXPIRED, 401, "Key missing", "Show a bearer key.")) from None
    return keys.bearer(key, timezone.now())


def _body(request: HttpRequest) -> bytes:
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_SYNC_BYTES:
            raise RequestDataTooBig
        return request.body
    except RequestDataTooBig:
        detail = f"A sync has at most {MAX_SYNC_BYTES} bytes."
        raise Refusal(problem(ProblemCode.TOO_LARGE, 413, "Too large", detail)) from None
    except (UnreadablePostError, ValueError):
        raise Refusal(_malformed("The body could not be read.")) from None


def _sync_request(body: bytes) -> SyncRequest:
    try:
        version = _Version.model_validate_json(body, strict=True).protocol
        if version not in SUPPORTED_VERSIONS:
            raise sync.unsupported_protocol()
        return SyncRequest.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise Refusal(_malformed(_where(error))) from None


def _where(error: ValidationError) -> str:
    """Where the body is wrong, without a word of what it holds."""
    errors = error.errors(include_input=False, include_context=False, include_url=False)
    places = (".".join(str(part) for part in item["loc"]) or "the body" for item in errors[:5])
    return "; ".join(f"{place[:120]}: {item['type']}" for place, item in zip(places, errors, strict=False))


def _malformed(detail: str) -> ProblemDetails:
    return problem(ProblemCode.MALFORMED, 400, "Malformed", detail)


def _unauthorized(authenticate: str, detail: str) -> HttpResponse:
    response = as_response(problem(ProblemCode.KEY_EXPIRED, 401, "Sign in", detail))
    response["WWW-Authenticate"] = authenticate
    return response


def _json(model: BaseModel) -> HttpResponse:
    response = HttpResponse(model.model_dump_json(), content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response


@api.exception_handler(Refusal)
def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    response = as_response(refusal.details)
    if response.status_code == 401:
        response["WWW-Authenticate"] = authorization.CHALLENGE if request.path.endswith("/session") else "Bearer"
    return response


@api.exception_handler(OperationalError)
def _busy(request: HttpRequest, error: OperationalError) -> HttpResponse:
    log.warning("The database did not answer in time: %s", type(error).__name__)
    return as_response(problem(ProblemCode.BUSY, 503, "Busy", "Try again in a moment.", retry_after=30))


@api.exception_handler(Exception)
def _failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """Where it went wrong goes to the log, the exception's text does not: it might quote a calendar."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s %s failed: %s\n%s", request.method, request.path, type(error).__name__, where)
    return as_response(problem(ProblemCode.BUSY, 500, "Server error", "Something is wrong here.", retry_after=300))


api.refuse_other_methods()
