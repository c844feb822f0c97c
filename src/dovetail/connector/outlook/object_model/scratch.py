"""A calendar to try things in: made below the User's own one, and removed without a trace.

What is deleted in Outlook goes to the deleted items first; deleted there, it is gone. Nothing is removed but folders
that bear the scratch calendar's name, and items that bear the stamp of the bookings given.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from uuid import UUID

from dovetail.connector.calendars.port import CalendarError
from dovetail.connector.outlook.object_model.appointment import stamp_property
from dovetail.connector.outlook.object_model.automation import Automation
from dovetail.connector.outlook.object_model.rows import entry_ids, open_table
from dovetail.connector.outlook.object_model.session import OL_FOLDER_CALENDAR, OL_FOLDER_DELETED_ITEMS, Place, Session
from dovetail.connector.outlook.object_model.stamping import bears, read_mark

NAME = "Dovetail self-test"


def make_scratch(com: Automation, session: Session) -> str:
    """Gives the calendar's id. Raises OutlookFault."""
    below = com.get(session.default_folder(OL_FOLDER_CALENDAR), "Folders")
    folder = com.call(below, "Add", f"{NAME} {secrets.token_hex(4)}", OL_FOLDER_CALENDAR)
    return Place(com.get(folder, "StoreID"), com.get(folder, "EntryID")).id


def remove_scratch(com: Automation, session: Session, calendar: str, bookings: Iterable[UUID]) -> None:
    """Raises OutlookFault, and CalendarError for what is no scratch calendar."""
    folder = session.folder(calendar)
    name = str(com.get(folder, "Name"))
    if not name.startswith(f"{NAME} "):
        raise CalendarError("This is not a calendar that was made to try things in.", transient=False)
    com.call(folder, "Delete")
    _forget_folder(com, session, name)
    for booking in bookings:
        _forget_items(com, session, booking)


def _forget_folder(com: Automation, session: Session, name: str) -> None:
    folders = com.get(session.default_folder(OL_FOLDER_DELETED_ITEMS), "Folders")
    for number in range(com.get(folders, "Count"), 0, -1):
        folder = com.call(folders, "Item", number)
        if com.get(folder, "Name") == name:
            com.call(folder, "Delete")


def _forget_items(com: Automation, session: Session, booking: UUID) -> None:
    deleted = session.default_folder(OL_FOLDER_DELETED_ITEMS)
    place = Place(com.get(deleted, "StoreID"), com.get(deleted, "EntryID"))
    for entry_id in list(entry_ids(com, open_table(com, deleted, bears(booking)))):
        item = session.item(place.id, entry_id)
        text = stamp_property(com, item)
        mark = None if text is None else read_mark(com.get(text, "Value"))
        if mark is not None and mark.stamp.booking == booking:
            com.call(item, "Delete")
