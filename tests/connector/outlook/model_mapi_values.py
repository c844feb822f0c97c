"""How pywin32's MAPI takes and gives values, what it refuses or spoils, and how a model store finds them by tags."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, datetime
from uuid import UUID

from connector.outlook.model_store import CHANGED, ComError, Message, Store
from connector.outlook.written import Value, Written
from dovetail.connector.outlook.extended_mapi.numbers import BODY, MESSAGE_FLAGS
from dovetail.connector.outlook.field_definition import FIELD_DEFINITIONS
from dovetail.connector.outlook.properties import PROPERTIES, PS_PUBLIC_STRINGS

CALL_FAILED, NO_ACCESS, NOT_ENOUGH_MEMORY = 0x80004005, 0x80070005, 0x8007000E
INVALID_OBJECT, CORRUPT_DATA, NETWORK_ERROR, END_OF_SESSION = 0x80040108, 0x8004011B, 0x80040115, 0x80040200
TOO_COMPLEX, INVALID_BOOKMARK, LOGON_FAILED, NOT_FOUND = 0x80040117, 0x80040405, 0x80040111, 0x8004010F
OBJECT_DELETED, OBJECT_CHANGED = 0x8004010A, 0x80040109

I4, ERROR, BOOLEAN, UNICODE, SYSTIME, BINARY = 0x0003, 0x000A, 0x000B, 0x001F, 0x0040, 0x0102
IN_A_TABLE = 255
"""Characters or bytes after which a table cuts."""

KNOWN = {**PROPERTIES, **{found.name: found for found in (BODY, MESSAGE_FLAGS, FIELD_DEFINITIONS)}}
_TAGGED = {found.id: name for name, found in KNOWN.items() if found.set is None}
_ENTRY_ID, _PARENT, _LONG_TERM, _ACCESS = 0x0FFF, 0x0E09, 0x6670, 0x0FF4
_UNDEFINED = "PS_PUBLIC_STRINGS/"
_EXCHANGE = (0, 1, 4)


def mapi_error(code: int) -> ComError:
    return ComError(code, "Fehler beim Öffnen von „Oncologist, second opinion“.")


def signed(code: int) -> int:
    return code - (1 << 32) if code >= 1 << 31 else code


def long(value: object) -> int:
    """What is parsed as a C long of 32 bits."""
    if not isinstance(value, int):
        raise TypeError("an integer is required")
    if not -(1 << 31) <= value < 1 << 31:
        raise OverflowError("Python int too large to convert to C long")
    return value


def unsigned(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("an integer is required")
    if not 0 <= value < 1 << 32:
        raise OverflowError("can't convert to unsigned long")
    return value


def binary(value: object) -> bytes:
    if type(value) is not bytes:
        raise TypeError(f"a bytes-like object is required, not {type(value).__name__}")
    return value


def into_mapi(tag: int, value: object) -> Value:
    """A value that was set."""
    kind = unsigned(tag) & 0xFFFF
    if kind == I4:
        return long(value)
    if kind == BOOLEAN:
        return bool(long(value))
    if kind == BINARY:
        return binary(value)
    if kind == UNICODE:
        if not isinstance(value, str):
            raise TypeError("must be a str")
        return value.partition("\0")[0]
    if kind == SYSTIME:
        if not isinstance(value, datetime):
            raise TypeError("must be a datetime")
        assert value.tzinfo is not None, "it would be taken for local time"
        return _milliseconds(value.astimezone(UTC))
    raise TypeError(f"Unsupported MAPI property type 0x{kind:X}")


def out_of_mapi(tag: int, value: Value | None, most: int, *, cuts: bool) -> tuple[int, object]:
    """A value that was asked for: cut in a table, refused by GetProps when it is too long."""
    kind = tag & 0xFFFF
    if value is None or not _fits(kind, value):
        return tag & 0xFFFF0000 | ERROR, signed(NOT_FOUND)
    if isinstance(value, (str, bytes)) and len(value) > most:
        return (tag, value[:most]) if cuts else (tag & 0xFFFF0000 | ERROR, signed(NOT_ENOUGH_MEMORY))
    if isinstance(value, datetime):
        beyond = value.year == MAXYEAR
        return tag, datetime.max if beyond else _milliseconds(value)  # noqa: DTZ901 - that is what comes out
    return tag, value


def _fits(kind: int, value: Value) -> bool:
    types = {I4: int, BOOLEAN: bool, UNICODE: str, SYSTIME: datetime, BINARY: bytes}
    return kind in types and isinstance(value, types[kind]) and (kind == BOOLEAN) == isinstance(value, bool)


def _milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


@dataclass
class StoreNames:
    """The ids that a store gave to names. Those of appointments it knows from the beginning."""

    store: Store
    first: int
    ids: dict[tuple[UUID, int | str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for found in KNOWN.values():
            if found.set is not None and found is not FIELD_DEFINITIONS:
                self.id_of((found.set, found.id), create=True)

    def id_of(self, name: tuple[UUID, int | str], *, create: bool) -> int | None:
        guid, text = name
        seen = (text in message.user for folder in self.store.all_folders() for message in folder.messages.values())
        if name not in self.ids and (create or (guid == PS_PUBLIC_STRINGS and any(seen))):
            self.ids[name] = self.first + len(self.ids)
        return self.ids.get(name)

    def key(self, number: int) -> str | None:
        """Under which a model message keeps the property with this id."""
        if number < 0x8000:
            return _TAGGED.get(number)
        if self._keys is None or len(self._keys) != len(self.ids):
            self._keys = {number: _key(name) for name, number in self.ids.items()}
        return self._keys.get(number)

    _keys: dict[int, str] | None = None


def _key(name: tuple[UUID, int | str]) -> str:
    guid, number = name
    if isinstance(number, str):
        return _UNDEFINED + number
    return next(key for key, found in KNOWN.items() if (found.set, found.id) == (guid, number))


def is_exchange(store: Store) -> bool:
    return store.kind in _EXCHANGE


def value_of(
    names: StoreNames, message: Message | None, working: Written, user: dict[str, str], tag: int, access: int
) -> Value | None:
    """Of a message, saved or not."""
    number = tag >> 16
    if number == _ACCESS:
        return access
    if message is not None:
        if number in (_ENTRY_ID, _LONG_TERM):
            return bytes.fromhex(message.entry_id)
        if number == _PARENT:
            return bytes.fromhex(message.folder.entry_id)
        if number == 0x65E2:
            return bytes(16) + message.saves.to_bytes(6, "big") if is_exchange(names.store) else None
    key = names.key(number)
    if key is None:
        return None
    if key.startswith(_UNDEFINED):
        return user.get(key.removeprefix(_UNDEFINED), working.get(key))
    return working.get(key)


def keep(names: StoreNames, working: Written, user: dict[str, str], tag: int, value: Value) -> None:
    key = names.key(tag >> 16)
    assert key is not None, f"{tag:08X} was never named"
    assert key != CHANGED
    name = key.removeprefix(_UNDEFINED)
    if name != key and name in user:
        assert isinstance(value, str)
        user[name] = value
    else:
        working[key] = value


def define(working: Written, user: dict[str, str]) -> None:
    """What the definition stream names is among UserProperties from now on."""
    stream = working.get(FIELD_DEFINITIONS.name, b"")
    assert isinstance(stream, bytes)
    for key in [key for key in working if key.startswith(_UNDEFINED)]:
        name = key.removeprefix(_UNDEFINED)
        if name.encode("utf-16-le") in stream:
            user[name] = str(working.pop(key))
