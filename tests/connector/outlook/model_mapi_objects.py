"""The objects of a model MAPI, named as MAPI's: session, stores, folders, messages, streams."""

# ruff: noqa: N802 - the names are MAPI's
from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from connector.outlook import model_mapi_values as values
from connector.outlook import model_store as kept
from connector.outlook.model_mapi_table import Table
from connector.outlook.model_mapi_values import binary, long, unsigned
from connector.outlook.written import Value, Written

if TYPE_CHECKING:
    from connector.outlook.model_mapi import ModelMapi

MODIFY, BEST_ACCESS, CREATE, KEEP_OPEN = 0x1, 0x10, 0x2, 0x2
_NAME, _ENTRY_ID, _CLASS, _FOLDER_TYPE = 0x3001001F, 0x0FFF0102, 0x3613001F, 0x36010003
_DEFAULT_STORE, _PROVIDER, _SUPPORT, _PATH = 0x3400000B, 0x34140102, 0x340D0003, 0x6700001F
_SUBTREE, _WASTEBASKET, _CALENDAR, _COUNT, _ACCESS = 0x35E00102, 0x35E30102, 0x36D00102, 0x36020003, 0x0FF40003
_ATTACH_NUMBER, _ATTACH_METHOD, _ATTACHED = 0x0E210003, 0x37050003, 0x3701000D
_PROVIDERS = {
    0: bytes.fromhex("5494A1C0297F101BA58708002B2A2517"),
    1: bytes.fromhex("9EB4770074E411CE8C5E00AA004254E2"),
    2: bytes.fromhex("78B2FA70AFF711CD9BC800AA002FC45A"),
}


class Props:
    """IMAPIProp."""

    def __init__(self, model: ModelMapi) -> None:
        self._model = model

    def value(self, tag: int) -> Value | None:
        raise NotImplementedError

    def store(self) -> kept.Store:
        raise NotImplementedError

    def GetProps(self, tags: Sequence[int], flags: int) -> tuple[int, tuple[tuple[int, object], ...]]:
        long(flags)
        most = self._model.most_in_getprops
        found = tuple(values.out_of_mapi(unsigned(tag), self.value(tag), most, cuts=False) for tag in tags)
        return (0x40380 if any(tag & 0xFFFF == values.ERROR for tag, _ in found) else 0), found

    def GetIDsFromNames(self, names: Sequence[tuple[Any, int | str]], flags: int) -> tuple[int, ...]:
        """For a name that it does not know it gives an id of zero, and no error."""
        known = self._model.names(self.store())
        ids = (known.id_of((guid.uuid, name), create=flags & CREATE != 0) for guid, name in names)
        return tuple(0x0000000A if number is None else number << 16 for number in ids)


class Session:
    def __init__(self, model: ModelMapi) -> None:
        self._model = model

    def GetMsgStoresTable(self, flags: int) -> Any:
        long(flags)
        stores = self._model.mailbox.stores
        return self._model.present(Table(self._model, [partial(self._cell, store) for store in stores]))

    def _cell(self, store: kept.Store, tag: int) -> Value | None:
        return {
            _ENTRY_ID: bytes.fromhex(store.id),
            _NAME: store.name,
            _DEFAULT_STORE: store is self._model.mailbox.stores[0],
            _PROVIDER: _PROVIDERS.get(store.kind, bytes(16)),
        }.get(tag)

    def OpenMsgStore(self, window: int, entry_id: bytes, iid: None, flags: int) -> Any:
        long(flags)
        wanted = binary(entry_id).hex().upper()
        store = next((store for store in self._model.mailbox.stores if store.id == wanted), None)
        if store is None:
            raise values.mapi_error(values.NOT_FOUND)
        self._model.must_be_online(store)
        return self._model.present(MsgStore(self._model, store))

    def CompareEntryIDs(self, one: bytes, other: bytes, flags: int) -> int:
        return int(binary(one) == binary(other))

    def Logoff(self, window: int, flags: int, reserved: int) -> None:
        assert (window, reserved) == (0, 0)


