"""The properties of a message saved as a .msg file (MS-OXMSG), read with olefile.

A .msg is a compound file: numbers, flags and times stand in one stream of 16-byte entries, texts and blobs in streams
of their own, and the ids of named properties in a storage of the file. Only the properties asked for are read. A
message inside the message (an exception of a series) is a storage of the same shape.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import olefile

from dovetail.connector.calendars import disk
from dovetail.connector.outlook.binary import MAX_BYTES, MalformedProperty
from dovetail.connector.outlook.properties import (
    PROPERTIES,
    Property,
    PropertyType,
    Value,
    from_filetime,
    read_property_names,
)

_T = TypeVar("_T")
Storage = tuple[str, ...]
TOP: Storage = ()

_NAMES = "__nameid_version1.0"
_ENTRIES = "__properties_version1.0"
_TOP_HEADER, _EMBEDDED_HEADER = 32, 24
_STRING8 = 0x001E
_LARGEST_ENTRIES = 64 * 1024


class NotAMessage(Exception):
    """The file is no .msg that can be read. The text holds nothing private."""


@contextmanager
def open_msg(path: Path) -> Iterator[MsgFile]:
    """Raises OSError if the file cannot be opened, NotAMessage if it is something else or damaged."""
    with disk.open_file(path) as file:
        yield MsgFile(_guarded(lambda: olefile.OleFileIO(file)))


class MsgFile:
    """One .msg file, open."""

    def __init__(self, ole: Any) -> None:
        self._ole = ole
        self._ids: Mapping[tuple[UUID, int], int] | None = None

    def properties(self, names: Iterable[str], storage: Storage = TOP) -> dict[str, Value]:
        """The values of those properties that the message has. Raises NotAMessage."""
        return _guarded(lambda: self._properties(names, storage))

    def embedded_messages(self) -> list[Storage]:
        """The messages attached to this one: where the exceptions of a series keep what the blob has no room for."""
        attached = {path[0] for path in self._ole.listdir() if path[0].startswith("__attach_version1.0_")}
        found = [(name, "__substg1.0_3701000D") for name in sorted(attached)]
        return [storage for storage in found if self._ole.exists([*storage, _ENTRIES])]

    def _properties(self, names: Iterable[str], storage: Storage) -> dict[str, Value]:
        fixed = self._fixed(storage)
        values: dict[str, Value] = {}
        for name in names:
            wanted = PROPERTIES[name]
            number = self._id(wanted)
            value = None if number is None else self._value(wanted, number, storage, fixed)
            if value is not None:
                values[name] = value
        return values

    def _id(self, wanted: Property) -> int | None:
        """The id of the property in this file; None if nothing in the file has it."""
        if wanted.set is None:
            return wanted.id
        if self._ids is None:
            sets, entries = (self._stream((_NAMES, f"__substg1.0_{name}0102")) for name in ("0002", "0003"))
            self._ids = read_property_names(sets or b"", entries or b"")
        return self._ids.get((wanted.set, wanted.id))

    def _fixed(self, storage: Storage) -> dict[int, bytes]:
        """Tag to the 8 bytes of its value."""
        data = self._stream((*storage, _ENTRIES), _LARGEST_ENTRIES)
        if data is None:
            raise NotAMessage("it has no properties")
        header = _EMBEDDED_HEADER if storage else _TOP_HEADER
        whole = len(data) - (len(data) - header) % 16
        return {tag: value for tag, _, value in struct.iter_unpack("<II8s", data[header:whole])}

    def _value(self, wanted: Property, number: int, storage: Storage, fixed: Mapping[int, bytes]) -> Value | None:
        tag = number << 16 | wanted.type
        match wanted.type:
            case PropertyType.BINARY:
                return self._stream((*storage, f"__substg1.0_{tag:08X}"))
            case PropertyType.STRING:
                wide = self._stream((*storage, f"__substg1.0_{tag:08X}"))
                if wide is not None:
                    return wide.decode("utf-16-le", "replace")
                narrow = self._stream((*storage, f"__substg1.0_{number << 16 | _STRING8:08X}"))
                return None if narrow is None else narrow.decode("latin-1")
            case _:
                return None if tag not in fixed else _number(wanted.type, fixed[tag])

    def _stream(self, path: Storage, limit: int = MAX_BYTES) -> bytes | None:
        if not self._ole.exists(list(path)):
            return None
        if self._ole.get_size(list(path)) > limit:
            raise NotAMessage("a property is larger than any of an appointment")
        with self._ole.openstream(list(path)) as stream:
            return bytes(stream.read())


def _number(kind: PropertyType, data: bytes) -> Value | None:
    if kind is PropertyType.BOOLEAN:
        return data[:2] != b"\0\0"
    if kind is PropertyType.INTEGER:
        return int.from_bytes(data[:4], "little", signed=True)
    return from_filetime(int.from_bytes(data, "little"))


def _guarded(read: Callable[[], _T]) -> _T:
    """What `read` gives. A damaged compound file makes olefile raise almost anything."""
    try:
        return read()
    except (NotAMessage, MalformedProperty):
        raise
    except Exception as error:
        raise NotAMessage(f"the file is damaged or no .msg ({type(error).__name__})") from None
