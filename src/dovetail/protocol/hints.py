"""The wake-up that the server sends to a connector over XMPP, and how the two are named there.

A hint is the one child of a ``<message type='normal'>``::

    <hint xmlns='urn:dovetail:hint:1' kind='sync' cursor='3.0-17'/>

It has no content: it says *sync now*, whatever else is in it. A hint may be lost, repeated or overtaken; only time is
lost with it (DESIGN.md, "Everything is state; hints only wake"). `cursor` is that of the server's latest change, in
the form of :class:`~dovetail.protocol.messages.SyncResponse`: a connector may log it, and must not skip a sync for it,
because settings and an opened booking page do not move it.

The attributes are few and short, so that no XML parser holds the tag back for more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

NAMESPACE = "urn:dovetail:hint:1"
TAG = f"{{{NAMESPACE}}}hint"
MAX_CURSOR = 64

RESOURCE = "connector"
"""Of a connector's full JID: the two ends agree on it, so that a reconnect replaces what it has lost."""


class HintKind(StrEnum):
    SYNC = "sync"
    DISCONNECTED = "disconnected"  # the connection has ended or has a new token: the next sync says which


@dataclass(frozen=True)
class Hint:
    kind: HintKind = HintKind.SYNC
    cursor: str = ""


def jid(connector_id: str, domain: str) -> str:
    """The bare JID of a connector: its Connector ID in lower case, as nodeprep (RFC 7622) would make it."""
    return f"{connector_id.lower()}@{domain}"


def write(hint: Hint) -> str:
    return f"<hint xmlns='{NAMESPACE}' kind={quoteattr(hint.kind)} cursor={quoteattr(hint.cursor)}/>"


def read(message: Element) -> Hint | None:
    """The hint in a parsed ``<message>``; None when there is none. A kind of a later version wakes as well."""
    found = message.find(TAG)
    if found is None:
        return None
    kind = found.get("kind", "")
    known = HintKind(kind) if kind in HintKind.__members__.values() else HintKind.SYNC
    return Hint(known, found.get("cursor", "")[:MAX_CURSOR])