class MsgStore(Props):
    def __init__(self, model: ModelMapi, store: kept.Store) -> None:
        super().__init__(model)
        self._store = store

    def store(self) -> kept.Store:
        return self._store

    def value(self, tag: int) -> Value | None:
        return {
            _SUBTREE: bytes.fromhex(self._store.root.entry_id),
            _WASTEBASKET: bytes.fromhex(self._store.deleted.entry_id) if self._model.keeps_deleted else None,
            _SUPPORT: 0x2 if self._store in self._model.read_only else 0x118,
            _PATH: None if values.is_exchange(self._store) else self._store.file_path,
        }.get(tag)

    def GetReceiveFolder(self, message_class: str, flags: int) -> tuple[bytes, bytes]:
        return bytes.fromhex(self._store.root.entry_id), b"IPM.Note"

    def CompareEntryIDs(self, one: bytes, other: bytes, flags: int) -> int:
        return int(self._model.lasting(binary(one)) == self._model.lasting(binary(other)))

    def OpenEntry(self, entry_id: bytes | None, iid: None, flags: int) -> Any:
        long(flags)
        self._model.must_be_online(self._store)
        wanted = self._model.lasting(binary(entry_id)) if entry_id is not None else self._store.root.entry_id
        for folder in (self._store.root, *self._store.all_folders()):
            if folder.entry_id == wanted:
                if folder.unreadable:
                    raise values.mapi_error(folder.unreadable)
                return self._model.present(Folder(self._model, folder))
            if wanted in folder.messages:
                message = folder.messages[wanted]
                return self._model.present(Message(self._model, folder, message, flags & (MODIFY | BEST_ACCESS) != 0))
        raise values.mapi_error(values.NOT_FOUND)


class Folder(Props):
    def __init__(self, model: ModelMapi, folder: kept.Folder) -> None:
        super().__init__(model)
        self.kept = folder

    def store(self) -> kept.Store:
        return self.kept.store

    def value(self, tag: int) -> Value | None:
        default = self._model.mailbox.stores[0].root
        return {
            _COUNT: len(self.kept.messages) if self.kept.counts_all else len(self.kept.seen()),
            _ACCESS: self._model.rights.get(self.kept.entry_id, 0x3F),
            _CALENDAR: bytes.fromhex(default.folders[1].entry_id) if self.kept is default else None,
        }.get(tag)

    def GetHierarchyTable(self, flags: int) -> Any:
        long(flags)
        return self._model.present(Table(self._model, [partial(self._row, below) for below in self.kept.folders]))

    def _row(self, below: kept.Folder, tag: int) -> Value | None:
        return {
            _ENTRY_ID: bytes.fromhex(below.entry_id),
            _NAME: below.name,
            _CLASS: "IPF.Appointment" if below.item_type == 1 else "IPF.Note",
            _FOLDER_TYPE: 2 if below.entry_id in self._model.search_folders else 1,
        }.get(tag)

    def GetContentsTable(self, flags: int) -> Any:
        long(flags)
        names, model = self._model.names(self.kept.store), self._model

        def cell(message: kept.Message, tag: int) -> Value | None:
            if tag == _ENTRY_ID and self.kept.store.short_term_ids:
                return model.short_id(message)
            if tag >> 16 == 0x6670 and (model.hides_lasting_ids or not self.kept.store.short_term_ids):
                return None
            return values.value_of(names, message, message.properties, message.user, tag, 7)

        rows = [partial(cell, message) for message in self.kept.seen()]
        return model.present(Table(model, rows, self.kept.listeners))

    def CreateMessage(self, iid: None, flags: int) -> Any:
        assert flags == 0
        if not self._model.rights.get(self.kept.entry_id, 0x3F) & 0x10:
            raise values.mapi_error(values.NO_ACCESS)
        return self._model.present(Message(self._model, self.kept, None, writable=True))

    def CopyMessages(
        self, entry_ids: Sequence[bytes], iid: None, to: Any, window: int, progress: None, flags: int
    ) -> int | None:
        """Moves. What is not there any more is left out, and said to be so in a success."""
        assert (window, progress, flags) == (0, None, 1)
        found = [self.kept.messages.get(self._model.lasting(binary(entry_id))) for entry_id in entry_ids]
        for message in found:
            if message is not None:
                self._model.mailbox.move(message, to.target.kept)
        return 263808 if None in found else None

    def DeleteMessages(self, entry_ids: Sequence[bytes], window: int, progress: None, flags: int) -> int | None:
        """For good."""
        assert (window, progress, flags) == (0, None, 0)
        found = [self.kept.messages.pop(self._model.lasting(binary(entry_id)), None) for entry_id in entry_ids]
        self._model.mailbox.tell(self.kept)
        return 263808 if None in found else None


