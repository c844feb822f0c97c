"""What a scan of a contents table has found so far: only what is new or changed is opened, and let go at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from dovetail.connector.calendars.port import Item, ItemProblem, Scan, ScanRequest
from dovetail.connector.outlook.extended_mapi.rows import Row, traits_of, version_of
from dovetail.connector.outlook.object_model.appointment import Reading
from dovetail.connector.outlook.object_model.clock import Clock
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.connector.outlook.occurrences import RECURRING, known_times
from dovetail.connector.outlook.properties import MESSAGE_CLASS, is_appointment
from dovetail.schedule.busy import BusyBlock
from dovetail.schedule.intervals import Interval

_FATAL = frozenset((Outcome.DEAD, Outcome.OFFLINE, Outcome.REJECTED, Outcome.TOO_MANY))


class Gathered:
    """`read` opens the item that a row names. `handles` maps the ids of rows to those of their items where they are not
    the same: it grows."""

    def __init__(
        self, request: ScanRequest, clock: Clock, read: Callable[[str], Reading], handles: dict[str, str]
    ) -> None:
        self._request, self._clock, self._read, self._handles = request, clock, read, handles
        self._items: list[Item] = []
        self._unchanged: set[str] = set()
        self._problems: list[ItemProblem] = []

    def add(self, row: Row) -> None:
        """Raises OutlookFault where MAPI cannot go on."""
        if not is_appointment(row.properties.get(MESSAGE_CLASS)):
            return
        if not traits_of(row.properties).may_meet(self._request.window):
            return
        handle = self._handles.get(row.handle, row.handle)
        known = self._request.known.get(handle)
        if known is not None and known == version_of(row.properties, self._clock.local):
            self._unchanged.add(handle)
            return
        try:
            self._look(row)
        except OutlookFault as fault:
            if fault.outcome in _FATAL:
                raise
            if fault.outcome is not Outcome.GONE:
                self._problems.append(_unreadable(handle, row, fault, self._request.window, self._clock))

    def scan(self, complete: bool, as_of: datetime) -> Scan:
        return Scan(complete, tuple(self._items), frozenset(self._unchanged), tuple(self._problems), as_of)

    def _look(self, row: Row) -> None:
        reading = self._read(row.handle)
        if reading.handle != row.handle:
            self._handles[row.handle] = reading.handle
        if self._request.known.get(reading.handle) == reading.version:
            self._unchanged.add(reading.handle)
            return
        found = reading.item(self._request.calendar, self._request.window, self._clock)
        if isinstance(found, Item):
            self._items.append(found)
        else:
            self._problems.append(found)


def _unreadable(handle: str, row: Row, fault: OutlookFault, window: Interval, clock: Clock) -> ItemProblem:
    """The times in the row of a single item block."""
    busy: tuple[BusyBlock, ...] | None = None
    if row.properties.get(RECURRING) is False:
        busy = known_times(row.properties, window, clock.local)
    return ItemProblem(handle, "An appointment in Outlook", "item_unreadable", fault.reason, busy)
