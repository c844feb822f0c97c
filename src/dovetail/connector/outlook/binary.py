"""Little-endian binary properties: the cursor every format is read with, and the one error they raise.

A property comes from a file anybody may have written. Nothing is read past its end, no count is believed before the
bytes for it are there, and whatever is wrong is told by property and offset, never by content.
"""

from __future__ import annotations

import struct

MAX_BYTES = 1 << 20
"""Outlook keeps appointment blobs under 64 KB. More than this is no appointment."""


class MalformedProperty(ValueError):
    """The property cannot be read. `offset` is the byte where it stops making sense; `problem` is never its content."""

    def __init__(self, name: str, offset: int, problem: str) -> None:
        super().__init__(f"{name}, byte {offset}: {problem}")
        self.property = name
        self.offset = offset
        self.problem = problem


class Cursor:
    """Reads one property from front to back. Every method raises MalformedProperty at the end of the data."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.offset = 0
        self._data = data
        if len(data) > MAX_BYTES:
            raise MalformedProperty(name, MAX_BYTES, f"{len(data)} bytes are too many")

    @property
    def left(self) -> int:
        return len(self._data) - self.offset

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise self.malformed(f"{size} bytes wanted, {self.left} left")
        start, self.offset = self.offset, self.offset + size
        return self._data[start : self.offset]

    def rest(self) -> bytes:
        return self.take(self.left)

    def u8(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "little")

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def i32(self) -> int:
        return int.from_bytes(self.take(4), "little", signed=True)

    def u32s(self, count: int) -> tuple[int, ...]:
        """`count` numbers of 4 bytes."""
        return struct.unpack(f"<{count}I", self.take(4 * count))

    def text(self, characters: int) -> str:
        """UTF-16LE without a terminator. Lone surrogates are kept: what was read is written back."""
        return self.take(2 * characters).decode("utf-16-le", "surrogatepass")

    def block(self) -> bytes:
        """Bytes behind their own 4-byte size."""
        return self.take(self.u32())

    def expect(self, value: int, allowed: frozenset[int] | range, what: str, size: int) -> int:
        """`value`, just read from `size` bytes, if it is one of `allowed`."""
        if value not in allowed:
            raise self.malformed(f"{what} {value:#x} is not allowed", back=size)
        return value

    def malformed(self, problem: str, back: int = 0) -> MalformedProperty:
        """The error to raise for what begins `back` bytes before here."""
        return MalformedProperty(self.name, self.offset - back, problem)


def u16(value: int) -> bytes:
    return value.to_bytes(2, "little")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def i32(value: int) -> bytes:
    return value.to_bytes(4, "little", signed=True)


def u32s(values: tuple[int, ...]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def text(value: str) -> bytes:
    return value.encode("utf-16-le", "surrogatepass")


def block(data: bytes) -> bytes:
    return u32(len(data)) + data
