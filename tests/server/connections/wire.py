"""A connector's side of ``/connector/v1``, over Django's test client: real views, real SCRAM, no network."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.test import Client
from scramp import ScramClient

from dovetail.protocol.credential import MECHANISM, tokenize
from server.people import NOW


@dataclass
class Clock:
    """What the server takes for the time, while a test has it."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Wire:
    connector_id: str
    token: str
    address: str = "203.0.113.7"
    key: str = field(default="", repr=False)

    def send(self, method: str, path: str, content: bytes | str = b"", **headers: str):
        client = Client(REMOTE_ADDR=self.address, HTTP_HOST="localhost", raise_request_exception=False)
        return client.generic(
            method, f"/connector/v1{path}", content, content_type="application/json", secure=True, headers=headers
        )

    def challenge(self, client_first: str):
        return self.send("POST", "/session", authorization=f'{MECHANISM} realm="dovetail", data={b64(client_first)}')

    def respond(self, sid: str, client_final: str):
        return self.send("POST", "/session", authorization=f"{MECHANISM} sid={sid}, data={b64(client_final)}")

    def sign_in(self, token: str | None = None):
        """The last answer of the exchange; a right one has proved the server, and sets `key`."""
        scram = ScramClient([MECHANISM], self.connector_id, tokenize(token or self.token))
        first = self.challenge(scram.get_client_first())
        if first.status_code != 401:
            return first
        sid, server_first = carried(first["WWW-Authenticate"])
        scram.set_server_first(server_first)
        last = self.respond(sid, scram.get_client_final())
        if last.status_code == 200:
            scram.set_server_final(carried(last["Authentication-Info"])[1])
            self.key = last.json()["key"]
        return last

    def sync(self, request: Any):
        content = request if isinstance(request, bytes | str) else request.model_dump_json()
        return self.send("POST", "/sync", content, authorization=f"Bearer {self.key}")

    def disconnect(self):
        return self.send("DELETE", "/connection", authorization=f"Bearer {self.key}")


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def carried(header: str) -> tuple[str, str]:
    """`sid` and the decoded `data` of an authentication header."""
    found = dict(part.strip().split("=", 1) for part in header.removeprefix(MECHANISM).split(","))
    return found["sid"], base64.b64decode(found["data"]).decode()


def problem_of(response: Any) -> dict[str, Any]:
    """The problem details of an answer that must be one."""
    assert response["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = json.loads(response.content)
    assert found["status"] == response.status_code
    assert {"type", "title", "detail", "code"} <= found.keys()
    return found
