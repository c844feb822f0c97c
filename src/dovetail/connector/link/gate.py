"""At most two tries for a credential at a proxy, then never again until a new one is entered.

A proxy's password is mostly the password of a Windows account, and directories lock those after a few wrong tries. So
until a credential has proved right only one connection uses it at a time, wrong answers are counted across restarts,
and from the second on it is refused here. The file holds slow salted hashes and counts, never a name or password.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from dovetail.connector.atomic import write_private
from dovetail.connector.link.routes import ProxyCredential
from dovetail.connector.link.verdicts import EgressError, Phase, Verdict

TRIES = 2
FILE_NAME = "proxy-tries.json"


class Trying:
    """One connection's use of a credential. Tell it how each use ended."""

    def __init__(self, gate: Gate, proxy: str, key: str) -> None:
        self._gate = gate
        self._proxy = proxy
        self._key = key

    def check(self) -> None:
        """Raises EgressError (proxy_credentials_rejected) where the tries are used up."""
        if self._gate.wrong(self._key) >= TRIES:
            raise EgressError(
                Verdict.PROXY_CREDENTIALS_REJECTED,
                Phase.PROXY,
                "it is not sent again until a new one is entered",
                proxy=self._proxy,
            )

    def refused(self, *, for_good: bool = False) -> None:
        self._gate.note(self._key, TRIES if for_good else self._gate.wrong(self._key) + 1)

    def proved(self) -> None:
        if self._gate.wrong(self._key) or self._key not in self._gate.proven:
            self._gate.note(self._key, 0)
            self._gate.proven.add(self._key)


class Gate:
    """`file` None: counts last as long as the process."""

    def __init__(self, file: Path | None = None) -> None:
        self.proven: set[str] = set()
        self._file = file
        self._one_at_a_time = threading.Lock()
        self._salt = os.urandom(16)
        self._wrong: dict[str, int] = {}

    @contextmanager
    def trying(self, proxy: str, credential: ProxyCredential) -> Iterator[Trying]:
        """Waits for another connection's try of a credential that has not proved right yet."""
        self._read()
        key = _fingerprint(self._salt, proxy, credential)
        trying = Trying(self, proxy, key)
        if key in self.proven and not self.wrong(key):
            yield trying
            return
        with self._one_at_a_time:
            trying.check()
            yield trying

    def wrong(self, key: str) -> int:
        return self._wrong.get(key, 0)

    def note(self, key: str, wrong: int) -> None:
        if wrong:
            self._wrong[key] = wrong
            self.proven.discard(key)
        elif self._wrong.pop(key, None) is None:
            return
        if self._file is not None:
            write_private(self._file, json.dumps({"salt": self._salt.hex(), "wrong": self._wrong}))

    def forget(self) -> None:
        """Somebody entered a credential anew: all may be tried again."""
        self._wrong.clear()
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def _read(self) -> None:
        """Another process may have counted, or forgotten, since."""
        if self._file is None:
            return
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            self._salt = bytes.fromhex(kept["salt"])
            self._wrong = {str(key): int(count) for key, count in kept["wrong"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._wrong = {}


@lru_cache(maxsize=32)
def _fingerprint(salt: bytes, proxy: str, credential: ProxyCredential) -> str:
    """Slow on purpose: who gets hold of the file must not be able to search passwords with it."""
    secret = json.dumps([proxy, credential.user, credential.password]).encode()
    return hashlib.scrypt(secret, salt=salt, n=2**14, r=8, p=1, dklen=16).hex()
