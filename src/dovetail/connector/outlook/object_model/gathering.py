"""What a scan of Outlook's table has found so far: only what is new or changed is opened, and let go at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from dovetail.connector.calendars.port import Item, ItemProblem, Scan, ScanRequest
from dovetail.connector.outlook.object_model.appointment import read_appointment, settled
from dovetail.connector.outlook.object_model.automation import Automation
from dovetail.connector.outlook.object_model.clock import Clock
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.connector.outlook.object_model.rows import Row, Traits
from dovetail.connector.outlook.object_model.session import Session
from dovetail.connector.outlook.properties import is_appointment
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval

_FATAL = frozenset((Outcome.DEAD, Outcome.OFFLINE, Outcome.REJECTED, Outcome.TOO_MANY))


class Gathered:
    """`handles` maps the ids of rows, which may be good for a session only, to those that last: it grows."""

    def __init__(
        self,
        com: Automation,
        session: Session,
        request: ScanRequest,
        clock: Clock,
        now: Callable[[], datetime],
        handles: dict[str, str],
    ) -> None:
        self.clock = clock
        self.complete = True
        self.seen = 0
        self.rows: dict[str, Traits] = {}  # of all appointments, by the ids in the table
        self._com, self._session, self._request, self._now, self._handles = com, session, request, now, handles
        self._items: list[Item] = []
        self._unchanged: set[str] = set()
        self._problems: list[ItemProblem] = []

    def add(self, row: Row) -> None:
        """Raises OutlookFault where Outlook cannot go on."""
        self.seen += 1
        if not is_appointment(row.message_class):
            return
        self.rows[row.entry_id] = row.traits
        if not row.traits.may_meet(self._request.window):
            return
        handle = self._handles.get(row.entry_id, row.entry_id)
        if self._request.known.get(handle) == settled(row.traits):
            self._handles[row.entry_id] = handle
            self._unchanged.add(handle)
            return
        try:
            self._look(row)
        except OutlookFault as fault:
            if fault.outcome in _FATAL:
                raise
            if fault.outcome is not Outcome.GONE:
                handle = self._handles.get(row.entry_id, row.entry_id)
                self._problems.append(_unreadable(handle, row, fault, self._request.window))

    def missing(self) -> set[str]:
        """Handles that the caller knows and that were not seen."""
        seen = {item.handle for item in self._items} | {problem.handle for problem in self._problems}
        return self._request.known.keys() - seen - self._unchanged

    def scan(self, as_of: datetime) -> Scan:
        return Scan(self.complete, tuple(self._items), frozenset(self._unchanged), tuple(self._problems), as_of)

    def _look(self, row: Row) -> None:
        calendar = self._request.calendar
        item = self._session.item(calendar, row.entry_id)
        self._handles[row.entry_id] = self._com.get(item, "EntryID")
        reading = read_appointment(self._com, item, self.clock, self._now())
        del item
        if self._request.known.get(reading.handle) == reading.version:
            self._unchanged.add(reading.handle)
            return
        found = reading.item(calendar, self._request.window, self.clock)
        if isinstance(found, Item):
            self._items.append(found)
        else:
            self._problems.append(found)


def _unreadable(handle: str, row: Row, fault: OutlookFault, window: Interval) -> ItemProblem:
    """The times in the row of a single item block."""
    busy: tuple[BusyBlock, ...] | None = None
    start, end = row.traits.start, row.traits.end
    if start is not None and end is not None and not row.traits.recurring:
        block = BusyBlock(to_minutes(start), to_minutes_ceil(end), BusyStatus.BUSY)
        busy = (block,) if block.start < window.end and block.end > window.start else ()
    return ItemProblem(handle, "An appointment in Outlook", "item_unreadable", fault.reason, busy)
