"""A model Outlook's Table: default columns, one row for a series, local times tagged as UTC.

Dates in a filter are read as the User's regional settings have them (`ModelOutlook.locale`), and compared as UTC or as
local time. `ModelOutlook.filters_wrongly` is how a filter goes wrong without saying so.
"""

# ruff: noqa: N802 - the names are Outlook's
from __future__ import annotations

import re
from datetime import UTC, datetime, time
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
_NAMED = r'"http://schemas\.microsoft\.com/mapi/id/\{00062002-0000-0000-C000-000000000046\}/%s"'
_TIME_FILTER = re.compile(
    f"@SQL={_NAMED} = 1 OR \\({_NAMED} < '([^']+)' AND {_NAMED} > '([^']+)'\\)" % ("8223000B", "820D0040", "820E0040")
)
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
        self._messages = _filtered(outlook, where, seen) if where else seen
        self.Columns = outlook.present(Columns(outlook))

    @property
    def EndOfTable(self) -> bool:
        return self._at >= len(self._messages)

    def GetRowCount(self) -> int:
        return len(self._messages)

    def GetArray(self, most: int) -> tuple[tuple[object, ...], ...]:
        block = self._messages[self._at : self._at + most]
        self._at += len(block)
        self._outlook.rows_given += len(block)
        return tuple(self._row(message) for message in block)

    def _row(self, message: Message) -> tuple[object, ...]:
        item = self._outlook.item_of(message)
        values = (getattr(item, name) for name in DEFAULT[1:])
        return (self._outlook.row_id(message), *values)


def _filtered(outlook: ModelOutlook, where: str, seen: list[Message]) -> list[Message]:
    """A named text property like a pattern, or times around a window; nothing else is understood."""
    if _TEXT_FILTER.fullmatch(where):
        return [message for message in seen if _bears(where, message)]
    found = _TIME_FILTER.fullmatch(where)
    if found is None:
        raise outlook_error(FAIL)
    outlook.filters += 1
    try:
        before, after = (_instant(outlook, text) for text in found.groups())
    except ValueError:
        raise outlook_error(FAIL) from None
    kept = [message for message in seen if _meets(message, before, after)]
    return outlook.filters_wrongly(kept)


def _instant(outlook: ModelOutlook, text: str) -> datetime:
    zone = outlook.mailbox.local if outlook.filters_in_local_time else UTC
    return datetime.combine(outlook.locale.read(text), time(), zone)


def _meets(message: Message, before: datetime, after: datetime) -> bool:
    """What a property that is not there is compared with does not matter: it never matches."""
    if message.properties.get("PidLidRecurring"):
        return True
    start, end = (message.properties.get(f"PidLidAppointment{name}Whole") for name in ("Start", "End"))
    return isinstance(start, datetime) and isinstance(end, datetime) and start < before and end > after


def _bears(where: str, message: Message) -> bool:
    found = _TEXT_FILTER.fullmatch(where)
    if found is None or found[1] != _PUBLIC_STRINGS:
        raise outlook_error(FAIL)
    value = message.user.get(unquote(found[2]))
    pattern = ".*".join(re.escape(part) for part in found[3].split("%"))
    return value is not None and re.fullmatch(pattern, value, re.DOTALL | re.IGNORECASE) is not None
