"""The calendars of a profile, and what may be done with them, by the rights that each folder tells (PR_ACCESS)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dovetail.connector.calendars.port import CalendarInfo
from dovetail.connector.outlook.extended_mapi import numbers
from dovetail.connector.outlook.extended_mapi.calls import call
from dovetail.connector.outlook.extended_mapi.session import ENTRY_ID, OpenStore, Session, StoreEntry, hex_of
from dovetail.connector.outlook.extended_mapi.tables import rows_of
from dovetail.connector.outlook.extended_mapi.values import get
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.connector.outlook.object_model.session import REFUSED, SUBSCRIPTION, Place
from dovetail.connector.outlook.properties import PROPERTIES, Value
from dovetail.protocol.messages import Access

_ACCESS, _CALENDAR = PROPERTIES["PidTagAccess"].tag, PROPERTIES["PidTagIpmAppointmentEntryId"].tag
_COLUMNS = {
    "id": ENTRY_ID,
    "name": numbers.NAME,
    "class": PROPERTIES["PidTagContainerClass"].tag,
    "type": numbers.FOLDER_TYPE,
}
_SUBSCRIBED = ("internet calendars.pst", "sharepoint lists.pst")
_DEEPEST = 20

ONLY_READ = "You may look at it, but not write to it: ask its owner for the right."
READ_ONLY_STORE = "Its mailbox or data file is open for reading only."


def list_calendars(session: Session) -> list[CalendarInfo]:
    """Those of all stores that can be opened; public folders are not searched. Raises OutlookFault."""
    found: list[CalendarInfo] = []
    for entry in session.stores():
        if entry.is_public:
            continue
        try:
            found += _of_store(session, entry)
        except OutlookFault as fault:
            if fault.outcome is Outcome.DEAD:
                raise
    return found


def _of_store(session: Session, entry: StoreEntry) -> Iterator[CalendarInfo]:
    store = session.open(entry.id)
    default = _default_calendar(store) if entry.is_default else None
    for row in _folders(session, store):
        folder_id = row["id"]
        assert isinstance(folder_id, bytes)
        access, reason = _access(store, folder_id)
        yield CalendarInfo(
            id=Place(hex_of(entry.id), hex_of(folder_id)).id,
            name=f"{_text(row.get('name'))} ({entry.name})",
            access=access,
            reason=reason,
            default=default is not None and session.is_same(folder_id, default, store.target),
        )


def _access(store: OpenStore, folder_id: bytes) -> tuple[Access, str]:
    """A folder that does not tell its rights is taken to be bookable until it refuses."""
    try:
        rights = get(call(store.target, "OpenEntry", folder_id, None, numbers.BEST_ACCESS), _ACCESS)
    except OutlookFault as fault:
        if fault.outcome is Outcome.DEAD:
            raise
        return Access.UNREADABLE, REFUSED if fault.outcome is Outcome.REFUSED else fault.reason
    if isinstance(rights, int) and not rights & numbers.MAY_READ:
        return Access.UNREADABLE, REFUSED
    if _is_subscription(store):
        return Access.BUSY_ONLY, SUBSCRIPTION
    if _is_read_only(store):
        return Access.BUSY_ONLY, READ_ONLY_STORE
    if isinstance(rights, int) and not rights & numbers.MAY_CREATE_CONTENTS:
        return Access.BUSY_ONLY, ONLY_READ
    return Access.BOOKABLE, ""


def _is_subscription(store: OpenStore) -> bool:
    return _text(get(store.target, numbers.DATA_FILE_PATH)).lower().endswith(_SUBSCRIBED)


def _is_read_only(store: OpenStore) -> bool:
    support = get(store.target, numbers.STORE_SUPPORT)
    return isinstance(support, int) and (
        bool(support & numbers.STORE_READ_ONLY) or not support & numbers.STORE_MODIFY_OK
    )


def _default_calendar(store: OpenStore) -> bytes | None:
    """Outlook notes it on the inbox, and on the root folder."""
    for find in (_inbox, lambda _: None):
        try:
            found = get(call(store.target, "OpenEntry", find(store), None, numbers.BEST_ACCESS), _CALENDAR)
        except OutlookFault as fault:
            if fault.outcome is Outcome.DEAD:
                raise
            continue
        if isinstance(found, bytes):
            return found
    return None


def _text(value: Value | None) -> str:
    return value if isinstance(value, str) else ""


def _inbox(store: OpenStore) -> bytes:
    entry_id, _ = call(store.target, "GetReceiveFolder", "IPM.Note", 0)
    found: bytes = entry_id
    return found


def _folders(session: Session, store: OpenStore) -> Iterator[dict[str, Value]]:
    """Calendars among the folders that the User sees, those thrown away left out."""
    wastebasket = get(store.target, numbers.WASTEBASKET)
    top = call(store.target, "OpenEntry", get(store.target, numbers.SUBTREE), None, numbers.BEST_ACCESS)
    yield from _below(session, store, top, wastebasket, _DEEPEST)


def _below(session: Session, store: OpenStore, parent: Any, wastebasket: object, deepest: int) -> Iterator[Any]:
    for row in list(rows_of(call(parent, "GetHierarchyTable", numbers.UNICODE), _COLUMNS)):
        folder_id = row.get("id")
        if not isinstance(folder_id, bytes) or row.get("type") == numbers.SEARCH_FOLDER:
            continue
        if isinstance(wastebasket, bytes) and session.is_same(folder_id, wastebasket, store.target):
            continue
        if _text(row.get("class")).lower().startswith("ipf.appointment"):
            yield row
        if deepest:
            try:
                folder = call(store.target, "OpenEntry", folder_id, None, numbers.BEST_ACCESS)
            except OutlookFault as fault:
                if fault.outcome is Outcome.DEAD:
                    raise
                continue
            yield from _below(session, store, folder, wastebasket, deepest - 1)
