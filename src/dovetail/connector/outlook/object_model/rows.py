"""A calendar's table: one row for each item, one for a whole series, and nothing opened.

Only the default columns are read: to add one is guarded, and so the row's id may be good for this session only, and
dates are local. Rows come in blocks, so that a calendar costs few calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dovetail.connector.calendars.port import CalendarError
from dovetail.connector.outlook.object_model.automation import Automation
from dovetail.connector.outlook.object_model.clock import Clock
from dovetail.schedule.instants import to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval

AT_ONCE = 100
_NEEDED = ("EntryID", "LastModificationTime", "MessageClass", "Start", "End", "IsRecurring")
_MARGIN = 24 * 60


@dataclass(frozen=True)
class Traits:
    """What tells without reading an item whether it changed. Times are UTC, None where there is none."""

    changed: datetime | None
    start: datetime | None
    end: datetime | None
    recurring: bool

    def token(self) -> str:
        """Equal while nothing is seen to have changed, to the second."""
        times = ("" if at is None else f"{at:%Y%m%dT%H%M%S}" for at in (self.changed, self.start, self.end))
        return "-".join((*times, "series" if self.recurring else "single"))

    def is_settled(self, now: datetime, seconds: float) -> bool:
        """Whether the next change will surely show in the token."""
        return self.changed is not None and self.changed < now - timedelta(seconds=seconds)

    def may_meet(self, window: Interval) -> bool:
        """False only for what surely lies outside: edges of days and zones are left to whoever reads the item."""
        if self.recurring or self.start is None or self.end is None:
            return True
        starts, ends = to_minutes(self.start), to_minutes_ceil(self.end)
        return starts < window.end + _MARGIN and ends > window.start - _MARGIN


@dataclass(frozen=True)
class Row:
    entry_id: str
    message_class: str
    traits: Traits


def open_table(com: Automation, folder: Any, where: str = "") -> Any:
    """`where`: a filter, all items without one. Raises OutlookFault."""
    return com.call(folder, "GetTable", where) if where else com.call(folder, "GetTable")


def rows(com: Automation, table: Any, clock: Clock) -> Iterator[Row]:
    """What is in the table. Raises OutlookFault."""
    for values in _values(com, table, _NEEDED):
        yield _row(values, clock)


def entry_ids(com: Automation, table: Any) -> Iterator[str]:
    """Of a table of whatever items. Raises OutlookFault."""
    for (entry_id,) in _values(com, table, ("EntryID",)):
        yield str(entry_id)


def _values(com: Automation, table: Any, names: Sequence[str]) -> Iterator[list[Any]]:
    places = _places(com, table, names)
    while not com.get(table, "EndOfTable"):
        block = com.call(table, "GetArray", AT_ONCE)
        if not block:
            return
        for values in block:
            yield [values[place] for place in places]


def _places(com: Automation, table: Any, needed: Sequence[str]) -> list[int]:
    """Where the columns that we need stand in a row."""
    columns = com.get(table, "Columns")
    names = [com.get(com.call(columns, "Item", n), "Name") for n in range(1, com.get(columns, "Count") + 1)]
    if not set(needed) <= set(names):
        raise CalendarError("Outlook's table of this calendar lacks columns that it always had.", transient=False)
    return [names.index(name) for name in needed]


def _row(values: Sequence[Any], clock: Clock) -> Row:
    entry_id, changed, message_class, start, end, recurring = values
    traits = Traits(clock.from_local(changed), clock.from_local(start), clock.from_local(end), bool(recurring))
    return Row(str(entry_id), message_class if isinstance(message_class, str) else "", traits)
