"""Writing through the object model what was looked at through MAPI: the same item, at another adapter's version."""

from __future__ import annotations

from dovetail.connector.calendars.port import CalendarError, CalendarPort, Draft, Gone, ItemChanged, ItemGone, Present
from dovetail.connector.outlook.object_model.appointment import Reading
from dovetail.schedule.instants import to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval

_CHANGED = "The item was changed in Outlook meanwhile."


def version_there(port: CalendarPort, calendar: str, reading: Reading, current: Draft) -> str:
    """The version at which the object model has the item that was read. Raises ItemChanged where it has another one,
    ItemGone, CalendarError."""
    window = Interval(to_minutes(current.start), to_minutes_ceil(current.end))
    probe = port.probe(calendar, reading.handle, window)
    if isinstance(probe, Gone):
        raise ItemGone("The item is not in the calendar any more.")
    if not isinstance(probe, Present):
        raise CalendarError(probe.reason)
    stamp = reading.mark.stamp if reading.mark else None
    if (probe.item.stamp, probe.item.current) != (stamp, current):
        raise ItemChanged(_CHANGED)
    return probe.item.version
