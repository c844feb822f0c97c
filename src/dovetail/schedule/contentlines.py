"""Content lines (RFC 5545 3.1), unfolded as they are read, and only those whose names somebody wants.

What nobody wants is never held, so a description or an attachment of any size costs no memory. A wanted line that is
longer than `LONGEST` comes without its value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

LONGEST = 64 * 1024  # bytes of a logical line

_NAME = re.compile(rb"[A-Za-z0-9-]{1,100}(?=[:;])")
_PARAMETER = re.compile(r';([A-Za-z0-9-]+)=((?:"[^"]*"|[^":;])*)')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Stream(Protocol):
    """A binary file, or anything else with its `readline`."""

    def readline(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class ContentLine:
    """`name` and the parameters' names are in capitals. `value` is None where the line is too long or broken."""

    number: int
    name: str
    value: str | None
    parameters: Mapping[str, str]

    def text(self) -> str:
        """The value as TEXT (3.3.11), its escapes undone."""
        return _ESCAPE.sub(lambda match: {"n": "\n", "N": "\n"}.get(match[1], match[1]), self.value or "")


def content_lines(stream: Stream, wanted: Callable[[str], bool]) -> Iterator[ContentLine]:
    """The wanted lines of an iCalendar stream; `number` counts physical lines from 1."""
    pieces: list[bytes] = []
    number = size = first = 0
    skipped, broken_off = True, False
    while piece := stream.readline(LONGEST):
        if broken_off:
            pass  # the rest of a physical line that is longer than what is read at once
        elif piece[0] in b" \t":
            number += 1
            piece = piece[1:]
        else:
            number += 1
            if pieces:
                yield from _parsed(first, pieces, size, wanted)
                pieces = []
            size, first = 0, number
            name = _NAME.match(piece)
            # A name that is folded itself is rare: such a line is looked at when it is whole.
            skipped = name is not None and not wanted(name[0].decode("ascii").upper())
        broken_off = piece[-1:] != b"\n"
        if not skipped:
            size += len(piece)
            if size <= LONGEST or not pieces:
                pieces.append(piece if broken_off else piece.rstrip(b"\r\n"))
    if pieces:
        yield from _parsed(first, pieces, size, wanted)


def _parsed(number: int, pieces: list[bytes], size: int, wanted: Callable[[str], bool]) -> Iterator[ContentLine]:
    data = b"".join(pieces).removeprefix(b"\xef\xbb\xbf")
    found = _NAME.match(data)
    if found is None or not wanted(name := found[0].decode("ascii").upper()):
        return
    text = data[found.end() :].decode("utf-8", "replace")
    at = 0
    parameters: dict[str, str] = {}
    while parameter := _PARAMETER.match(text, at):
        parameters[parameter[1].upper()] = parameter[2].strip('"')
        at = parameter.end()
    whole = size <= LONGEST and text[at : at + 1] == ":"
    yield ContentLine(number, name, text[at + 1 :] if whole else None, parameters)
