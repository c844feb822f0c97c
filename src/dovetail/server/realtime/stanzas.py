"""What a client with a session says, and what it is answered: pings, discovery, an empty roster, stream management.

Nothing is routed: a stanza for anybody but the server is answered ``service-unavailable``. Presence is taken and
forgotten. Followed: RFC 6120 section 8, RFC 6121 as far as clients insist on it, XEP-0030, XEP-0198, XEP-0199.
"""

from __future__ import annotations

from typing import Protocol

from dovetail.server.realtime.elements import (
    BIND,
    CLIENT,
    DISCO_INFO,
    DISCO_ITEMS,
    MANAGEMENT,
    PING,
    ROSTER,
    SESSION,
    STANZA_ERRORS,
    Element,
    StreamError,
    iq_result,
    stanza_error,
)
from dovetail.server.realtime.session import Session

_INFO = (
    f"<query xmlns='{DISCO_INFO}'><identity category='server' type='im' name='Dovetail'/>"
    f"<feature var='{DISCO_INFO}'/><feature var='{DISCO_ITEMS}'/><feature var='{PING}'/></query>"
)
_RESULTS = {
    ("get", PING, "ping"): "",
    ("get", DISCO_INFO, "query"): _INFO,
    ("get", DISCO_ITEMS, "query"): f"<query xmlns='{DISCO_ITEMS}'/>",
    ("get", ROSTER, "query"): f"<query xmlns='{ROSTER}'/>",
    ("set", SESSION, "session"): "",
}


class Client(Protocol):
    def write(self, xml: str) -> None: ...


def answer(client: Client, session: Session, element: Element) -> None:
    """Raises StreamError."""
    if element.namespace == MANAGEMENT:
        _manage(client, session, element)
    elif element.is_a(CLIENT, "iq", "message", "presence"):
        sender = element.attributes.get("from", session.jid)
        if sender.lower() not in (session.jid.lower(), _bare(session.jid)):
            raise StreamError("invalid-from")
        session.count_handled()
        reply = _reply(session, element)
        if reply:
            session.send(reply)
    else:
        raise StreamError("unsupported-stanza-type")


def management_failure(condition: str) -> str:
    return f"<failed xmlns='{MANAGEMENT}'><{condition} xmlns='{STANZA_ERRORS}'/></failed>"


def _manage(client: Client, session: Session, element: Element) -> None:
    if element.name == "r" and session.is_managed:
        session.answer()
    elif element.name == "a" and session.is_managed:
        session.acknowledged(element)
    elif element.name == "enable" and not session.is_managed:
        client.write(session.enable())
    else:
        client.write(management_failure("unexpected-request"))


def _reply(session: Session, stanza: Element) -> str:
    """Empty where nothing is said."""
    kind = stanza.attributes.get("type", "")
    to = stanza.attributes.get("to", "")
    receiver = session.jid
    if stanza.name == "presence" or kind in ("error", "result"):
        return ""
    if stanza.name == "message" or to.lower() not in ("", session.domain, _bare(session.jid), session.jid.lower()):
        return stanza_error(stanza, to or session.domain, receiver, "service-unavailable")
    if kind not in ("get", "set") or not stanza.attributes.get("id") or len(stanza.children) != 1:
        return stanza_error(stanza, session.domain, receiver, "bad-request", "modify")
    child = stanza.children[0]
    if child.is_a(BIND, "bind"):
        return stanza_error(stanza, session.domain, receiver, "not-allowed")
    payload = _RESULTS.get((kind, child.namespace, child.name))
    if payload is None:
        return stanza_error(stanza, to or session.domain, receiver, "service-unavailable")
    return iq_result(stanza, to, receiver, payload)


def _bare(jid: str) -> str:
    return jid.partition("/")[0]
