"""Calendars and appointments in an Outlook data file, .pst or .ost, read with libpff (MS-PST).

Only what libpff reaches is seen: the folders below the store's own top, the properties of messages. The messages in
which the exceptions of a series keep their texts are out of its reach; their times stand in the series' blob. Only the
properties asked for are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import pypff

from dovetail.connector.calendars import disk
from dovetail.connector.outlook.binary import MalformedProperty
from dovetail.connector.outlook.properties import (
    MESSAGE_CLASS,
    PROPERTIES,
    Property,
    PropertyType,
    Value,
    from_filetime,
    is_appointment,
    read_property_names,
)

_TOP_ENTRY_ID = 0x35E0  # PidTagIpmSubTreeEntryId, on the store
_WASTEBASKET_ENTRY_ID = 0x35E3  # PidTagIpmWastebasketEntryId, on the store
_CALENDAR_ENTRY_ID = 0x36D0  # PidTagIpmAppointmentEntryId, on the root or the inbox
_CONTAINER_CLASS = 0x3613
_CONTENT_COUNT = 0x3602
_CALENDAR_CLASS = "ipf.appointment"
_STRING8 = 0x001E
_MULTI_VALUE = 0x1000
_DEEPEST = 32
_SEARCH_FOLDER = 0x03  # the low five bits of a node id (MS-PST 2.2.2.1)
_SAMPLE = 20

_T = TypeVar("_T")


class DataFileError(Exception):
    """The file, or a part of it, cannot be read. The text holds nothing private."""


class _Stored(NamedTuple):
    """A value with the type it is stored as."""

    kind: int
    data: bytes | None


_NOTHING = _Stored(0, b"")


@dataclass(frozen=True)
class Folder:
    """A calendar folder. `id` is its node id, which it keeps as long as the file lives."""

    id: int
    name: str
    is_default: bool
    handle: Any


@contextmanager
def open_pst(path: Path) -> Iterator[PstFile]:
    """Raises OSError if the file cannot be opened, DataFileError if it is something else or damaged."""
    with disk.open_file(path) as stream:
        file = pypff.file()
        _guarded(lambda: file.open_file_object(stream))
        try:
            yield PstFile(file)
        finally:
            file.close()


class PstFile:
    """One data file, open for reading."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._ids: Mapping[tuple[UUID, int], int] | None = None

    def calendars(self) -> list[Folder]:
        """The calendar folders of the mailbox, the deleted ones left out. Raises DataFileError."""
        return _guarded(self._calendars)

    def messages(self, folder: Folder) -> Iterator[Any]:
        """Every message of the folder, as libpff has it; None for one that cannot be opened. Raises DataFileError."""
        count = _guarded(lambda: int(folder.handle.number_of_sub_messages))
        told = _guarded(lambda: _values(folder.handle).get(_CONTENT_COUNT, _NOTHING))
        if count == 0 and any(told.data or b""):
            raise DataFileError("the folder says that it is not empty, and nothing is found in it")
        for index in range(count):
            try:
                yield _guarded(partial(folder.handle.get_sub_message, index))
            except DataFileError:
                yield None

    def properties(self, message: Any, names: Iterable[str]) -> dict[str, Value]:
        """The values of those properties that the message has. Raises DataFileError or MalformedProperty."""
        return _guarded(lambda: self._properties(message, names))

    def _calendars(self) -> list[Folder]:
        store = _values(self._file.message_store) if self._file.message_store else {}
        root = self._file.root_folder
        wastebasket = _node(store.get(_WASTEBASKET_ENTRY_ID, _NOTHING))
        top = _node(store.get(_TOP_ENTRY_ID, _NOTHING))
        everything = list(_walk(root, wastebasket))
        mailbox = next((folder for folder in everything if folder.identifier == top), root)
        defaults = [_node(_values(folder).get(_CALENDAR_ENTRY_ID, _NOTHING)) for folder in everything]
        default = next((node for node in defaults if node is not None), None)
        return [
            Folder(folder.identifier, folder.name or "", folder.identifier == default, folder)
            for folder in _walk(mailbox, wastebasket)
            if self._is_calendar(folder)
        ]

    def _is_calendar(self, folder: Any) -> bool:
        """By its class; where none was written, by what is in it."""
        told = _values(folder).get(_CONTAINER_CLASS, _NOTHING)
        if told.data:
            return _text(told).casefold().startswith(_CALENDAR_CLASS)
        some = range(min(folder.number_of_sub_messages, _SAMPLE))
        classes = (self._properties(folder.get_sub_message(at), (MESSAGE_CLASS,)).get(MESSAGE_CLASS) for at in some)
        return any(is_appointment(name) for name in classes)

    def _properties(self, message: Any, names: Iterable[str]) -> dict[str, Value]:
        wanted = {self._id(PROPERTIES[name]): PROPERTIES[name] for name in names}
        values: dict[str, Value] = {}
        for entry in _entries(message):
            found = wanted.get(entry.entry_type)
            value = None if found is None else _value(found.type, _Stored(entry.value_type, entry.data))
            if found is not None and value is not None:
                values[found.name] = value
        return values

    def _id(self, wanted: Property) -> int | None:
        """The id of the property in this file; None if nothing in the file has it."""
        if wanted.set is None:
            return wanted.id
        if self._ids is None:
            streams = _values(self._file.name_to_id_map)
            sets, entries = (streams.get(number, _NOTHING).data or b"" for number in (0x0002, 0x0003))
            self._ids = read_property_names(sets, entries)
        return self._ids.get((wanted.set, wanted.id))


