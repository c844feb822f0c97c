"""What holds for writing bookings' items, whichever way into Outlook is taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from dovetail.connector.calendars.port import CalendarError, CalendarInfo, Draft, Item, ItemChanged, Stamp
from dovetail.connector.outlook.object_model.appointment import Reading
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.protocol.messages import Access


class Refusals:
    """Calendars that turned a write down: that one cannot be written to is known at the latest then."""

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self._calendars: set[str] = set()

    @contextmanager
    def learning(self, calendar: str) -> Iterator[None]:
        try:
            yield
        except OutlookFault as fault:
            if fault.outcome is Outcome.REFUSED:
                self._calendars.add(calendar)
            raise
        self._calendars.discard(calendar)

    def applied(self, info: CalendarInfo) -> CalendarInfo:
        if info.access is not Access.BOOKABLE or info.id not in self._calendars:
            return info
        return replace(info, access=Access.BUSY_ONLY, reason=self._reason)


def may_be_written(reading: Reading, stamp: Stamp, *, is_current: bool) -> Draft:
    """What the item says now. Raises ItemChanged where it is not at the version it was seen at, or not ours."""
    if not is_current:
        raise ItemChanged("The item was changed in Outlook meanwhile.")
    mark = reading.mark
    if mark is None or mark.stamp.booking != stamp.booking or mark.stamp.handle not in ("", reading.handle):
        raise ItemChanged("The item is not one that Dovetail made for this booking.")
    if reading.recurring or reading.current is None:
        raise CalendarError("The booking's item was made a series. Make it a single appointment.", transient=False)
    return reading.current


def whole(found: object) -> Item:
    """An item that was read in full. Raises CalendarError."""
    if not isinstance(found, Item):
        raise CalendarError("The booking's item cannot be read in Outlook.")
    return found
