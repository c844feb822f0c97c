"""Dovetail as a component (XEP-0114) of Prosody or ejabberd, which has the connectors' sessions in our hub's place.

The link is kept up for ever: a try that fails is made again after a back-off with full jitter. What happened while it
was down is made good when it is up: revocations are told that were not confirmed, and every connector in real time gets
one hint. A connector gets one hint a second at most, of several the newest.

Left out: TLS. The handshake proves the secret by a hash of it, so the link belongs on loopback or in a tunnel.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from dovetail.protocol.hints import RESOURCE, Hint, HintKind, jid, write
from dovetail.server.realtime.component_link import COMPONENT, Link, LinkDown
from dovetail.server.realtime.elements import STANZA_ERRORS, Element, attributes
from dovetail.server.xmpp_server import ComponentAccount

log = logging.getLogger(__name__)

REVOKE = "urn:dovetail:revoke:1"

SPACING = 1.0
"""Seconds between hints to one connector."""
WAKE_EVERY = 0.005
"""Seconds between hints to different connectors when all are woken: their syncs are not to come all at once."""
BACKOFF_FIRST, BACKOFF_LAST = 1.0, 60.0
STEADY_SECONDS = 60.0
"""A link that lasted so long was good: the next try is made soon."""


@dataclass(frozen=True)
class LinkMetrics:
    """`counts` are since the start: links, hints and revocations by what became of them."""

    is_up: bool
    counts: dict[str, int]


class Component:
    """`listening` gives the Connector IDs of those in real time. Lives in the event loop's thread."""

    def __init__(
        self,
        account: ComponentAccount,
        domain: str,
        listening: Callable[[], Awaitable[Iterable[str]]],
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.account = account
        self.domain = domain
        self.counts: Counter[str] = Counter()
        self._listening = listening
        self._chance = chance
        self._link: Link | None = None
        self._resting: dict[str, asyncio.TimerHandle] = {}
        self._waiting: dict[str, Hint] = {}
        self._revoked: dict[str, str] = {}  # by Connector ID: the id of the question that is not answered yet
        self._waking: asyncio.Task[None] | None = None

    # --- what the server calls --------------------------------------------------------------------------------------

    def hint(self, connector_id: str, hint: Hint) -> None:
        if connector_id in self._resting:
            self.counts["hint-merged" if connector_id in self._waiting else "hint-kept"] += 1
            self._waiting[connector_id] = hint
        elif self._link is None:
            self.counts["hint-unsent"] += 1
        else:
            self._send_hint(connector_id, hint)
            loop = asyncio.get_running_loop()
            self._resting[connector_id] = loop.call_later(SPACING, self._rested, connector_id)

    def kick(self, connector_id: str) -> None:
        """Out at once, or as soon as the link is up."""
        self._revoked[connector_id] = ""
        self._waiting.pop(connector_id, None)
        if self._link is not None:
            self._send_hint(connector_id, Hint(HintKind.DISCONNECTED))
            self._send_revocation(connector_id)

    def missed(self) -> None:
        """Word of other processes may have been lost: wake everybody."""
        if self._link is not None and (self._waking is None or self._waking.done()):
            self._waking = asyncio.ensure_future(self._wake_all())

    def metrics(self) -> LinkMetrics:
        return LinkMetrics(self._link is not None, dict(self.counts))

    async def run(self) -> None:
        """Keep the link up, until cancelled."""
        failures, clock = 0, asyncio.get_running_loop().time
        try:
            while True:
                began = clock()
                try:
                    await self._one_link()
                except (OSError, LinkDown) as down:
                    log.warning("The link to the XMPP server at %s is down: %s", self._where, _said(down))
                if clock() - began >= STEADY_SECONDS:
                    failures = 0
                await asyncio.sleep(longest_pause(failures) * self._chance())
                failures += 1
        finally:
            for timer in self._resting.values():
                timer.cancel()

    # --- the link ---------------------------------------------------------------------------------------------------

    async def _one_link(self) -> None:
        """From its beginning to its end, which it raises: OSError or LinkDown."""
        link = await Link.open(self.account, self._on_stanza)
        self._link = link
        self.counts["link-up"] += 1
        log.info("Hints go through the XMPP server at %s", self._where)
        for connector_id in self._revoked:
            self._send_revocation(connector_id)
        self.missed()
        try:
            await link.last(self.domain)
        finally:
            self._link = None
            if self._waking is not None:
                self._waking.cancel()
            link.close()

    @property
    def _where(self) -> str:
        return f"{self.account.host}:{self.account.port}"

    async def _wake_all(self) -> None:
        try:
            everybody = await self._listening()
        except Exception as error:  # the database is away: their intervals are left
            log.error("Nobody could be woken: %s", type(error).__name__)
            return
        for connector_id in everybody:
            self.hint(connector_id, Hint())
            await asyncio.sleep(WAKE_EVERY)

    def _rested(self, connector_id: str) -> None:
        del self._resting[connector_id]
        hint = self._waiting.pop(connector_id, None)
        if hint is not None:
            self.hint(connector_id, hint)

    def _send_hint(self, connector_id: str, hint: Hint) -> None:
        self.counts["hint-sent"] += 1
        receiver = f"{jid(connector_id, self.domain)}/{RESOURCE}"
        self._send("message", write(hint), to=receiver, type="normal", id=f"h{self.counts['hint-sent']}")

    def _send_revocation(self, connector_id: str) -> None:
        self.counts["revocation-sent"] += 1
        question = self._revoked[connector_id] = f"r{self.counts['revocation-sent']}"
        revoke = f"<revoke xmlns='{REVOKE}'{attributes(user=connector_id.lower())}/>"
        self._send("iq", revoke, to=self.domain, type="set", id=question)

    def _send(self, name: str, content: str, **head: str) -> None:
        if self._link is not None:
            self._link.write(f"<{name}{attributes(from_=self.account.name, **head)}>{content}</{name}>")

    def _on_stanza(self, stanza: Element) -> None:
        kind, question = stanza.attributes.get("type", ""), stanza.attributes.get("id", "")
        if stanza.is_a(COMPONENT, "message") and kind == "error":
            self.counts["hint-nobody"] += 1
        elif stanza.is_a(COMPONENT, "iq") and kind in ("result", "error"):
            self._answered(question, is_done=kind == "result")
        elif stanza.is_a(COMPONENT, "iq"):
            error = f"<error type='cancel'><service-unavailable xmlns='{STANZA_ERRORS}'/></error>"
            self._send("iq", error, to=stanza.attributes.get("from", ""), type="error", id=question)

    def _answered(self, question: str, *, is_done: bool) -> None:
        connector_id = next((name for name, asked in self._revoked.items() if asked == question), None)
        if connector_id is None:
            return
        if is_done:
            self.counts["revocation-done"] += 1
            del self._revoked[connector_id]
        else:
            self.counts["revocation-refused"] += 1
            log.error("The XMPP server at %s does not end sessions: is Dovetail's module loaded there?", self._where)


def longest_pause(failures: int) -> float:
    """Seconds before the next try after so many that failed in a row."""
    return min(BACKOFF_LAST, BACKOFF_FIRST * 2.0 ** min(failures, 30))


def _said(down: Exception) -> str:
    return str(down) if isinstance(down, LinkDown) else type(down).__name__
