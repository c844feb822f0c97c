"""An iCalendar file cut into its components (RFC 5545, 3.6) without understanding them, and put together again.

Only lines that begin or end a component are read, in one pass and in bounded memory, so that one event of a large file
can be replaced while every other byte stays as it is.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MAX_PART = 10 * 1024 * 1024  # an event with a picture in it; what is larger is passed over, never cut
_MAX_LINE = 64 * 1024


class Part(NamedTuple):
    """A component directly inside a VCALENDAR, at bytes `[start, end)`. `raw` is None when it is over MAX_PART.

    A part without `kind` is what the file ends in the middle of.
    """

    kind: str
    start: int
    end: int
    raw: bytes | None


class End(NamedTuple):
    """The line END:VCALENDAR, where a new component goes."""

    start: int


def parts(file: BinaryIO) -> Iterator[Part | End]:
    """What the file, read from its beginning, is made of."""
    file.seek(0)
    depth = position = begun = size = 0
    kind, lines = "", list[bytes]()
    line_begins = True
    while line := file.readline(_MAX_LINE):
        bound, name = _bound(line) if line_begins else ("", "")
        line_begins = line.endswith(b"\n")
        if bound == "BEGIN":
            depth += 1
            if depth == 2:
                kind, begun, size, lines = name, position, 0, []
        if depth >= 2:
            size += len(line)
            if size <= MAX_PART:
                lines.append(line)
            else:
                lines.clear()
        position += len(line)
        if bound == "END" and depth > 0:
            depth -= 1
            if depth == 1:
                yield Part(kind, begun, position, b"".join(lines) if size <= MAX_PART else None)
                lines = []
            elif depth == 0:
                yield End(position - len(line))
    if depth:
        yield Part("", begun, position, None)


def copy_with(source: BinaryIO, start: int, end: int, replacement: bytes, target: BinaryIO) -> None:
    """Write `source` to `target` with `replacement` in the place of its bytes `[start, end)`."""
    source.seek(0)
    left = start
    while left and (chunk := source.read(min(left, 1 << 20))):
        target.write(chunk)
        left -= len(chunk)
    target.write(replacement)
    source.seek(end)
    shutil.copyfileobj(source, target, 1 << 20)


def _bound(line: bytes) -> tuple[str, str]:
    """``("BEGIN" | "END", component)``, or two empty strings."""
    if line[:1] not in b"BbEe":
        return "", ""
    name, colon, value = line.partition(b":")
    word = name.strip().upper()
    if not colon or word not in (b"BEGIN", b"END"):
        return "", ""
    return word.decode(), value.strip().upper()[:64].decode("ascii", "replace")
