"""All sessions of this process: one for each connector. Lives in the event loop's thread and touches no database.

A connector that binds a second time takes the place of its first session, which is told ``conflict``. A revoked one is
told ``not-authorized`` at once; should word of that be lost, the next look at the database finds it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from dovetail.protocol.hints import Hint, HintKind, jid
from dovetail.server.realtime.conversation import SIGN_IN_SECONDS, Conversation, Wire
from dovetail.server.realtime.elements import CLIENT, PING, Element, StreamError, attributes
from dovetail.server.realtime.gate import Gate
from dovetail.server.realtime.session import KEPT_SECONDS, Identity, Session
from dovetail.server.realtime.signin import Authority

log = logging.getLogger(__name__)

PROBE_SECONDS = 50.0
"""A client that was silent for so long is asked whether it is there; connectors ping more often than that."""
DEAD_SECONDS = 60.0
SWEEP_SECONDS = 5.0
VERIFY_SECONDS = 60.0


@dataclass(frozen=True)
class Metrics:
    """How things stand: `guests` have not signed in yet, `online` and `detached` are sessions. `counts` are since the
    start: streams by the error that ended them, failures to sign in, hints by what became of them."""

    guests: int
    online: int
    detached: int
    refused: int
    displaced: int
    counts: dict[str, int]


class Hub:
    def __init__(
        self,
        domain: str,
        authority: Authority,
        gate: Gate | None = None,
        *,
        sign_in_seconds: float = SIGN_IN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.domain = domain.lower()
        self.authority = authority
        self.gate = gate or Gate()
        self.sign_in_seconds = sign_in_seconds
        self.clock = clock
        self.counts: Counter[str] = Counter()
        self.sessions: dict[str, Session] = {}
        self.links: set[Conversation] = set()
        self._claims: dict[str, set[Conversation]] = {}
        self._verified = 0.0

    # --- what conversations call ------------------------------------------------------------------------------------

    def admit(self, wire: Wire) -> Conversation | None:
        """A conversation over `wire`, if there is a place for it."""
        conversation = Conversation(self, wire)
        self.links.add(conversation)
        if not self.gate.admit(conversation):
            conversation.over()
            return None
        return conversation

    def claims(self, conversation: Conversation, connector_id: str) -> None:
        """Who a client says it is: from here on a revocation reaches it, signed in or not."""
        self._forget_claim(conversation)
        conversation.claimed = connector_id
        self._claims.setdefault(connector_id, set()).add(conversation)

    def bind(self, conversation: Conversation, identity: Identity, resource: str) -> Session:
        before = self.sessions.pop(identity.connector_id, None)
        bare = jid(identity.connector_id, self.domain)
        session = Session(identity, f"{bare}/{resource}", self.domain, self.counts)
        self.sessions[identity.connector_id] = session
        session.link = conversation
        self.gate.leave(conversation)
        if before is not None:
            self._replace(before.link)
        return session

    def resumable(self, identity: Identity, resumption: str) -> Session | None:
        """The session that this client may go on with."""
        session = self.sessions.get(identity.connector_id)
        if session is None or not session.is_managed or session.identity != identity:
            return None
        return session if secrets.compare_digest(session.resumption.encode(), resumption.encode()) else None

    def resume(self, conversation: Conversation, session: Session, element: Element) -> None:
        """Raises StreamError, and the session stays as it was."""
        before = session.link
        session.resume(conversation, element)
        self.count("resumed")
        self.gate.leave(conversation)
        self._replace(before)

    def left(self, conversation: Conversation, *, resumable: bool) -> None:
        """A conversation is over; its session waits to be resumed, if it may be."""
        self.links.discard(conversation)
        self.gate.leave(conversation)
        self._forget_claim(conversation)
        session, conversation.session = conversation.session, None
        if session is None or session.link is not conversation:
            return
        session.link = None
        session.detached_at = self.clock()
        if not (resumable and session.is_managed):
            self._forget(session)

    def count(self, what: str) -> None:
        self.counts[what] += 1

    # --- what the server calls --------------------------------------------------------------------------------------

    def hint(self, connector_id: str, hint: Hint) -> None:
        session = self.sessions.get(connector_id)
        if session is None:
            self.count("hint-nobody")
        else:
            session.hint(hint)

    def kick(self, connector_id: str) -> None:
        """The credential of this connector is revoked: out at once, and nothing to resume."""
        session = self.sessions.get(connector_id)
        if session is not None:
            session.hint(Hint(HintKind.DISCONNECTED))
            self._forget(session)
        for conversation in list(self._claims.get(connector_id, ())):
            conversation.fail(StreamError("not-authorized", "This connection was ended, or has a new security token."))

    def missed(self) -> None:
        """Wake everybody; the next sweep looks who is revoked."""
        self._verified = -VERIFY_SECONDS
        for session in self.sessions.values():
            session.hint(Hint())

    def shut_down(self) -> None:
        for conversation in list(self.links):
            conversation.fail(StreamError("system-shutdown"))

    def metrics(self) -> Metrics:
        online = sum(session.link is not None for session in self.sessions.values())
        return Metrics(
            guests=self.gate.count,
            online=online,
            detached=len(self.sessions) - online,
            refused=self.gate.refused,
            displaced=self.gate.displaced,
            counts=dict(self.counts),
        )

    async def watch(self, every: float = SWEEP_SECONDS, verify_every: float = VERIFY_SECONDS) -> None:
        """For ever: look for the dead and the revoked."""
        self._verified = self.clock()
        while True:
            await asyncio.sleep(every)
            self.sweep()
            if self.clock() - self._verified >= verify_every:
                self._verified = self.clock()
                try:
                    await self.verify()
                except Exception as error:  # the database is away: look again later
                    log.error("The sessions could not be checked: %s", type(error).__name__)

    def sweep(self) -> None:
        """Forget detached sessions whose time is over, ask silent clients whether they are there, drop dead ones."""
        now = self.clock()
        for session in list(self.sessions.values()):
            if session.link is None and now - session.detached_at > KEPT_SECONDS:
                self._forget(session)
        for conversation in list(self.links):
            if conversation.session is None:
                continue
            silent = now - conversation.last_heard
            if silent >= DEAD_SECONDS:
                self.count("dead")
                conversation.give_way()
            elif silent >= PROBE_SECONDS:
                self._probe(conversation, conversation.session)

    async def verify(self) -> None:
        """Kick whoever's credential is not good any more."""
        identities = [session.identity for session in self.sessions.values()]
        for identity in await self.authority.revoked(identities):
            session = self.sessions.get(identity.connector_id)
            if session is not None and session.identity == identity:
                self.kick(identity.connector_id)

    def _probe(self, conversation: Conversation, session: Session) -> None:
        if session.is_managed:
            session.ask()
        else:
            head = attributes(from_=self.domain, to=session.jid, type="get", id="probe")
            conversation.write(f"<iq xmlns='{CLIENT}'{head}><ping xmlns='{PING}'/></iq>")

    def _replace(self, link: object) -> None:
        """End a conversation that has lost its session to another."""
        if isinstance(link, Conversation):
            link.session = None
            link.fail(StreamError("conflict", "This connector has connected once more."))

    def _forget(self, session: Session) -> None:
        if self.sessions.get(session.identity.connector_id) is session:
            del self.sessions[session.identity.connector_id]

    def _forget_claim(self, conversation: Conversation) -> None:
        of_id = self._claims.get(conversation.claimed)
        if of_id is not None:
            of_id.discard(conversation)
            if not of_id:
                del self._claims[conversation.claimed]
