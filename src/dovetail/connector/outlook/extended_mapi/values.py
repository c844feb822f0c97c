"""Values of properties, in and out of MAPI.

Out: what a message or a row does not have comes back as an error in its place, and so does what is too big for
GetProps; that is read as a stream. Times come tagged as UTC, cut to milliseconds; one that no calendar reaches has no
zone. In: bytes and no other buffer for binaries, aware times in UTC, texts without NUL (they would be cut there), and
never None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from dovetail.connector.outlook.extended_mapi import numbers
from dovetail.connector.outlook.extended_mapi.calls import call
from dovetail.connector.outlook.extended_mapi.surface import Surface
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.connector.outlook.properties import PropertyType, Value

Pair = tuple[int, Any]
_TOO_BIG = frozenset((0x8007000E, 0x80040305))
_MOST_BYTES, _AT_ONCE = 16 << 20, 1 << 16
_STREAMED = 4096
"""Texts of more characters are written as streams: servers refuse them in SetProps."""


def get_all(surface: Surface, target: Any, tags: Mapping[str, int]) -> dict[str, Value]:
    """Of a message, by names: those that it has. Raises OutlookFault."""
    found: dict[str, Value] = {}
    _, pairs = call(target, "GetProps", tuple(tags.values()), 0)
    for (name, asked), (tag, value) in zip(tags.items(), pairs, strict=True):
        if numbers.is_error(tag) and isinstance(value, int) and value & 0xFFFFFFFF in _TOO_BIG:
            found[name] = _from_stream(surface, target, asked)
        elif (clean := out(asked, (tag, value))) is not None:
            found[name] = clean
    return found


def get(target: Any, tag: int) -> Value | None:
    """One small property of a store, folder or message; None if it has none. Raises OutlookFault."""
    _, pairs = call(target, "GetProps", (tag,), 0)
    return out(tag, pairs[0])


def row_values(tags: Mapping[str, int], row: Iterable[Pair]) -> dict[str, Value]:
    """Of a row whose columns are `tags`, by names: those that it has."""
    pairs = zip(tags.items(), row, strict=True)
    found = ((name, out(asked, pair)) for (name, asked), pair in pairs)
    return {name: value for name, value in found if value is not None}


def out(asked: int, pair: Pair) -> Value | None:
    """None for an error, and for any other type than was asked for."""
    tag, value = pair
    if tag & numbers.TYPE_MASK != asked & numbers.TYPE_MASK or not isinstance(value, (int, str, bytes, datetime)):
        return None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return None
        at = value.astimezone(UTC)
        return datetime(at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, tzinfo=UTC)
    return value


def put_all(surface: Surface, target: Any, values: Mapping[int, Value]) -> None:
    """Set properties of a message that is open for writing. Raises OutlookFault."""
    pairs = []
    for tag, value in values.items():
        if isinstance(value, str) and len(value) > _STREAMED:
            _to_stream(surface, target, tag, value.partition("\0")[0].encode("utf-16-le"))
        else:
            pairs.append((tag, into(tag, value)))
    if pairs:
        call(target, "SetProps", pairs)


def into(tag: int, value: Value) -> Value:
    """As pywin32 takes it. Raises ValueError for what it would silently change, TypeError for the wrong type."""
    expected = {
        PropertyType.INTEGER: int,
        PropertyType.BOOLEAN: bool,
        PropertyType.STRING: str,
        PropertyType.TIME: datetime,
        PropertyType.BINARY: bytes,
    }[PropertyType(tag & numbers.TYPE_MASK)]
    if not isinstance(value, expected):
        raise TypeError(f"property {tag:08X} takes {expected.__name__}")
    if isinstance(value, str):
        return value.partition("\0")[0]
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC)
    return value


def _from_stream(surface: Surface, target: Any, tag: int) -> Value:
    stream = call(target, "OpenProperty", tag, surface.stream, 0, 0)
    data = b""
    while block := call(stream, "Read", _AT_ONCE):
        data += block
        if len(data) > _MOST_BYTES:
            raise OutlookFault(Outcome.OTHER)
    return data.decode("utf-16-le", "replace") if tag & numbers.TYPE_MASK == PropertyType.STRING else data


def _to_stream(surface: Surface, target: Any, tag: int, data: bytes) -> None:
    stream = call(target, "OpenProperty", tag, surface.stream, 0, numbers.MODIFY | numbers.CREATE)
    call(stream, "Write", data)
    call(stream, "Commit", 0)
