"""The objects of a model Outlook, named as Outlook's: mailbox, folders, appointments."""

# ruff: noqa: N802 - the names are Outlook's
from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from connector.outlook import model_store as kept
from connector.outlook.model_recurrence import RecurrencePattern
from connector.outlook.model_store import BODY, CHANGED, FAIL, KEYWORDS, NOT_FOUND, OBJECT_CHANGED, OFFLINE
from connector.outlook.model_table import Table
from connector.outlook.written import Value, Written
from dovetail.connector.outlook.appointment_zone import RECUR, START_DISPLAY
from dovetail.connector.outlook.time_zones import ZoneDefinition, read_zone_definition

if TYPE_CHECKING:
    from connector.outlook.model_outlook import ModelOutlook

START, END, BUSY_STATUS = "PidLidAppointmentStartWhole", "PidLidAppointmentEndWhole", "PidLidBusyStatus"
NO_DATE = datetime(4501, 1, 1, tzinfo=UTC)


class Application:
    def __init__(self, outlook: ModelOutlook) -> None:
        self._outlook = outlook

    def GetNamespace(self, kind: str) -> Any:
        assert kind == "MAPI"
        return self._outlook.present(NameSpace(self._outlook))

    def Quit(self) -> None:
        self._outlook.close()


class NameSpace:
    def __init__(self, outlook: ModelOutlook) -> None:
        self._outlook, self._mailbox = outlook, outlook.mailbox

    @property
    def ExchangeConnectionMode(self) -> int:
        return self._outlook.connection_mode

    @property
    def CurrentProfileName(self) -> str:
        return self._outlook.profile

    def Logon(self, profile: str, password: str, dialog: bool, new_session: bool) -> None:
        assert (password, dialog, new_session) == ("", False, False)
        if not self._outlook.logged_on:
            self._outlook.profile, self._outlook.logged_on = profile, True

    @property
    def Stores(self) -> Any:
        found = [Store(self._outlook, store) for store in self._mailbox.stores]
        return self._outlook.present(Collection(self._outlook, found))

    def GetDefaultFolder(self, kind: int) -> Any:
        store = self._mailbox.stores[0]
        found = {3: store.deleted, 9: store.root.folders[1]}[kind]
        return self._outlook.present(Folder(self._outlook, found))

    def GetFolderFromID(self, entry_id: str, store_id: str) -> Any:
        store = self._reach(store_id)
        folder = next((folder for folder in store.all_folders() if folder.entry_id == entry_id), None)
        if folder is None:
            raise self._outlook.error(NOT_FOUND)
        return self._outlook.present(Folder(self._outlook, folder))

    def GetItemFromID(self, entry_id: str, store_id: str) -> Any:
        store = self._reach(store_id)
        message = self._mailbox.message(self._outlook.lasting_id(entry_id))
        if message is None or message.folder.store is not store:
            raise self._outlook.error(NOT_FOUND)
        return self._outlook.present(self._outlook.opens(message))

    def CompareEntryIDs(self, one: str, other: str) -> bool:
        return one.upper() == other.upper()

    def _reach(self, store_id: str) -> kept.Store:
        store = next((store for store in self._mailbox.stores if store.id == store_id), None)
        if store is None:
            raise self._outlook.error(NOT_FOUND)
        if store.offline:
            raise self._outlook.error(OFFLINE)
        return store


class Collection:
    def __init__(self, outlook: ModelOutlook, members: Sequence[Any]) -> None:
        self._outlook, self._members = outlook, members

    @property
    def Count(self) -> int:
        return len(self._members)

    def Item(self, number: int) -> Any:
        return self._outlook.present(self._members[number - 1])


class Folders(Collection):
    def __init__(self, outlook: ModelOutlook, folder: kept.Folder) -> None:
        super().__init__(outlook, [Folder(outlook, below) for below in folder.folders])
        self._folder = folder

    def Add(self, name: str, kind: int) -> Any:
        assert kind == 9
        if self._folder.refuses:
            raise kept.outlook_error(self._folder.refuses)
        made = self._folder.store.add(name, below=self._folder)
        return self._outlook.present(Folder(self._outlook, made))


