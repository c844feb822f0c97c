"""A connection to a running Outlook: its calendars, and items by their ids.

A calendar's id is that of its store and that of its folder, as Outlook gives them. What may be done with a folder is
in its PR_ACCESS, and the object model shows that through PropertyAccessor alone, which is guarded on folders and stores
as well. So rights are told from unguarded members: calendars of the User's own mailboxes and data files are taken to be
bookable until Outlook refuses (and then `calendar` remembers it), other people's and subscriptions are taken not to be,
one whose items cannot be counted is unreadable. Public folders are not searched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dovetail.connector.calendars.port import CalendarError, CalendarInfo
from dovetail.connector.outlook.object_model.automation import Automation
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.protocol.messages import Access

OL_APPOINTMENT_ITEM = 1
OL_FOLDER_DELETED_ITEMS, OL_FOLDER_CALENDAR = 3, 9
_DELEGATE, _PUBLIC = 1, 2
_SUBSCRIBED = ("internet calendars.pst", "sharepoint lists.pst")
_OFFLINE_MODES = frozenset((100, 300))
_DEEPEST = 20

ANOTHERS = "It is another person's: Outlook does not say whether bookings may be written to it."
SUBSCRIPTION = "It is a subscription: what is written to it would be lost."
REFUSED = "Outlook refuses access to it: ask its owner for the right."


@dataclass(frozen=True)
class Place:
    """Where a calendar is."""

    store: str
    folder: str

    @property
    def id(self) -> str:
        return f"{self.store}:{self.folder}"


def place_of(calendar: str) -> Place:
    store, _, folder = calendar.partition(":")
    return Place(store, folder)


class Session:
    """Every method raises OutlookFault. `application`: Outlook's own object, late bound."""

    def __init__(self, com: Automation, application: Any) -> None:
        self._com = com
        self._namespace = com.call(application, "GetNamespace", "MAPI")

    def is_alive(self) -> bool:
        try:
            self._mode()
        except OutlookFault as fault:
            if fault.outcome is Outcome.DEAD:
                return False
            raise
        return True

    def is_offline(self) -> bool:
        """Whether a mailbox without a copy on this PC cannot be reached."""
        return self._mode() in _OFFLINE_MODES

    def folder(self, calendar: str) -> Any:
        place = place_of(calendar)
        try:
            return self._com.call(self._namespace, "GetFolderFromID", place.folder, place.store)
        except OutlookFault as fault:
            if fault.outcome is Outcome.GONE:
                raise CalendarError("This calendar is not in Outlook at the moment.") from None
            raise

    def default_folder(self, kind: int) -> Any:
        """Of the store that new items go to."""
        return self._com.call(self._namespace, "GetDefaultFolder", kind)

    def item(self, calendar: str, entry_id: str) -> Any:
        """An item of this calendar. What lies in another folder, the deleted items above all, is Outcome.GONE."""
        place = place_of(calendar)
        item = self._com.call(self._namespace, "GetItemFromID", entry_id, place.store)
        if not self.is_same(self._com.get(self._com.get(item, "Parent"), "EntryID"), place.folder):
            raise OutlookFault(Outcome.GONE)
        return item

    def is_same(self, one: str, other: str) -> bool:
        """Ids of one thing need not be equal."""
        return one == other or bool(self._com.call(self._namespace, "CompareEntryIDs", one, other))

    def calendars(self) -> list[CalendarInfo]:
        default = self._com.get(self.default_folder(OL_FOLDER_CALENDAR), "EntryID")
        found: list[CalendarInfo] = []
        stores = self._com.get(self._namespace, "Stores")
        for number in range(1, self._com.get(stores, "Count") + 1):
            store = self._com.call(stores, "Item", number)
            try:
                found += self._calendars_of(store, default)
            except OutlookFault as fault:
                if fault.outcome is Outcome.DEAD:
                    raise
        return found

    # ------------------------------------------------------------------------------------------------------------------

    def _mode(self) -> int:
        mode: int = self._com.get(self._namespace, "ExchangeConnectionMode")
        return mode

    def _calendars_of(self, store: Any, default: str) -> Iterator[CalendarInfo]:
        kind = self._com.get(store, "ExchangeStoreType")
        if kind == _PUBLIC:
            return
        access, reason = self._access(store, kind)
        store_id, store_name = self._com.get(store, "StoreID"), self._com.get(store, "DisplayName")
        for folder in self._folders(self._com.call(store, "GetRootFolder"), self._deleted_items(store), _DEEPEST):
            if self._com.get(folder, "DefaultItemType") != OL_APPOINTMENT_ITEM:
                continue
            entry_id, name = self._com.get(folder, "EntryID"), self._com.get(folder, "Name")
            readable, why = self._readable(folder)
            yield CalendarInfo(
                id=Place(store_id, entry_id).id,
                name=f"{name} ({store_name})",
                access=access if readable else Access.UNREADABLE,
                reason=reason if readable else why,
                default=self.is_same(entry_id, default),
            )

    def _access(self, store: Any, kind: int) -> tuple[Access, str]:
        if kind == _DELEGATE:
            return Access.BUSY_ONLY, ANOTHERS
        if str(self._com.get(store, "FilePath") or "").lower().endswith(_SUBSCRIBED):
            return Access.BUSY_ONLY, SUBSCRIPTION
        return Access.BOOKABLE, ""

    def _readable(self, folder: Any) -> tuple[bool, str]:
        try:
            self._com.get(self._com.get(folder, "Items"), "Count")
        except OutlookFault as fault:
            if fault.outcome is Outcome.DEAD:
                raise
            return False, REFUSED if fault.outcome is Outcome.REFUSED else fault.reason
        return True, ""

    def _deleted_items(self, store: Any) -> str:
        try:
            return str(self._com.get(self._com.call(store, "GetDefaultFolder", OL_FOLDER_DELETED_ITEMS), "EntryID"))
        except OutlookFault as fault:
            if fault.outcome is Outcome.DEAD:
                raise
            return ""

    def _folders(self, parent: Any, deleted_items: str, deepest: int) -> Iterator[Any]:
        folders = self._com.get(parent, "Folders")
        for number in range(1, self._com.get(folders, "Count") + 1):
            folder = self._com.call(folders, "Item", number)
            if deleted_items and self.is_same(self._com.get(folder, "EntryID"), deleted_items):
                continue
            yield folder
            if deepest:
                yield from self._folders(folder, deleted_items, deepest - 1)
