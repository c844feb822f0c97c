"""A MAPI session on a profile: its stores, folders and messages by their ids. No dialogue ever comes up.

Ids are those that the object model uses: a calendar's is that of its store and that of its folder, an item's its
lasting entry id, in hex. Only stores of the profile are opened, so that a data file which was closed is not opened
behind its User's back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dovetail.connector.calendars.port import CalendarError
from dovetail.connector.outlook.extended_mapi import numbers
from dovetail.connector.outlook.extended_mapi.calls import call
from dovetail.connector.outlook.extended_mapi.names import Names
from dovetail.connector.outlook.extended_mapi.surface import Surface
from dovetail.connector.outlook.extended_mapi.tables import rows_of
from dovetail.connector.outlook.extended_mapi.values import get
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.connector.outlook.object_model.session import place_of
from dovetail.connector.outlook.properties import PROPERTIES

ENTRY_ID = PROPERTIES["PidTagEntryId"].tag
_STORE_COLUMNS = {
    "id": ENTRY_ID,
    "name": numbers.NAME,
    "default": numbers.DEFAULT_STORE,
    "provider": numbers.STORE_PROVIDER,
}
NOT_THERE = "This calendar is not in Outlook at the moment."


@dataclass(frozen=True)
class StoreEntry:
    """A store of the profile, not opened yet."""

    id: bytes
    name: str
    is_default: bool
    is_public: bool


@dataclass(frozen=True)
class OpenStore:
    target: Any
    names: Names


class Session:
    """Every method raises OutlookFault. `profile`: its name, empty for the default one."""

    def __init__(self, surface: Surface, profile: str = "") -> None:
        self.surface = surface
        flags = numbers.EXTENDED | numbers.NO_MAIL
        flags |= numbers.NEW_SESSION | numbers.UNICODE if profile else numbers.USE_DEFAULT
        call(surface.mapi, "MAPIInitialize", (numbers.INIT_VERSION, numbers.MULTITHREAD_NOTIFICATIONS))
        self._session = call(surface.mapi, "MAPILogonEx", 0, profile, None, flags)
        self._opened: dict[bytes, OpenStore] = {}

    def log_off(self) -> None:
        self._opened.clear()
        call(self._session, "Logoff", 0, 0, 0)

    def look_again(self) -> None:
        """For names that stores did not know at the last look."""
        for store in self._opened.values():
            store.names.ask_again()

    def stores(self) -> list[StoreEntry]:
        table = call(self._session, "GetMsgStoresTable", numbers.UNICODE)
        found = []
        for row in rows_of(table, _STORE_COLUMNS):
            entry_id, name = row.get("id"), row.get("name")
            if isinstance(entry_id, bytes):
                is_public = row.get("provider") == numbers.PUBLIC_PROVIDER
                found.append(StoreEntry(entry_id, str(name or ""), row.get("default") is True, is_public))
        return found

    def open(self, store_id: bytes) -> OpenStore:
        if store_id not in self._opened:
            flags = numbers.NO_DIALOG | numbers.BEST_ACCESS
            target = call(self._session, "OpenMsgStore", 0, store_id, None, flags)
            self._opened[store_id] = OpenStore(target, Names(self.surface))
        return self._opened[store_id]

    def store(self, calendar: str) -> OpenStore:
        """The one that a calendar lies in. Raises CalendarError while the profile has none such."""
        wanted = _bytes(place_of(calendar).store)
        if wanted in self._opened:
            return self._opened[wanted]
        entry = next((entry for entry in self.stores() if self.is_same(entry.id, wanted)), None)
        if entry is None:
            raise CalendarError(NOT_THERE)
        return self.open(entry.id)

    def folder(self, calendar: str) -> Any:
        """Open for whatever is allowed. Raises CalendarError where there is none such."""
        folder_id = _bytes(place_of(calendar).folder)
        try:
            return call(self.store(calendar).target, "OpenEntry", folder_id, None, numbers.BEST_ACCESS)
        except OutlookFault as fault:
            if fault.outcome is Outcome.GONE:
                raise CalendarError(NOT_THERE) from None
            raise

    def message(self, calendar: str, handle: str, flags: int = 0) -> Any:
        """An item of this calendar. What lies in another folder, the deleted items above all, is Outcome.GONE; what
        does not say where it lies is not."""
        store = self.store(calendar)
        message = self.row_message(calendar, handle, flags)
        parent = get(message, numbers.PARENT)
        if not isinstance(parent, bytes):
            raise OutlookFault(Outcome.OTHER)
        if not self.is_same(parent, _bytes(place_of(calendar).folder), store.target):
            raise OutlookFault(Outcome.GONE)
        return message

    def row_message(self, calendar: str, handle: str, flags: int = 0) -> Any:
        """An item that a row of this calendar's table just named."""
        return call(self.store(calendar).target, "OpenEntry", _bytes(handle), None, flags)

    def is_same(self, one: bytes, other: bytes, target: Any = None) -> bool:
        """Ids of one thing need not be equal. `target`: the store of both, if they are not those of stores."""
        try:
            return one == other or bool(call(target or self._session, "CompareEntryIDs", one, other, 0))
        except OutlookFault as fault:
            if fault.outcome is Outcome.GONE:
                return False
            raise


def hex_of(entry_id: bytes) -> str:
    return entry_id.hex().upper()


def _bytes(hex_id: str) -> bytes:
    """Raises CalendarError for what is no id of Outlook's."""
    try:
        return bytes.fromhex(hex_id)
    except ValueError:
        raise CalendarError(NOT_THERE) from None
