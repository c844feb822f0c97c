"""Reads a stream, or one WebSocket message, with expat, and refuses what RFC 6120 section 11 forbids.

Document types (and with them all entities but the five of XML), processing instructions and comments are
``restricted-xml``; text that is not UTF-8 or says so is ``unsupported-encoding``; everything else that expat does not
take is ``not-well-formed``. An element deeper than MAX_DEPTH or longer than `limit` ends the stream before it is whole,
so what a peer can make us keep is bounded. After any error, or `stop`, a parser reads nothing more.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import NoReturn
from xml.parsers import expat

from dovetail.server.realtime.elements import Element, StreamError

MAX_DEPTH = 16
PIECE = 4096
"""Bytes given to expat at a time: an element is longer than its limit by no more than this when it is noticed."""

_RESTRICTED = {expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]}


class Parser:
    """`on_element` gets each child of the root when it is whole, `on_open` the root when it begins and `on_close` its
    end. Without `on_open` the root itself is the element. A handler may raise StreamError."""

    def __init__(
        self,
        limit: int,
        on_element: Callable[[Element], None],
        on_open: Callable[[Element], None] | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self.limit = limit
        self.on_element, self.on_open, self.on_close = on_element, on_open, on_close
        self.open: list[Element] = []  # from the root's child, or the root, down to where the parser is
        self._in_stream = False
        self._since_element = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._expat: expat.XMLParserType | None = self._new_expat()

    @property
    def is_stopped(self) -> bool:
        return self._expat is None

    def feed(self, data: bytes) -> None:
        """Raises StreamError."""
        for start in range(0, len(data), PIECE):
            if self.is_stopped:
                return
            self._feed_piece(data[start : start + PIECE])

    def finish(self) -> None:
        """There is no more. Raises StreamError where something is missing."""
        self._parse(b"", is_final=True)

    def stop(self) -> None:
        """Read no more. Without expat, whose handlers are ours, nothing goes in circles, and the memory of a closed
        connection is free at once."""
        self._expat = None
        self.on_element, self.on_open, self.on_close = _ignore, None, None

    def _feed_piece(self, piece: bytes) -> None:
        try:
            self._decoder.decode(piece)
        except UnicodeDecodeError:
            self._refuse("unsupported-encoding", "Only UTF-8 is understood.")
        self._since_element += len(piece)
        self._parse(piece, is_final=False)
        if self._since_element > self.limit:
            self._refuse("policy-violation", f"An element may have at most {self.limit} bytes.")

    def _parse(self, piece: bytes, *, is_final: bool) -> None:
        if self._expat is None:
            return
        try:
            self._expat.Parse(piece, is_final)
        except expat.ExpatError as error:
            self.stop()
            condition = "restricted-xml" if error.code in _RESTRICTED else "not-well-formed"
            raise StreamError(condition) from None
        except StreamError:
            self.stop()
            raise

    def _new_expat(self) -> expat.XMLParserType:
        parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        if hasattr(parser, "SetReparseDeferralEnabled"):  # since expat 2.6: else a tag may be held back
            parser.SetReparseDeferralEnabled(False)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._restricted
        parser.EntityDeclHandler = self._restricted
        parser.ProcessingInstructionHandler = self._restricted
        parser.CommentHandler = self._restricted
        parser.ExternalEntityRefHandler = self._restricted
        parser.SkippedEntityHandler = self._restricted
        return parser

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self.is_stopped:
            return
        namespace, _, local = name.rpartition(" ")
        element = Element(namespace, local, attributes)
        if self.on_open is not None and not self._in_stream:
            self._in_stream = True
            self._since_element = 0
            self.on_open(element)
            return
        if len(self.open) == MAX_DEPTH:
            self._refuse("policy-violation", f"Elements may be nested {MAX_DEPTH} deep.")
        if self.open:
            self.open[-1].children.append(element)
        self.open.append(element)

    def _end(self, name: str) -> None:
        if self.is_stopped:
            return
        if not self.open:
            if self.on_close is not None:
                self.on_close()
            return
        element = self.open.pop()
        if not self.open:
            self._since_element = 0
            self.on_element(element)

    def _text(self, text: str) -> None:
        if self.is_stopped:
            return
        if self.open:
            self.open[-1].text += text
        elif text.strip(" \t\r\n"):
            self._refuse("bad-format", "There is text between the elements.")
        else:
            self._since_element = 0  # a keep-alive

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() != "utf-8":
            self._refuse("unsupported-encoding", "Only UTF-8 is understood.")

    def _restricted(self, *parts: object) -> NoReturn:
        self._refuse("restricted-xml")

    def _refuse(self, condition: str, text: str = "") -> NoReturn:
        self.stop()
        raise StreamError(condition, text)


def _ignore(element: Element) -> None:
    return


def read_message(data: bytes, limit: int) -> Element:
    """The one element that a WebSocket message is. Raises StreamError."""
    found: list[Element] = []
    parser = Parser(limit, found.append)
    parser.feed(data)
    parser.finish()
    return found[0]
