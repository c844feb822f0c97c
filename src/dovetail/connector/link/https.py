"""The server over HTTPS: ServerPort on httpx.

Signs in when it has no key, or when the server says the key has ended; in that case, and only then, the request is sent
a second time. Every other failure goes to the caller, whose own next try is as safe: the server is idempotent.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from dovetail.connector.link.egress import Egress
from dovetail.connector.link.port import Refused
from dovetail.connector.link.portal import sign_in_page
from dovetail.connector.link.signin import Credential, Session, another_version, sign_in
from dovetail.connector.link.wire import Answer, Wire
from dovetail.protocol.messages import MAX_SYNC_BYTES, SyncRequest, SyncResponse
from dovetail.protocol.problems import ProblemCode, problem

SYNC_PATH = "/connector/v1/sync"
CONNECTION_PATH = "/connector/v1/connection"


class Receipt(BaseModel):
    """What the server erased when the connection ended: counts by kind, and when."""

    model_config = ConfigDict(frozen=True)

    erased: dict[str, int]
    at: AwareDatetime


class HttpsServer:
    """`origin` is what :func:`~dovetail.connector.link.address.read_address` gives. Close it after use."""

    def __init__(self, origin: str, credential: Credential, egress: Egress) -> None:
        self._client = egress.client()
        self._wire = Wire(self._client, origin, partial(sign_in_page, urlsplit(origin).hostname or "", egress))
        self._credential = credential
        self._session: Session | None = None

    def sign_in(self) -> int:
        """Prove both sides now; the answer is the connection's epoch."""
        self._session = sign_in(self._wire, self._credential)
        return self._session.epoch

    def exchange(self, request: SyncRequest) -> SyncResponse:
        content = request.model_dump_json().encode()
        if len(content) > MAX_SYNC_BYTES:
            raise Refused(
                problem(
                    ProblemCode.TOO_LARGE,
                    413,
                    "Too large",
                    "The calendars hold more than one sync can carry: choose fewer.",
                )
            )
        answer = self._with_key("POST", SYNC_PATH, content)
        try:
            return SyncResponse.model_validate_json(answer.body)
        except ValidationError:
            raise another_version() from None

    def disconnect(self) -> Receipt:
        """End the connection: the server erases what it holds of it, and this credential is worth nothing after."""
        answer = self._with_key("DELETE", CONNECTION_PATH)
        self._session = None
        try:
            return Receipt.model_validate_json(answer.body)
        except ValidationError:
            raise another_version() from None

    def _with_key(self, method: str, path: str, content: bytes = b"") -> Answer:
        fresh = self._session is None or time.monotonic() >= self._session.renew_at
        if fresh:
            self.sign_in()
        answer = self._send(method, path, content)
        if not fresh and _key_ended(answer):
            self.sign_in()
            answer = self._send(method, path, content)
        if answer.status != 200:
            self._wire.refuse(answer)
        return answer

    def _send(self, method: str, path: str, content: bytes) -> Answer:
        assert self._session is not None
        headers = {"Authorization": f"Bearer {self._session.key}", "Content-Type": "application/json"}
        return self._wire.send(method, path, headers, content)

    def close(self) -> None:
        self._session = None
        self._client.close()

    def __enter__(self) -> HttpsServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_server(
    origin: str, credential: Credential, ca_file: Path | None = None, egress: Egress | None = None
) -> HttpsServer:
    """The server at `origin`, reached by `egress`, or as the system's settings say. Raises BadCaFile."""
    return HttpsServer(origin, credential, egress or Egress(ca_file=ca_file))


def _key_ended(answer: Answer) -> bool:
    problem = answer.problem()
    return problem is not None and problem.code is ProblemCode.KEY_EXPIRED
