"""What a model Outlook keeps: stores, folders, and appointments as MAPI properties with real binary blobs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from itertools import count
from zoneinfo import ZoneInfo

from connector.outlook.written import Written

CALL_REJECTED, RETRY_LATER = 0x80010001, 0x8001010A
SERVER_UNAVAILABLE, DISCONNECTED = 0x800706BA, 0x80010108
NOT_FOUND, OBJECT_CHANGED, OFFLINE, TOO_BIG = 0x8004010F, 0x80040109, 0x80040126, 0x80040305
ACCESS_DENIED, ABORT, FAIL = 0x80070005, 0x80004004, 0x80004005
_DISP_E_EXCEPTION = 0x80020009

BODY, KEYWORDS = "PidTagBody", "PidNameKeywords"
CHANGED = "PidTagLastModificationTime"


class ComError(Exception):
    """As pythoncom.com_error: (hresult, text, excepinfo, argerr), numbers signed."""

    def __init__(self, hresult: int, text: str, excepinfo: tuple[object, ...] | None = None) -> None:
        super().__init__(_signed(hresult), text, excepinfo, None)
        self.hresult, self.strerror, self.excepinfo, self.argerror = _signed(hresult), text, excepinfo, None


def transport_error(code: int) -> ComError:
    return ComError(code, "Der RPC-Server ist nicht verfügbar.")


def outlook_error(code: int, *, scrambled: bool = False) -> ComError:
    """One that is raised inside Outlook; it mixes up the high bits of its own codes."""
    code = 0xAF540000 | code & 0xFFFF if scrambled else code
    told = (4096, "Microsoft Outlook", "Das Element „Oncologist, second opinion“ …", None, 0, _signed(code))
    return ComError(_DISP_E_EXCEPTION, "Ausnahmefehler aufgetreten.", told)


def _signed(code: int) -> int:
    return code - (1 << 32) if code >= 1 << 31 else code


@dataclass(eq=False)
class Message:
    entry_id: str
    folder: Folder
    properties: Written
    user: dict[str, str] = field(default_factory=dict)  # text properties in PS_PUBLIC_STRINGS
    saves: int = 0
    broken: bool = False
    lost_exceptions: bool = False  # exceptions whose embedded messages cannot be opened


@dataclass(eq=False)
class Folder:
    entry_id: str
    name: str
    store: Store
    item_type: int = 1
    folders: list[Folder] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    shows: int | None = None  # how many rows Outlook admits to, without an error; None: all
    counts_all: bool = False  # its Items still know how many there are
    refuses: int = 0  # the code with which it refuses writes
    unreadable: int = 0
    listeners: list[Callable[[], None]] = field(default_factory=list)

    def parent(self) -> Folder:
        every = (self.store.root, *self.store.all_folders())
        return next(folder for folder in every if self in folder.folders)

    def seen(self) -> list[Message]:
        return list(self.messages.values())[: self.shows]


@dataclass(eq=False)
class Store:
    id: str
    name: str
    kind: int = 3  # OlExchangeStoreType: not Exchange
    file_path: str = "C:\\Users\\ada\\archive.pst"
    short_term_ids: bool = False
    offline: bool = False
    root: Folder = field(init=False)
    deleted: Folder = field(init=False)

    def __post_init__(self) -> None:
        self.root = Folder(new_id(), "Root", self, item_type=0)
        self.deleted = self.add("Deleted Items", item_type=0)

    def add(self, name: str, *, item_type: int = 1, below: Folder | None = None) -> Folder:
        folder = Folder(new_id(), name, self, item_type)
        (below or self.root).folders.append(folder)
        return folder

    def all_folders(self, below: Folder | None = None) -> Iterator[Folder]:
        for folder in (below or self.root).folders:
            yield folder
            yield from self.all_folders(folder)


def new_id() -> str:
    """An entry id as the object model tells it."""
    return secrets.token_hex(70).upper()


class Mailbox:
    """Everything on disk, and a clock. `local`: the zone of the PC."""

    def __init__(self, local: tzinfo = ZoneInfo("Europe/Berlin"), zone_id: str = "W. Europe Standard Time") -> None:
        self.local, self.zone_id = local, zone_id
        self.time = datetime(2027, 2, 1, 12, 0, 20, tzinfo=UTC)
        self.stores: list[Store] = []
        self.session = count(1)
        self._in_bulk = False

    def add_store(self, name: str, kind: int = 3, file_path: str = "C:\\Users\\ada\\archive.pst") -> Store:
        self.stores.append(Store(new_id(), name, kind, file_path))
        return self.stores[-1]

    def message(self, entry_id: str) -> Message | None:
        for store in self.stores:
            for folder in store.all_folders():
                if entry_id in folder.messages:
                    return folder.messages[entry_id]
        return None

    def folder(self, entry_id: str) -> Folder | None:
        folders = (folder for store in self.stores for folder in store.all_folders())
        return next((folder for folder in folders if folder.entry_id == entry_id), None)

    def add(self, folder: Folder, properties: Written, user: dict[str, str] | None = None) -> Message:
        message = Message(new_id(), folder, dict(properties), dict(user or {}))
        folder.messages[message.entry_id] = message
        self.saved(message)
        return message

    def saved(self, message: Message) -> None:
        """The clock of changes is coarse: whole minutes."""
        message.properties[CHANGED] = self.time.replace(second=0, microsecond=0)
        message.saves += 1
        self.tell(message.folder)

    def copy(self, message: Message, to: Folder) -> Message:
        """All goes along: user properties, search key, global object id."""
        return self.add(to, message.properties, message.user)

    def delete(self, message: Message) -> None:
        """To the deleted items, where it can be opened by the same id."""
        self.move(message, message.folder.store.deleted)

    def move(self, message: Message, to: Folder) -> None:
        before = message.folder
        del before.messages[message.entry_id]
        message.folder = to
        to.messages[message.entry_id] = message
        self.tell(before)
        self.tell(to)

    @contextmanager
    def bulk(self) -> Iterator[None]:
        """Much at once: Outlook raises no events for it."""
        self._in_bulk = True
        try:
            yield
        finally:
            self._in_bulk = False

    def tell(self, folder: Folder) -> None:
        if self._in_bulk:
            return
        for listener in tuple(folder.listeners):
            listener()
