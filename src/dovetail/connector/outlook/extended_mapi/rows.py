"""A calendar's contents table: one row for each item, one for a whole series, and nothing opened.

The store leaves out what is no appointment and what surely lies outside the window; what it cannot filter is filtered
here. A series is always among the rows: only its pattern tells when it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from dovetail import __version__
from dovetail.connector.outlook.extended_mapi import numbers
from dovetail.connector.outlook.extended_mapi.calls import call
from dovetail.connector.outlook.extended_mapi.names import STAMP, Names
from dovetail.connector.outlook.extended_mapi.session import hex_of
from dovetail.connector.outlook.extended_mapi.tables import Restriction, count, rows_of
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.connector.outlook.object_model.rows import Traits
from dovetail.connector.outlook.occurrences import ENDS, RECURRING, STARTS, STATUS
from dovetail.connector.outlook.properties import MESSAGE_CLASS, PROPERTIES, Properties
from dovetail.schedule.instants import from_minutes
from dovetail.schedule.intervals import Interval

CHANGE_KEY, CHANGED = "PidTagChangeKey", "PidTagLastModificationTime"
START, END = STARTS[0], ENDS[0]
TRAITS = (MESSAGE_CLASS, CHANGE_KEY, CHANGED, START, END, RECURRING, STATUS)
"""What tells without opening an item whether it changed."""

_ID, _LASTING_ID = "id", "lasting id"
_MARGIN = timedelta(days=1)


@dataclass(frozen=True)
class Row:
    """`handle` is the lasting id, for which a row's own one may stand for this session only."""

    handle: str
    properties: Properties


class Contents:
    """The table of an open folder. Raises OutlookFault. `shown` is how many rows it says that it has in all."""

    def __init__(self, names: Names, folder: Any) -> None:
        self._table = call(folder, "GetContentsTable", numbers.UNICODE)
        self._names, self._folder = names, folder
        self.shown = count(self._table)

    def meeting(self, window: Interval) -> Rows:
        """Rows of appointments that may touch the window, and of others where the store cannot filter."""
        tags = self._names.tags(self._folder, TRAITS)
        return Rows(self._table, tags, _may_meet(tags, window))

    def beginning(self, text: str) -> Rows:
        """Rows of items whose stamp begins so. None at all where the store has never seen a stamp."""
        tags = self._names.tags(self._folder, (STAMP, *TRAITS))
        if STAMP not in tags:
            return Rows(self._table, {}, None, empty=True)
        return Rows(self._table, tags, _begins(tags[STAMP], text))


class Rows:
    """`expected`: how many there are, as the table says. `filtered`: the store did what was asked of it."""

    def __init__(self, table: Any, tags: Mapping[str, int], where: Restriction | None, *, empty: bool = False) -> None:
        self._table, self._tags, self._empty = table, tags, empty
        self.filtered = where is None or _restrict(table, where)
        self.expected = 0 if empty else count(table)

    def __iter__(self) -> Iterator[Row]:
        if self._empty:
            return
        columns = {_LASTING_ID: numbers.LONG_TERM_ID, _ID: PROPERTIES["PidTagEntryId"].tag, **self._tags}
        for values in rows_of(self._table, columns):
            entry_id = values.get(_LASTING_ID) or values.get(_ID)
            if isinstance(entry_id, bytes):
                yield Row(hex_of(entry_id), values)


def traits_of(properties: Properties) -> Traits:
    """An item that does not say that it is a single appointment may be a series."""
    changed, start, end = (properties.get(name) for name in (CHANGED, START, END))
    return Traits(
        changed if isinstance(changed, datetime) else None,
        start if isinstance(start, datetime) else None,
        end if isinstance(end, datetime) else None,
        properties.get(RECURRING) is not False,
    )


def version_of(properties: Properties, local: tzinfo) -> str:
    """By the change key, which changes with every change; by the traits in data files, which have none. It also names
    the zone of the PC and this program, by which times are understood."""
    key = properties.get(CHANGE_KEY)
    status = properties.get(STATUS)
    shown = status if isinstance(status, int) else ""
    told = key.hex() if isinstance(key, bytes) else f"{traits_of(properties).token()}-{shown}"
    return f"{told}-{local}-{__version__}"


def may_change_unseen(properties: Properties, now: datetime, seconds: float) -> bool:
    """Whether the next change may leave the version as it is."""
    return not isinstance(properties.get(CHANGE_KEY), bytes) and not traits_of(properties).is_settled(now, seconds)


def _restrict(table: Any, where: Restriction) -> bool:
    """False for a filter that the store cannot do: it is done without."""
    try:
        call(table, "Restrict", where, 0)
    except OutlookFault as fault:
        if fault.outcome is not Outcome.OTHER:
            raise
        return False
    return True


def _may_meet(tags: Mapping[str, int], window: Interval) -> Restriction:
    prefix: Restriction = _begins(tags[MESSAGE_CLASS], "IPM.Appointment")
    if not {START, END, RECURRING} <= set(tags):
        return prefix
    start, end, recurring = tags[START], tags[END], tags[RECURRING]
    first, last = from_minutes(window.start) - _MARGIN, from_minutes(window.end) + _MARGIN
    single = (numbers.PROPERTY, (numbers.EQUAL, recurring, (recurring, False)))
    inside = (
        (numbers.PROPERTY, (numbers.LESS, start, (start, last))),
        (numbers.PROPERTY, (numbers.GREATER, end, (end, first))),
    )
    without = tuple((numbers.NOT, ((numbers.EXIST, (tag,)),)) for tag in (start, end))
    touches = (numbers.OR, ((numbers.NOT, (single,)), *without, (numbers.AND, inside)))
    return (numbers.AND, (prefix, touches))


def _begins(tag: int, text: str) -> Restriction:
    return (numbers.CONTENT, (numbers.PREFIX_IGNORING_CASE, tag, (tag, text)))
