"""What Prosody or ejabberd asks in order to let connectors in: their SCRAM verifiers, and who is to go.

Nothing else is told, to nobody without DOVETAIL_XMPP_KEYS_SECRET, and without that setting the addresses do not exist.
A verifier lets its holder check a proof; the password does not follow from it. Who has a verifier and sees a proof can
sign in with them, though (RFC 5802 section 9): an XMPP server that asks is trusted like this one. An unknown Connector
ID has a made-up verifier, as when it signs in here (:mod:`dovetail.server.connections.scram`), so
that what comes of a try does not tell which there are.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
from collections.abc import Callable
from functools import wraps
from typing import Annotated

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dovetail.server.connections import scram
from dovetail.server.realtime.bucket import Bucket
from dovetail.server.realtime.session import Identity
from dovetail.server.realtime.signin import revoked

View = Callable[..., HttpResponse]

MAX_NAME = 32
MANY = 5_000
"""Sessions in one question; who has more asks again."""

_asked = Bucket(rate=200.0, size=2000.0)
"""A thousand connectors come back at the same time, once in a while."""
_refused = Bucket(rate=0.2, size=10.0)
"""Wrong secrets, of everybody together: there is one XMPP server."""


class Standing(BaseModel):
    """A session that an XMPP server has: whose, and the SHA-256 of the stored key that its proof was checked with."""

    model_config = ConfigDict(extra="forbid")

    user: Annotated[str, Field(max_length=MAX_NAME)]
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Sessions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sessions: Annotated[list[Standing], Field(max_length=MANY)]


def _for_the_xmpp_server(view: View) -> View:
    """Only with the secret, over TLS or on this machine, and not too often."""

    @csrf_exempt
    @wraps(view)
    def guarded(request: HttpRequest, **parts: str) -> HttpResponse:
        if not settings.XMPP_KEYS_SECRET:
            raise Http404
        if not (request.is_secure() or _is_loopback(request.META.get("REMOTE_ADDR", ""))):
            return HttpResponse(status=403)
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not hmac.compare_digest(secret.encode(), settings.XMPP_KEYS_SECRET.encode()):
            return HttpResponse(status=401 if _refused.take() else 429)
        if not _asked.take():
            return HttpResponse(status=429)
        response = view(request, **parts)
        response["Cache-Control"] = "no-store"
        return response

    return guarded


@_for_the_xmpp_server
@require_GET
def show(request: HttpRequest, name: str) -> HttpResponse:
    """The verifier of SCRAM-SHA-256 that the connector of this name is checked with."""
    salt, stored_key, server_key, iterations = scram.verifier(name[:MAX_NAME].upper())
    keys = {"salt": salt, "stored_key": stored_key, "server_key": server_key}
    told = {label: base64.b64encode(key).decode() for label, key in keys.items()}
    return JsonResponse({**told, "iterations": iterations})


@_for_the_xmpp_server
@require_POST
def find_revoked(request: HttpRequest) -> HttpResponse:
    """Which of these sessions are of a credential that is good no more."""
    try:
        asked = Sessions.model_validate_json(request.body)
    except ValidationError:
        return HttpResponse(status=400)
    told = {Identity(each.user.upper(), bytes.fromhex(each.key)): each for each in asked.sessions}
    return JsonResponse({"revoked": [told[identity].model_dump() for identity in revoked(told)]})


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
