"""A model Outlook's Table: default columns, one row for a series, local times tagged as UTC."""

# ruff: noqa: N802 - the names are Outlook's
from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from connector.outlook.model_store import ABORT, FAIL, Folder, Message, outlook_error

if TYPE_CHECKING:
    from connector.outlook.model_outlook import ModelOutlook

DEFAULT = (
    *("EntryID", "Subject", "CreationTime", "LastModificationTime"),
    *("MessageClass", "Start", "End", "IsRecurring"),
)
_TEXT_FILTER = re.compile(r"""@SQL="http://schemas\.microsoft\.com/mapi/string/\{([^}]*)\}/([^"]+)" like '([^']*)'""")
_PUBLIC_STRINGS = "00020329-0000-0000-C000-000000000046"


class Columns:
    def __init__(self, outlook: ModelOutlook) -> None:
        self._outlook = outlook
        self.Count = len(DEFAULT)

    def Item(self, number: int) -> object:
        return self._outlook.present(Column(DEFAULT[number - 1]))

    def Add(self, name: str) -> None:
        self._outlook.prompt("Columns.Add")
        raise outlook_error(ABORT)


class Column:
    def __init__(self, name: str) -> None:
        self.Name = name


class Table:
    def __init__(self, outlook: ModelOutlook, folder: Folder, where: str) -> None:
        self._outlook, self._at = outlook, 0
        seen = folder.seen()
        self._messages = [message for message in seen if _matches(where, message)] if where else seen
        self.Columns = outlook.present(Columns(outlook))

    @property
    def EndOfTable(self) -> bool:
        return self._at >= len(self._messages)

    def GetRowCount(self) -> int:
        return len(self._messages)

    def GetArray(self, most: int) -> tuple[tuple[object, ...], ...]:
        block = self._messages[self._at : self._at + most]
        self._at += len(block)
        return tuple(self._row(message) for message in block)

    def _row(self, message: Message) -> tuple[object, ...]:
        item = self._outlook.item_of(message)
        values = (getattr(item, name) for name in DEFAULT[1:])
        return (self._outlook.row_id(message), *values)


def _matches(where: str, message: Message) -> bool:
    """A named text property like a pattern; nothing else is understood."""
    found = _TEXT_FILTER.fullmatch(where)
    if found is None or found[1] != _PUBLIC_STRINGS:
        raise outlook_error(FAIL)
    value = message.user.get(unquote(found[2]))
    pattern = ".*".join(re.escape(part) for part in found[3].split("%"))
    return value is not None and re.fullmatch(pattern, value, re.DOTALL | re.IGNORECASE) is not None
