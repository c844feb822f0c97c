"""The XML that a server sends, read piece by piece in the way slixmpp asks of ElementTree's pull parser.

On expat itself, for two reasons: newer versions of it hold a start tag back until they see its end unless told not to,
which delays hints for ever; and a document type, an entity or a processing instruction is to be refused when it begins
(RFC 6120 section 11.1), not after it was expanded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

STREAM = "{http://etherx.jabber.org/streams}stream"
MAX_BYTES = 64 * 1024
"""Of one child of the stream, in as many reads as it takes."""
MAX_DEPTH = 32


class NotXmpp(Exception):
    """What comes is no XMPP stream, or one that no honest server sends."""


class Parser:
    """`feed` bytes, then take the events ``("start" | "end", element)`` as they are known."""

    def __init__(self) -> None:
        self._builder = TreeBuilder()
        self._events: deque[tuple[str, Element]] = deque()
        self._depth = 0
        self._bytes = 0
        self._expat = expat.ParserCreate(namespace_separator="}")
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._builder.data
        for forbidden in ("StartDoctypeDeclHandler", "EntityDeclHandler", "ProcessingInstructionHandler"):
            setattr(self._expat, forbidden, _refuse)
        if hasattr(self._expat, "SetReparseDeferralEnabled"):
            self._expat.SetReparseDeferralEnabled(False)

    def feed(self, data: bytes | str) -> None:
        """Raises NotXmpp."""
        piece = data.encode() if isinstance(data, str) else data
        self._bytes += len(piece)
        try:
            self._expat.Parse(piece, False)
        except expat.ExpatError as error:
            raise NotXmpp(str(error)) from None
        if self._bytes > MAX_BYTES:
            raise NotXmpp("an element is too large")

    def read_events(self) -> Iterator[tuple[str, Element]]:
        while self._events:
            yield self._events.popleft()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = _clark(name)
        if self._depth == 0 and tag != STREAM:
            raise NotXmpp("no stream begins here")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotXmpp("elements are nested too deeply")
        element = self._builder.start(tag, {_clark(key): value for key, value in attributes.items()})
        self._events.append(("start", element))

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._depth <= 1:
            self._bytes = 0
        self._events.append(("end", self._builder.end(_clark(name))))


def _clark(name: str) -> str:
    """``{namespace}name``, as ElementTree writes it."""
    return f"{{{name}" if "}" in name else name


def _refuse(*_: object) -> None:
    raise NotXmpp("a document type, an entity or a processing instruction is no part of XMPP")
