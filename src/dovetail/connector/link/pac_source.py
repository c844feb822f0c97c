"""The PAC file itself: fetched directly, kept for a while, and what happens when it cannot be had.

* A script that was had on this network is used on while its source is silent: never a quiet change of the way out.
* One that was never had here (the laptop is at home, the file lies in the company) leaves the direct way, as browsers
  do, and says so.
* One that is broken is an error: it is not guessed what it meant.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx

from dovetail.connector.link.pac import PacScript, own_address
from dovetail.connector.link.routes import Choice, Direct, read_pac_answer
from dovetail.connector.link.verdicts import EgressError, Phase, Verdict

KEPT_SECONDS = 300.0
FETCH_SECONDS = 5.0
MAX_BYTES = 1 << 20


class PacUnavailable(Exception):
    """The file could not be fetched."""


class PacSource:
    """`fetch` gives the text at an address, or raises PacUnavailable."""

    def __init__(self, fetch: Callable[[str], str]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._kept: tuple[str, str, float, PacScript] | None = None

    def choose(self, url: str, host: str, found: str) -> Choice:
        """The ways to `host` that the script at `url` names. Raises EgressError where the script is broken."""
        with self._lock:
            script, notice = self._script(url)
            if script is None:
                return Choice((Direct(),), found, notice)
            return Choice(read_pac_answer(script.find(host)), found, notice)

    def _script(self, url: str) -> tuple[PacScript | None, str]:
        network, now = own_address(), time.monotonic()
        kept = self._kept if self._kept and self._kept[:2] == (url, network) else None
        if kept and now < kept[2]:
            return kept[3], ""
        try:
            script = PacScript(self._fetch(url))
        except PacUnavailable as error:
            where = urlsplit(url).hostname or url
            if kept:
                return kept[3], f"The PAC file at {where} cannot be had ({error}): the one had before is used on."
            return None, f"The PAC file at {where} cannot be had ({error}): it was tried without a proxy."
        self._kept = (url, network, now + KEPT_SECONDS, script)
        return script, ""


def fetch_pac(url: str, client: Callable[[], httpx.Client]) -> str:
    """`client` makes one that goes out directly."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        try:
            return Path(url2pathname(parts.path)).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise PacUnavailable(error.strerror or "it cannot be read") from None
    try:
        with client() as opened, opened.stream("GET", url, timeout=FETCH_SECONDS) as response:
            return _read(response)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise PacUnavailable("no answer" if isinstance(error, httpx.TimeoutException) else "not reached") from error


def _read(response: httpx.Response) -> str:
    if response.status_code != 200:
        raise PacUnavailable(f"HTTP {response.status_code}")
    deadline = time.monotonic() + FETCH_SECONDS
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > MAX_BYTES:
            raise EgressError(Verdict.PAC_BROKEN, Phase.PROXY, "it is larger than any PAC file")
        if time.monotonic() > deadline:
            raise PacUnavailable("too slow")
    return body.decode("utf-8", errors="replace")
