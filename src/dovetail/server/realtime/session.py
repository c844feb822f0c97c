"""A connector's session: what outlives the connection it came over (XEP-0198, stream management).

A session is attached to one conversation, or detached and kept for a while, to be resumed over any transport. What was
sent and not acknowledged is sent again then. Of hints a detached or a slow session keeps only the newest: each of them
says the same, *sync now*.

Left out: acknowledgements of our own stanzas to applications. A hint that is lost costs time only.
"""

from __future__ import annotations

import secrets
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Protocol

from dovetail.protocol.hints import Hint, write
from dovetail.server.realtime.elements import CLIENT, MANAGEMENT, Element, StreamError, attributes

KEPT_SECONDS = 300
"""How long a detached session can be resumed."""
UNACKNOWLEDGED = 8
"""With so many stanzas on their way hints wait: whoever is so slow needs one of them."""
MAX_UNACKNOWLEDGED = 200
COUNTER = 2**32


@dataclass(frozen=True)
class Identity:
    """Who has signed in. `credential` is a digest of the verifier: with another token it is another."""

    connector_id: str
    credential: bytes = field(repr=False)


class Link(Protocol):
    """The conversation a session is attached to."""

    @property
    def is_slow(self) -> bool:
        """Whether the client has not taken what was sent to it."""

    def write(self, xml: str) -> None: ...


class Session:
    def __init__(self, identity: Identity, jid: str, domain: str, counts: Counter[str]) -> None:
        self.identity = identity
        self.jid = jid
        self.domain = domain
        self.link: Link | None = None
        self.detached_at = 0.0
        self.resumption = ""  # the id to resume by; empty while stream management is off
        self.handled = 0
        self.sent = 0
        self.unacknowledged: deque[str] = deque()
        self.waiting: Hint | None = None
        self.counts = counts

    @property
    def is_managed(self) -> bool:
        return self.resumption != ""

    def enable(self) -> str:
        """Count from here on; the answer to ``<enable/>``."""
        self.resumption = secrets.token_urlsafe(18)
        head = attributes(id=self.resumption, resume="true", max=str(KEPT_SECONDS))
        return f"<enabled xmlns='{MANAGEMENT}'{head}/>"

    def hint(self, hint: Hint) -> None:
        """Send it, or keep it in the place of an older one until it can be sent."""
        if self.link is None or self.link.is_slow or len(self.unacknowledged) >= UNACKNOWLEDGED:
            self.counts["hint-kept" if self.waiting is None else "hint-merged"] += 1
            self.waiting = hint
            return
        self.waiting = None
        self.counts["hint-sent"] += 1
        head = attributes(from_=self.domain, to=self.jid, type="normal", id=f"h{self.counts['hint-sent']}")
        self.send(f"<message xmlns='{CLIENT}'{head}>{write(hint)}</message>")
        self.ask()

    def send(self, stanza: str) -> None:
        """To a session that is attached. Raises StreamError when the client acknowledges nothing."""
        if self.is_managed:
            if len(self.unacknowledged) >= MAX_UNACKNOWLEDGED:
                raise StreamError("policy-violation", "Too many stanzas are not acknowledged.")
            self.unacknowledged.append(stanza)
            self.sent = (self.sent + 1) % COUNTER
        self._write(stanza)
        if len(self.unacknowledged) >= UNACKNOWLEDGED:
            self.ask()

    def ask(self) -> None:
        """Let the client say what it has received: that it is there, too."""
        if self.is_managed:
            self._write(f"<r xmlns='{MANAGEMENT}'/>")

    def answer(self) -> None:
        self._write(f"<a xmlns='{MANAGEMENT}' h='{self.handled}'/>")

    def count_handled(self) -> None:
        if self.is_managed:
            self.handled = (self.handled + 1) % COUNTER

    def acknowledged(self, element: Element) -> None:
        """Forget what the client has by the `h` of `element`. Raises StreamError."""
        handled = read_counter(element)
        remaining = (self.sent - handled) % COUNTER
        if remaining > len(self.unacknowledged):
            head = attributes(h=str(handled), send_count=str(self.sent)).replace("send_count", "send-count")
            extra = f"<handled-count-too-high xmlns='{MANAGEMENT}'{head}/>"
            raise StreamError("undefined-condition", "More is acknowledged than was sent.", extra)
        while len(self.unacknowledged) > remaining:
            self.unacknowledged.popleft()
        self.flush()

    def resume(self, link: Link, element: Element) -> None:
        """Go on over `link`: say so, send again what is missing. Raises StreamError for an impossible `h`."""
        before, self.link = self.link, None
        try:
            self.acknowledged(element)
        except StreamError:
            self.link = before
            raise
        self.link = link
        head = attributes(h=str(self.handled), previd=self.resumption)
        self._write(f"<resumed xmlns='{MANAGEMENT}'{head}/>")
        for stanza in self.unacknowledged:
            self._write(stanza)
        if self.unacknowledged:
            self.ask()
        self.flush()

    def flush(self) -> None:
        """Send the hint that waits, if the way is free now."""
        if self.waiting is not None and self.link is not None:
            hint, self.waiting = self.waiting, None
            self.hint(hint)

    def _write(self, xml: str) -> None:
        if self.link is not None:
            self.link.write(xml)


def read_counter(element: Element) -> int:
    """The `h` of an acknowledgement. Raises StreamError."""
    text = element.attributes.get("h", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < COUNTER):
        raise StreamError("bad-format", "An acknowledgement needs a number h.")
    return int(text)
