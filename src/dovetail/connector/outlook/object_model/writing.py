"""A booking written into Outlook: a plain appointment, without attendees and never sent, stamped before its first save.

Dovetail owns start, end, subject, location, how it shows, and in the body the lines between two marks; reminder,
category and everything else are the User's. Fields that already fit are left alone. The digest in the stamp is of what
Outlook made of the draft, so that its own tidying does not look like an edit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dovetail.connector.calendars.port import CalendarError, Draft, Stamp
from dovetail.connector.calendars.vevent import with_body
from dovetail.connector.outlook.object_model.appointment import read_owned, stamp_property
from dovetail.connector.outlook.object_model.automation import Automation
from dovetail.connector.outlook.object_model.clock import Clock
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.connector.outlook.object_model.session import OL_APPOINTMENT_ITEM
from dovetail.connector.outlook.object_model.stamping import PROPERTY, Mark, as_written

_OL_TEXT = 1
_TEXT_REFUSED = (
    "Outlook does not let Dovetail read the notes around the booking's text, so the text cannot be replaced. Check "
    "that the virus scanner is active, or allow programmatic access in Outlook's Trust Center."
)


def write_new(com: Automation, folder: Any, draft: Draft, stamp: Stamp, clock: Clock) -> str:
    """A new item. Gives its handle. Raises OutlookFault."""
    draft = as_written(draft)
    item = com.call(com.get(folder, "Items"), "Add", OL_APPOINTMENT_ITEM)
    _put_times(com, item, draft, clock)
    _put_changed(com, item, None, draft)
    com.put(item, "Body", _crlf(with_body("", draft.body)))
    held = read_owned(com, item, draft.body, clock)
    mark = Mark(replace(stamp, handle="", digest=held.digest()), draft.body)
    text = com.call(com.get(item, "UserProperties"), "Add", PROPERTY, _OL_TEXT, False)
    com.put(text, "Value", mark.to_text())
    com.call(item, "Save")
    handle: str = com.get(item, "EntryID")
    com.put(text, "Value", replace(mark, stamp=replace(mark.stamp, handle=handle)).to_text())
    com.call(item, "Save")
    return handle


def write_over(
    com: Automation, item: Any, handle: str, current: Draft, draft: Draft, stamp: Stamp, clock: Clock
) -> None:
    """The owned fields of an item that is ours, and says `current`. Raises OutlookFault."""
    draft = as_written(draft)
    if draft.body != current.body:
        notes = "\n".join(_text_of(com, item).splitlines())
        com.put(item, "Body", _crlf(with_body(notes, draft.body)))
    if (current.start, current.end) != (draft.start, draft.end):
        _put_times(com, item, draft, clock)
    _put_changed(com, item, current, draft)
    held = read_owned(com, item, draft.body, clock)
    mark = Mark(replace(stamp, handle=handle, digest=held.digest()), draft.body)
    com.put(stamp_property(com, item), "Value", mark.to_text())
    com.call(item, "Save")


def _put_times(com: Automation, item: Any, draft: Draft, clock: Clock) -> None:
    """The start first: Outlook moves the end along with it."""
    com.put(item, "StartUTC", clock.to_utc(draft.start))
    com.put(item, "EndUTC", clock.to_utc(draft.end))


def _put_changed(com: Automation, item: Any, current: Draft | None, draft: Draft) -> None:
    for name, value, before in (
        ("BusyStatus", int(draft.show_as), current and int(current.show_as)),
        ("Subject", draft.subject, current and current.subject),
        ("Location", draft.location, current and current.location),
    ):
        if value != before:
            com.put(item, name, value)


def _text_of(com: Automation, item: Any) -> str:
    try:
        return str(com.guarded(item, "Body") or "")
    except OutlookFault as fault:
        if fault.outcome is Outcome.REFUSED:
            raise CalendarError(_TEXT_REFUSED, transient=False) from None
        raise


def _crlf(text: str) -> str:
    return text.replace("\n", "\r\n")