class Store:
    def __init__(self, outlook: ModelOutlook, store: kept.Store) -> None:
        self._outlook, self._store = outlook, store
        self.StoreID, self.DisplayName, self.ExchangeStoreType = store.id, store.name, store.kind
        self.FilePath = store.file_path

    def GetRootFolder(self) -> Any:
        return self._outlook.present(Folder(self._outlook, self._store.root))

    def GetDefaultFolder(self, kind: int) -> Any:
        assert kind == 3
        return self._outlook.present(Folder(self._outlook, self._store.deleted))


class Folder:
    def __init__(self, outlook: ModelOutlook, folder: kept.Folder) -> None:
        self._outlook, self.kept = outlook, folder
        self.EntryID, self.Name, self.DefaultItemType = folder.entry_id, folder.name, folder.item_type
        self.StoreID = folder.store.id

    @property
    def Folders(self) -> Any:
        return self._outlook.present(Folders(self._outlook, self.kept))

    def Delete(self) -> None:
        """To the deleted items; from there for good."""
        deleted = self.kept.store.deleted
        parent = self.kept.parent()
        parent.folders.remove(self.kept)
        if parent is not deleted:
            deleted.folders.append(self.kept)

    @property
    def Items(self) -> Any:
        return self._outlook.present(Items(self._outlook, self.kept))

    def GetTable(self, where: str = "") -> Any:
        self._must_be_readable()
        return self._outlook.present(Table(self._outlook, self.kept, where))

    def _must_be_readable(self) -> None:
        if self.kept.unreadable:
            raise self._outlook.error(self.kept.unreadable)


class Items:
    def __init__(self, outlook: ModelOutlook, folder: kept.Folder) -> None:
        self._outlook, self.kept = outlook, folder

    @property
    def Count(self) -> int:
        if self.kept.unreadable:
            raise kept.outlook_error(self.kept.unreadable)
        return len(self.kept.messages) if self.kept.counts_all else len(self.kept.seen())

    def Add(self, kind: int) -> Any:
        assert kind == 1
        return self._outlook.present(AppointmentItem(self._outlook, self.kept, None))