def _walk(folder: Any, wastebasket: int | None, depth: int = 0) -> Iterator[Any]:
    """The folder and all below it, but for the deleted ones and those that are saved searches."""
    yield folder
    for index in range(folder.number_of_sub_folders if depth < _DEEPEST else 0):
        below = folder.get_sub_folder(index)
        if below.identifier != wastebasket and below.identifier & 0x1F != _SEARCH_FOLDER:
            yield from _walk(below, wastebasket, depth + 1)


def _entries(item: Any) -> Iterator[Any]:
    return (entry for record_set in item.record_sets for entry in record_set.entries)


def _values(item: Any) -> dict[int, _Stored]:
    """The single values of an item by property id."""
    return {
        entry.entry_type: _Stored(entry.value_type, entry.data or b"")
        for entry in _entries(item)
        if not (entry.value_type or 0) & _MULTI_VALUE
    }


def _node(entry_id: _Stored) -> int | None:
    """The node id at the end of an entry id of this store (MS-PST 2.4.3.2)."""
    data = entry_id.data
    return int.from_bytes(data[20:24], "little") if data is not None and len(data) == 24 else None


def _value(kind: PropertyType, stored: _Stored) -> Value | None:
    """None where the file holds another type of value than the property has."""
    data = stored.data
    if data is None or (stored.kind != kind and not (kind is PropertyType.STRING and stored.kind == _STRING8)):
        return None
    match kind:
        case PropertyType.STRING:
            return _text(stored)
        case PropertyType.BINARY:
            return bytes(data)
        case PropertyType.BOOLEAN:
            return any(data)
        case PropertyType.INTEGER:
            return int.from_bytes(data[:4], "little", signed=True)
        case PropertyType.TIME:
            return from_filetime(int.from_bytes(data[:8], "little"))


def _text(stored: _Stored) -> str:
    """Files of before Outlook 2003 hold no Unicode. The classes that are read here are ASCII."""
    encoding = "latin-1" if stored.kind == _STRING8 else "utf-16-le"
    return (stored.data or b"").decode(encoding, "replace").rstrip("\0")


def _guarded(read: Callable[[], _T]) -> _T:
    """What `read` gives. libpff answers damage with OSError and MemoryError, and what it gives may be nonsense."""
    try:
        return read()
    except (DataFileError, MalformedProperty):
        raise
    except Exception as error:
        raise DataFileError(f"it is no Outlook data file, or damaged ({type(error).__name__})") from None