class Message(Props):
    """A working copy of what is kept, until it is saved."""

    def __init__(
        self,
        model: ModelMapi,
        folder: kept.Folder,
        message: kept.Message | None,
        writable: bool,
        inside: Written | None = None,
    ) -> None:
        super().__init__(model)
        self._folder, self._message, self._writable = folder, message, writable
        self.working: Written = dict(message.properties if message else inside or {})
        self.user = dict(message.user) if message else {}
        self._saves = message.saves if message else 0
        self._is_open = True

    def store(self) -> kept.Store:
        return self._folder.store

    def value(self, tag: int) -> Value | None:
        if not self._is_open:
            raise values.mapi_error(values.INVALID_OBJECT)
        if self._message is not None and self._message.broken and tag != 0x0E090102:
            raise values.mapi_error(values.CORRUPT_DATA)
        rights = self._model.rights.get(self._message.entry_id, 7) if self._message else 7
        names = self._model.names(self._folder.store)
        return values.value_of(names, self._message, self.working, self.user, tag, rights)

    def SetProps(self, pairs: Sequence[tuple[int, object]]) -> tuple[int, None]:
        self._must_be_writable()
        for tag, value in pairs:
            taken = values.into_mapi(tag, value)
            if isinstance(taken, (str, bytes)) and len(taken) > self._model.most_in_setprops:
                raise values.mapi_error(values.NOT_ENOUGH_MEMORY)
            self._keep(tag, taken)
        return 0, None

    def OpenProperty(self, tag: int, iid: Any, options: int, flags: int) -> Any:
        assert iid is self._model.surface.stream
        if flags & MODIFY:
            self._must_be_writable()
            return self._model.present(Stream(b"", partial(self._commit, unsigned(tag))))
        value = self.value(unsigned(tag))
        if not isinstance(value, (str, bytes)):
            raise values.mapi_error(values.NOT_FOUND)
        return self._model.present(Stream(value if isinstance(value, bytes) else value.encode("utf-16-le"), None))

    def GetAttachmentTable(self, flags: int) -> Any:
        attached = self._model.attached.get(self._message.entry_id, []) if self._message else []
        rows = [{_ATTACH_NUMBER: 10 + at, _ATTACH_METHOD: 5 if one else 1}.get for at, one in enumerate(attached)]
        return self._model.present(Table(self._model, rows))

    def OpenAttach(self, number: int, iid: None, flags: int) -> Any:
        assert self._message is not None
        inside = self._model.attached[self._message.entry_id][long(number) - 10]
        return self._model.present(Attach(self._model, self._folder, inside))

    def SaveChanges(self, flags: int) -> None:
        self._must_be_writable()
        if self._folder.refuses:
            raise values.mapi_error(self._folder.refuses)
        mailbox = self._model.mailbox
        values.define(self.working, self.user)
        if self._message is None:
            self._message = mailbox.add(self._folder, self.working, self.user)
        elif self._message.entry_id not in self._message.folder.messages:
            raise values.mapi_error(values.OBJECT_DELETED)
        elif self._message.saves != self._saves:
            raise values.mapi_error(values.OBJECT_CHANGED)
        else:
            self._message.properties, self._message.user = dict(self.working), dict(self.user)
            mailbox.saved(self._message)
        self._saves = self._message.saves
        self._is_open = flags & KEEP_OPEN != 0
        self._model.history.append((dict(self.working), dict(self.user)))

    def _keep(self, tag: int, value: Value) -> None:
        values.keep(self._model.names(self._folder.store), self.working, self.user, tag, value)

    def _commit(self, tag: int, data: bytes) -> None:
        self._keep(tag, data.decode("utf-16-le") if tag & 0xFFFF == values.UNICODE else data)

    def _must_be_writable(self) -> None:
        if not self._is_open:
            raise values.mapi_error(values.INVALID_OBJECT)
        if not self._writable:
            raise values.mapi_error(values.NO_ACCESS)


class Attach:
    def __init__(self, model: ModelMapi, folder: kept.Folder, inside: Written) -> None:
        self._model, self._folder, self._inside = model, folder, inside

    def OpenProperty(self, tag: int, iid: Any, options: int, flags: int) -> Any:
        assert (tag, iid) == (_ATTACHED, self._model.IID_IMessage)
        return self._model.present(Message(self._model, self._folder, None, False, self._inside))


class Stream:
    def __init__(self, data: bytes, commit: Any) -> None:
        self._data, self._at, self._commit = data, 0, commit

    def Read(self, number: int) -> bytes:
        assert number > 0
        block = self._data[self._at : self._at + number]
        self._at += len(block)
        return block

    def Write(self, data: bytes) -> None:
        self._data += binary(data)

    def Commit(self, flags: int) -> None:
        self._commit(self._data)