class AppointmentItem:
    """A working copy of what is kept, until it is saved."""

    def __init__(self, outlook: ModelOutlook, folder: kept.Folder, message: kept.Message | None) -> None:
        self._outlook, self._folder, self._message = outlook, folder, message
        now = outlook.mailbox.time.replace(second=0, microsecond=0)
        new: Written = {
            "PidTagMessageClass": "IPM.Appointment",
            START: now,
            END: now + timedelta(minutes=30),
            BUSY_STATUS: 2,
            "PidLidReminderSet": True,
            "PidLidReminderDelta": 15,
            "PidLidAppointmentStateFlags": 0,
            START_DISPLAY: ZoneDefinition(outlook.mailbox.zone_id, ()).to_bytes(),
        }
        self.working: Written = dict(message.properties) if message else new
        self.user = dict(message.user) if message else {}
        self._saves = message.saves if message else 0
        self.fails = False

    # --- times

    @property
    def StartUTC(self) -> datetime:
        return self._time(START)

    @StartUTC.setter
    def StartUTC(self, value: datetime) -> None:
        length = self._time(END) - self._time(START)
        self.working[START] = _digits_of(value)
        self.working[END] = _digits_of(value) + length

    @property
    def EndUTC(self) -> datetime:
        return self._time(END)

    @EndUTC.setter
    def EndUTC(self, value: datetime) -> None:
        self.working[END] = _digits_of(value)

    @property
    def Start(self) -> datetime:
        return self._outlook.tagged(self._time(START))

    @property
    def End(self) -> datetime:
        return self._outlook.tagged(self._time(END))

    @property
    def LastModificationTime(self) -> datetime:
        value = self.working.get(CHANGED)
        return self._outlook.tagged(value) if isinstance(value, datetime) else NO_DATE

    @property
    def CreationTime(self) -> datetime:
        return self.LastModificationTime

    @property
    def StartTimeZone(self) -> Any:
        blob = self._get(START_DISPLAY) or self._get(RECUR)
        return self._outlook.present(TimeZone(read_zone_definition(blob, RECUR).name)) if blob else None

    # --- texts and numbers

    @property
    def Subject(self) -> str:
        return str(self._get("PidTagSubject") or "")

    @Subject.setter
    def Subject(self, value: str) -> None:
        self.working["PidTagSubject"] = self._line(value)

    @property
    def Location(self) -> str:
        return str(self._get("PidLidLocation") or "")

    @Location.setter
    def Location(self, value: str) -> None:
        self.working["PidLidLocation"] = self._line(value)

    @property
    def Body(self) -> str:
        return str(self.working.get(BODY, ""))

    @Body.setter
    def Body(self, value: str) -> None:
        self.working[BODY] = value

    @property
    def BusyStatus(self) -> int:
        return int(self._get(BUSY_STATUS) or 0)  # type: ignore[arg-type]

    @BusyStatus.setter
    def BusyStatus(self, value: int) -> None:
        self.working[BUSY_STATUS] = value

    @property
    def AllDayEvent(self) -> bool:
        return bool(self._get("PidLidAppointmentSubType"))

    @property
    def IsRecurring(self) -> bool:
        return bool(self.working.get("PidLidRecurring"))

    @property
    def MessageClass(self) -> str:
        return str(self.working["PidTagMessageClass"])

    @property
    def Categories(self) -> str:
        return str(self.working.get(KEYWORDS, ""))

    # --- the item itself

    @property
    def EntryID(self) -> str:
        return self._message.entry_id if self._message else ""

    @property
    def Parent(self) -> Any:
        return self._outlook.present(Folder(self._outlook, self._message.folder if self._message else self._folder))

    @property
    def UserProperties(self) -> Any:
        return self._outlook.present(UserProperties(self._outlook, self))

    def GetRecurrencePattern(self) -> Any:
        """Asked of a single appointment, it makes it recur."""
        self.working["PidLidRecurring"] = True
        assert self._message is not None
        return self._outlook.present(RecurrencePattern(self._outlook, self._message, self.working))

    def Save(self) -> None:
        if self._folder.refuses:
            raise kept.outlook_error(self._folder.refuses)
        mailbox = self._outlook.mailbox
        if self._message is None:
            self._message = mailbox.add(self._folder, self.working, self.user)
        elif self._message.saves != self._saves:
            raise self._outlook.error(OBJECT_CHANGED)
        else:
            self._message.properties, self._message.user = dict(self.working), dict(self.user)
            mailbox.saved(self._message)
        self._saves = self._message.saves
        self._outlook.history.append((self._message.entry_id, dict(self.user)))

    def Delete(self) -> None:
        if self._folder.refuses:
            raise kept.outlook_error(self._folder.refuses)
        assert self._message is not None
        if self._message.saves != self._saves:
            raise self._outlook.error(OBJECT_CHANGED)
        if self._message.folder is self._message.folder.store.deleted:
            del self._message.folder.messages[self._message.entry_id]
        else:
            self._outlook.mailbox.delete(self._message)

    def _get(self, name: str) -> Value | None:
        if self.fails:
            raise self._outlook.error(FAIL)
        return self.working.get(name)

    def _line(self, text: str) -> str:
        """One line of at most 255 UTF-16 units."""
        if len(text.encode("utf-16-le")) > 510 or len(text.splitlines()) > 1:
            raise self._outlook.error(FAIL)
        return text.strip()

    def _time(self, name: str) -> datetime:
        value = self.working.get(name)
        return value if isinstance(value, datetime) else NO_DATE


class TimeZone:
    def __init__(self, name: str | None) -> None:
        self.ID = name


class UserProperties:
    def __init__(self, outlook: ModelOutlook, item: AppointmentItem) -> None:
        self._outlook, self._item = outlook, item

    @property
    def Count(self) -> int:
        return len(self._item.user)

    def Item(self, number: int) -> Any:
        return self._outlook.present(UserProperty(self._item, list(self._item.user)[number - 1]))

    def Add(self, name: str, kind: int, to_folder_fields: bool) -> Any:
        assert (kind, to_folder_fields) == (1, False)
        self._item.user[name] = ""
        return self._outlook.present(UserProperty(self._item, name))


class UserProperty:
    def __init__(self, item: AppointmentItem, name: str) -> None:
        self._item, self.Name = item, name

    @property
    def Value(self) -> str:
        return self._item.user[self.Name]

    @Value.setter
    def Value(self, value: str) -> None:
        self._item.user[self.Name] = value


def _digits_of(value: datetime) -> datetime:
    """As pywin32 hands over any datetime: turned to UTC; Outlook keeps whole minutes."""
    return value.astimezone(UTC).replace(second=0, microsecond=0)
