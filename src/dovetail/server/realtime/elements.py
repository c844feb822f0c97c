"""XML as a stream of XMPP has it (RFC 6120): elements that were read, text that is written, and stream errors.

Elements are written with their namespaces in full, so that the same text is right in a TCP stream and as a WebSocket
message (RFC 7395). Of `stream:` elements the prefix is kept too: older clients look for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

STREAMS = "http://etherx.jabber.org/streams"
CLIENT = "jabber:client"
FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
SESSION = "urn:ietf:params:xml:ns:xmpp-session"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
MANAGEMENT = "urn:xmpp:sm:3"
PING = "urn:xmpp:ping"
ROSTER = "jabber:iq:roster"
DISCO_INFO = "http://jabber.org/protocol/disco#info"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"


@dataclass(slots=True)
class Element:
    """Attributes without a namespace go by their name, others by ``"<namespace> <name>"``."""

    namespace: str
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def is_a(self, namespace: str, *names: str) -> bool:
        return self.namespace == namespace and self.name in names

    def find(self, namespace: str, name: str) -> Element | None:
        return next((child for child in self.children if child.is_a(namespace, name)), None)


class StreamError(Exception):
    """What ends a stream: a condition of RFC 6120 section 4.9.3. `extra` is XML of the condition of an application."""

    def __init__(self, condition: str, text: str = "", extra: str = "") -> None:
        super().__init__(f"{condition}: {text}" if text else condition)
        self.condition = condition
        self.text = text
        self.extra = extra

    def xml(self) -> str:
        text = f"<text xmlns='{STREAM_ERRORS}' xml:lang='en'>{escape(self.text)}</text>" if self.text else ""
        condition = f"<{self.condition} xmlns='{STREAM_ERRORS}'/>"
        return f"<stream:error xmlns:stream='{STREAMS}'>{condition}{text}{self.extra}</stream:error>"


def attributes(**values: str) -> str:
    """Attributes as they stand in a tag, each after a blank; empty ones are left out. ``from_`` is ``from``."""
    return "".join(f" {name.rstrip('_')}={quoteattr(value)}" for name, value in values.items() if value)


def iq_result(request: Element, sender: str, receiver: str, payload: str = "") -> str:
    head = attributes(id=request.attributes.get("id", ""), from_=sender, to=receiver)
    return f"<iq xmlns='{CLIENT}' type='result'{head}>{payload}</iq>"


def stanza_error(stanza: Element, sender: str, receiver: str, condition: str, kind: str = "cancel") -> str:
    """The answer that says `condition` (RFC 6120 section 8.3) of a stanza. `kind` is the error's type."""
    head = attributes(id=stanza.attributes.get("id", ""), from_=sender, to=receiver)
    error = f"<error type='{kind}'><{condition} xmlns='{STANZA_ERRORS}'/></error>"
    return f"<{stanza.name} xmlns='{CLIENT}' type='error'{head}>{error}</{stanza.name}>"
