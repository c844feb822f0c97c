"""An Outlook data file, .pst or .ost, as calendars.

The file is opened for each look and closed after it: Outlook may want it. A file that Outlook holds for itself (on
Windows) cannot be read until Outlook is closed. A file that changes while it is read was not seen whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Any

from dovetail import __version__
from dovetail.connector.calendars import disk
from dovetail.connector.calendars.port import CalendarError, CalendarInfo
from dovetail.connector.calendars.watching import watching
from dovetail.connector.outlook.binary import MalformedProperty
from dovetail.connector.outlook.occurrences import BUSY_PROPERTIES
from dovetail.connector.outlook.properties import MESSAGE_CLASS, is_appointment
from dovetail.connector.outlook.pst import DataFileError, Folder, PstFile, open_pst
from dovetail.connector.outlook.source import BUSY_ONLY_REASON, Entry, Reading, Unreadable, content_digest
from dovetail.protocol.messages import Access

_LONGEST_NAME = 200


class PstStore:
    """Implements Source. Ids and handles are node ids in hex: they stay with a folder or an item while it lives."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def calendars(self) -> list[CalendarInfo]:
        with self._open() as file:
            return [_info(folder) for folder in file.calendars()]

    @contextmanager
    def entries(self, calendar: str, local: tzinfo) -> Iterator[Iterator[Entry]]:
        before = self._stat()
        with self._open() as file:
            folder = next((folder for folder in file.calendars() if _id(folder.id) == calendar), None)
            if folder is None:
                raise CalendarError("This calendar is not in the file any more.")
            yield self._entries(file, folder, local, before)

    def state(self, local: tzinfo) -> str | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return disk.Versions(local).settled(stat) if disk.is_settled(stat) else None

    def watch(self, changed: Callable[[], None]) -> AbstractContextManager[None]:
        return watching(self._path, lambda _: True, changed)

    @contextmanager
    def _open(self) -> Iterator[PstFile]:
        with self._told(), open_pst(self._path) as file:
            yield file

    def _entries(self, file: PstFile, folder: Folder, local: tzinfo, before: os.stat_result) -> Iterator[Entry]:
        with self._told():
            for number, message in enumerate(file.messages(folder), 1):
                where = f"{folder.name}, item {number}"
                if message is None:
                    yield Entry(None, where, None, _refuse)
                else:
                    yield Entry(_id(message.identifier), where, None, partial(_read, file, message, local))
        if disk.is_changed(before, self._stat()):
            raise CalendarError("The file was changed while it was read.")

    def _stat(self) -> os.stat_result:
        with self._told():
            return self._path.stat()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Every error as the CalendarError that says it."""
        try:
            yield
        except OSError as error:
            raise disk.cannot(error, "read", f"“{self._path.name}”") from error
        except (DataFileError, MalformedProperty) as error:
            raise CalendarError(f"Cannot read “{self._path.name}”: {error}.") from error


def _info(folder: Folder) -> CalendarInfo:
    return CalendarInfo(
        _id(folder.id), folder.name[:_LONGEST_NAME], Access.BUSY_ONLY, BUSY_ONLY_REASON, folder.is_default
    )


def _id(node: int) -> str:
    return f"{node:x}"


def _read(file: PstFile, message: Any, local: tzinfo) -> Reading | None:
    try:
        properties = file.properties(message, (MESSAGE_CLASS, *BUSY_PROPERTIES))
    except (DataFileError, MalformedProperty) as error:
        raise Unreadable(f"The item cannot be read: {error}.") from None
    if not is_appointment(properties.get(MESSAGE_CLASS)):
        return None
    return Reading(content_digest(properties, f"{local} {__version__}"), properties)


def _refuse() -> None:
    raise Unreadable("The item cannot be opened.")
