"""A folder of .msg files as calendars: the folder itself, and each folder in it.

An appointment dragged out of Outlook becomes a .msg named after its subject, so a handle is a digest of the name, and
the name is told to its owner alone. Messages that are no appointments are not looked at further.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import tzinfo
from functools import partial
from pathlib import Path

from dovetail.connector.calendars import disk
from dovetail.connector.calendars.port import CalendarInfo
from dovetail.connector.calendars.watching import watching
from dovetail.connector.outlook.binary import MalformedProperty
from dovetail.connector.outlook.msg import NotAMessage, open_msg
from dovetail.connector.outlook.occurrences import BUSY_PROPERTIES
from dovetail.connector.outlook.properties import MESSAGE_CLASS, is_appointment
from dovetail.connector.outlook.source import BUSY_ONLY_REASON, Entry, Reading, Unreadable, content_digest
from dovetail.protocol.messages import Access

ROOT = "."
SUFFIX = ".msg"
_LONGEST_NAME = 200


class MsgFolder:
    """Implements Source. A calendar's id is the name of its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def calendars(self) -> list[CalendarInfo]:
        names, holds_messages = self._listing()
        found = [ROOT, *names] if holds_messages or not names else names
        return [self._info(calendar, default=calendar == found[0]) for calendar in found]

    @contextmanager
    def entries(self, calendar: str, local: tzinfo) -> Iterator[Iterator[Entry]]:
        directory = self._directory(calendar)
        try:
            with os.scandir(directory) as listing:
                files = sorted((item.name, _stat(item)) for item in listing if _is_message(item))
        except OSError as error:
            raise disk.cannot(error, "read", f"“{directory.name}”") from error
        versions = disk.Versions(local)
        yield (_entry(directory / name, stat, versions) for name, stat in files)

    def state(self, local: tzinfo) -> str | None:
        return None

    def watch(self, changed: Callable[[], None]) -> AbstractContextManager[None]:
        return watching(self._folder, lambda path: path.lower().endswith(SUFFIX), changed)

    def _listing(self) -> tuple[list[str], bool]:
        """The folders in the folder, and whether it holds messages itself."""
        try:
            with os.scandir(self._folder) as listing:
                items = list(listing)
            names = sorted(item.name for item in items if item.is_dir() and not item.name.startswith("."))
        except OSError as error:
            raise disk.cannot(error, "read", f"“{self._folder.name}”") from error
        return names, any(_is_message(item) for item in items)

    def _directory(self, calendar: str) -> Path:
        """Only what `calendars` can have named is reached."""
        name = os.path.basename(calendar)
        return self._folder if name == ROOT else self._folder / name

    def _info(self, calendar: str, *, default: bool) -> CalendarInfo:
        directory = self._directory(calendar)
        access, reason = Access.BUSY_ONLY, BUSY_ONLY_REASON
        if not os.access(directory, os.R_OK | os.X_OK):
            access, reason = Access.UNREADABLE, "You have no permission to read this folder."
        return CalendarInfo(calendar, (directory.name or str(directory))[:_LONGEST_NAME], access, reason, default)


def _is_message(item: os.DirEntry[str]) -> bool:
    return item.name.lower().endswith(SUFFIX) and not item.name.startswith((".", "~")) and not item.is_dir()


def _stat(item: os.DirEntry[str]) -> os.stat_result:
    """A link that leads nowhere is there, though it cannot be read."""
    try:
        return item.stat()
    except FileNotFoundError:
        return item.stat(follow_symlinks=False)


def _entry(path: Path, stat: os.stat_result, versions: disk.Versions) -> Entry:
    handle = hashlib.sha256(path.name.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return Entry(handle, path.name, versions.settled(stat), partial(_read, path, versions))


def _read(path: Path, versions: disk.Versions) -> Reading | None:
    try:
        stat = path.stat()
        with open_msg(path) as message:
            properties = message.properties((MESSAGE_CLASS, *BUSY_PROPERTIES))
        version = versions.full(stat, lambda: content_digest(properties))
    except FileNotFoundError:
        if os.path.lexists(path):
            raise Unreadable("The file is a link that leads nowhere.") from None
        return None
    except OSError as error:
        raise Unreadable(disk.cannot(error, "read", "this file").reason) from None
    except (NotAMessage, MalformedProperty) as error:
        raise Unreadable(f"The file cannot be understood: {error}.") from None
    return Reading(version, properties) if is_appointment(properties.get(MESSAGE_CLASS)) else None
