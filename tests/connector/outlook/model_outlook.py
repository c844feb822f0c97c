"""A model Outlook: one mailbox presented as the object model, with the traps that are documented of the real one.

Reproduced: local times tagged as UTC, ids of rows that are good for a session only, copies that keep the stamp, a
coarse LastModificationTime, deleted items that still open by their id, concurrent saves, the object model guard,
rejected calls, death in the middle of anything, tables that show too little without an error, too many open items,
GetRecurrencePattern making a single appointment a series, and an Outlook that trims texts.

Every member that a program touches is in `log`, as class and name; one that it sets, with an equals sign.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.outlook.model_locale import GERMAN, Locale
from connector.outlook.model_objects import Application, AppointmentItem
from connector.outlook.model_store import (
    ABORT,
    CALL_REJECTED,
    DISCONNECTED,
    SERVER_UNAVAILABLE,
    TOO_BIG,
    ComError,
    Mailbox,
    Message,
    outlook_error,
    transport_error,
)

GUARDED = {
    *(
        ("AppointmentItem", name)
        for name in ("Body", "Organizer", "OptionalAttendees", "RequiredAttendees", "Resources")
    ),
    *(("AppointmentItem", name) for name in ("Recipients", "RTFBody", "SaveAs", "Send", "Respond", "ItemProperties")),
    *((kind, "PropertyAccessor") for kind in ("AppointmentItem", "Folder", "Store")),
    ("UserProperties", "Find"),
    ("NameSpace", "CurrentUser"),
    ("Columns", "Add"),
}
MOST_OPEN = 50


class Dispatch:
    """A late-bound reference to an object of one run of Outlook."""

    def __init__(self, outlook: ModelOutlook, target: Any) -> None:
        self.__dict__.update(_outlook=outlook, _target=target, _run=outlook.run)

    def __getattr__(self, name: str) -> Any:
        kind = type(self._target).__name__
        self._outlook.called(self._run, kind, name)
        if (kind, name) in GUARDED:
            self._outlook.prompt(f"{kind}.{name}")
        return getattr(self._target, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._outlook.called(self._run, type(self._target).__name__, f"{name} =")
        if not isinstance(getattr(type(self._target), name), property):
            raise AttributeError(name)
        setattr(self._target, name, value)


class ModelOutlook:
    """`connect` is what a program starts with."""

    def __init__(self, mailbox: Mailbox | None = None) -> None:
        self.mailbox = mailbox or Mailbox()
        self.log: list[tuple[str, str]] = []
        self.prompts: list[str] = []
        self.guard_refuses = False
        self.running, self.run = True, 1
        self.rejects = 0
        self.dies_in: int | None = None
        self.dies_as_attribute_error = False
        self.connection_mode = 700
        self.scrambles = False
        self.history: list[tuple[str, dict[str, str]]] = []  # of each save: the item and its user properties
        self.profile, self.logged_on = "Outlook", True
        self._references: weakref.WeakSet[Dispatch] = weakref.WeakSet()
        self.locale: Locale = GERMAN
        self.filters_in_local_time = False
        self.filters = 0  # by date, how many there were
        self.rows_given = 0
        self.filters_wrongly: Callable[[list[Message]], list[Message]] = lambda kept: kept
        self.quitting: list[Callable[[], None]] = []
        self.most_open, self.most_opened = MOST_OPEN, 0
        self._opened: weakref.WeakSet[AppointmentItem] = weakref.WeakSet()
        self._short: dict[tuple[int, str], str] = {}

    def connect(self) -> Any:
        if not self.running:
            raise transport_error(0x800401E3)
        return self.present(Application(self))

    @contextmanager
    def listen(self, items: Any, changed: Callable[[], None]) -> Iterator[None]:
        folder = items._target.kept
        folder.listeners.append(changed)
        try:
            yield
        finally:
            folder.listeners.remove(changed)

    def close(self) -> None:
        """The User closes the last window: Outlook says so and goes, whoever holds references."""
        for told in tuple(self.quitting):
            told()
        self.dies()

    def dies(self) -> None:
        """Without a word."""
        self.running = self.logged_on = False
        self.run += 1

    def start(self) -> None:
        self.running = True

    def references(self) -> int:
        """How many a program holds, of any run."""
        return len(self._references)

    # --- what every call goes through -------------------------------------------------------------------------------

    def present(self, target: Any) -> Any:
        found = Dispatch(self, target)
        self._references.add(found)
        return found

    def called(self, run: int, kind: str, name: str) -> None:
        self.log.append((kind, name))
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in < 0:
                self.dies_in = None
                self.dies()
        if run != self.run or not self.running:
            if self.dies_as_attribute_error:
                raise AttributeError(f"<unknown>.{name}")
            raise transport_error(DISCONNECTED if self.running else SERVER_UNAVAILABLE)
        if self.rejects > 0:
            self.rejects -= 1
            raise transport_error(CALL_REJECTED)

    def prompt(self, member: str) -> None:
        """The security prompt, and its answer."""
        self.prompts.append(member)
        if self.guard_refuses:
            raise outlook_error(ABORT)

    def error(self, code: int) -> ComError:
        return outlook_error(code, scrambled=self.scrambles)

    def tagged(self, at: datetime) -> datetime:
        """Local digits that claim to be UTC, a little off: dates count days in floating point."""
        return at.astimezone(self.mailbox.local).replace(tzinfo=UTC) - timedelta(milliseconds=1)

    def item_of(self, message: Message) -> AppointmentItem:
        return AppointmentItem(self, message.folder, message)

    def row_id(self, message: Message) -> str:
        if not message.folder.store.short_term_ids:
            return message.entry_id
        number = sum(run == self.run for run, _ in self._short)
        return self._short.setdefault((self.run, message.entry_id), f"SHORT{number:08}")

    def lasting_id(self, entry_id: str) -> str:
        now = ((lasting, short) for (run, lasting), short in self._short.items() if run == self.run)
        return next((lasting for lasting, short in now if short == entry_id), entry_id)

    def opens(self, message: Message) -> AppointmentItem:
        """Outlook keeps what is referred to."""
        if len(self._opened) >= self.most_open:
            raise self.error(TOO_BIG)
        item = self.item_of(message)
        item.fails = message.broken
        self._opened.add(item)
        self.most_opened = max(self.most_opened, len(self._opened))
        return item
