"""A model of pywin32's Extended MAPI over the same mailbox that the model Outlook presents, with its documented traps.

Reproduced: missing properties as errors in their place, ids per store and unknown names without an error, short-term
ids in tables, columns cut at 255, values that GetProps and SetProps refuse, texts cut at NUL, milliseconds, bytes and
nothing like them, signed flags, unsigned tags, signed tags in sort orders, FindRow's garbage, slices shorter than asked
for, tables that are empty or end early without an error, conflicts and closed objects, errors in mid-scan, copies that
keep the stamp, notifications on another thread, late or lost, and sinks that end the process when they are let go.

Every call is in `log`, as interface and method.
"""

# ruff: noqa: N802 - the names are MAPI's
from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from connector.outlook import model_mapi_values as values
from connector.outlook.model_mapi_objects import Session
from connector.outlook.model_mapi_values import StoreNames, mapi_error
from connector.outlook.model_store import Mailbox, Message, Store
from connector.outlook.written import Written
from dovetail.connector.outlook.extended_mapi.surface import Surface

_NOTIFYING = "model-mapi-notifies"


@dataclass(frozen=True)
class Guid:
    """As pywintypes.IID makes one."""

    text: str

    @property
    def uuid(self) -> UUID:
        assert self.text[0] + self.text[-1] == "{}"
        return UUID(self.text)


class Interface:
    """What pywin32 hands out: methods by name, all their arguments by position."""

    def __init__(self, model: ModelMapi, target: Any) -> None:
        self.model, self.target = model, target

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.target, name)
        if not callable(found) or not name[0].isupper():
            return found

        def method(*arguments: object) -> Any:
            self.model.called(type(self.target).__name__, name)
            return found(*arguments)

        return method


class Sink:
    """Dropped, it drops its callback and context without the interpreter's lock."""

    def __init__(self, callback: Callable[[Any, Any], None], context: Any, dropped: list[str]) -> None:
        self.callback, self.context, self._dropped = callback, context, dropped

    def __del__(self) -> None:
        self._dropped.append("Fatal Python error: PyThreadState_Get")


class ModelMapi:
    """`surface` is what a program is given."""

    IID_IMessage = Guid("{00020307-0000-0000-C000-000000000046}")

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.log: list[tuple[str, str]] = []
        self.history: list[tuple[Written, dict[str, str]]] = []  # of each save: its properties and fields
        self.logons: list[tuple[str, int]] = []
        self.profiles = {"", "Outlook"}
        self.away = 0  # the code with which everything fails
        self.fails_in: int | None = None
        self.fails_with = values.NETWORK_ERROR
        self.most_in_getprops, self.most_in_setprops = 16_384, 32_768
        self.cannot_restrict = False
        self.keeps_deleted = True
        self.hides_lasting_ids = False
        self.loses_rows_after: int | None = None
        self.rights: dict[str, int] = {}  # PR_ACCESS by entry id
        self.read_only: list[Store] = []
        self.search_folders: set[str] = set()
        self.attached: dict[str, list[Written]] = {}  # by entry id: messages inside; an empty one is a file
        self.loses_notifications, self.late = False, 0.0
        self.meanwhile: dict[tuple[str, str], Callable[[], None]] = {}  # another program's doing, before the next call
        self.dropped: list[str] = []
        self.called_back: list[str] = []
        self._names: dict[str, StoreNames] = {}
        self._short: dict[bytes, str] = {}  # good for one session
        self._shortened: dict[str, bytes] = {}
        self.surface = Surface(Interface(self, self), Guid("{0000000C-0000-0000-C000-000000000046}"), Guid)

    # --- functions of the module ------------------------------------------------------------------------------------

    def MAPIInitialize(self, init: tuple[int, int]) -> None:
        assert init == (0, 1)

    def MAPILogonEx(self, window: int, profile: str, password: None, flags: int) -> Any:
        assert (window, password) == (0, None)
        assert isinstance(profile, str)
        assert values.long(flags) & 0x20
        assert not flags & 0x9, "a dialogue, or a session that others share"
        self.logons.append((profile, flags))
        if profile not in self.profiles:
            raise mapi_error(values.LOGON_FAILED)
        self._short.clear()
        self._shortened.clear()
        return self.present(Session(self))

    def HrAllocAdviseSink(self, callback: Callable[[Any, Any], None], context: Any) -> Sink:
        """What another part of the program does not keep for ever, the sink's end takes along."""
        assert getattr(sys.modules[callback.__module__], callback.__name__, None) is callback
        assert type(context) is str
        return Sink(callback, context, self.dropped)

    # --- what every call goes through -------------------------------------------------------------------------------

    def present(self, target: Any) -> Interface:
        return Interface(self, target)

    def called(self, kind: str, name: str) -> None:
        self.log.append((kind, name))
        self.meanwhile.pop((kind, name), lambda: None)()
        if threading.current_thread().name == _NOTIFYING:
            self.called_back.append(name)
        if self.away:
            raise mapi_error(self.away)
        if self.fails_in is not None:
            self.fails_in -= 1
            if self.fails_in < 0:
                self.fails_in = None
                raise mapi_error(self.fails_with)

    def parse(self, restriction: Any) -> None:
        """As pywin32 reads it: tuples of tuples, tags unsigned, values by their types."""
        kind, what = restriction
        assert isinstance(what, tuple)
        if kind in (0, 1, 2):
            for one in what:
                self.parse(one)
        elif kind in (3, 4):
            _, tag, (again, value) = what
            assert values.unsigned(tag) == again
            values.into_mapi(tag, value)
        elif kind == 8:
            values.unsigned(what[0])
        else:
            raise ValueError("Unsupported restriction type!")

    # --- what the objects share -------------------------------------------------------------------------------------

    def names(self, store: Store) -> StoreNames:
        if store.id not in self._names:
            self._names[store.id] = StoreNames(store, 0x8100 + 0x200 * len(self._names))
        return self._names[store.id]

    def must_be_online(self, store: Store) -> None:
        if store.offline:
            raise mapi_error(values.NETWORK_ERROR)

    def short_id(self, message: Message) -> bytes:
        short = b"short" + len(self._short).to_bytes(4, "big")
        if message.entry_id not in self._shortened:
            self._shortened[message.entry_id] = short
            self._short[short] = message.entry_id
        return self._shortened[message.entry_id]

    def lasting(self, entry_id: bytes) -> str:
        return self._short.get(entry_id, entry_id.hex().upper())

    def deliver(self, sink: Sink) -> None:
        """On a thread of MAPI's own."""
        if not self.loses_notifications:
            note = (0x100, (3, 0, (0, 0), (0, 0), ()))
            timer = threading.Timer(self.late, sink.callback, args=((note,), sink.context))
            timer.name, timer.daemon = _NOTIFYING, True
            timer.start()
