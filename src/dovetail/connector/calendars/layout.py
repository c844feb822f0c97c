"""Which directories below a folder are calendars, what they are called, and which of their names are items ("vdir")."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from dovetail.connector.calendars import disk
from dovetail.connector.calendars.port import CalendarError, CalendarInfo
from dovetail.protocol.messages import Access

ROOT = "."  # the id of the calendar that the folder is itself
SUFFIX = ".ics"
_MARKERS = frozenset({"displayname", "color"})
_LONGEST_NAME = 200


def is_foreign(name: str) -> bool:
    """Drafts and locks of other programs, and our own drafts."""
    return name.startswith((".", "~"))


def is_item(name: str) -> bool:
    return not is_foreign(name) and name.lower().endswith(SUFFIX)


def calendars_in(folder: Path) -> list[str]:
    """Ids: the folder itself when it holds items or nothing else would be a calendar, then its sub-directories by name.

    A directory that is reached twice, by a link or a loop of links, is one calendar. Raises CalendarError.
    """
    try:
        with os.scandir(folder) as listing:
            names = sorted((entry.name, _is_directory(entry)) for entry in listing if not is_foreign(entry.name))
    except OSError as error:
        raise disk.cannot(error, "read", f"“{folder.name}”") from error
    seen = {os.path.realpath(folder)}
    below = []
    for name, is_directory in names:
        real = os.path.realpath(folder / name)
        if is_directory and real not in seen and _is_calendar(folder / name):
            seen.add(real)
            below.append(name)
    holds_items = any(is_item(name) and not is_directory for name, is_directory in names)
    return [ROOT, *below] if holds_items or not below else below


def info(folder: Path, calendar: str, *, default: bool) -> CalendarInfo:
    directory = folder / calendar
    if not os.access(directory, os.R_OK | os.X_OK):
        access, reason = Access.UNREADABLE, "You have no permission to read this folder."
    elif not os.access(directory, os.W_OK):
        access, reason = Access.BUSY_ONLY, "You have no permission to write to this folder."
    else:
        access, reason = Access.BOOKABLE, ""
    return CalendarInfo(calendar, name_of(folder, calendar), access, reason, default)


def name_of(folder: Path, calendar: str) -> str:
    """What its owner calls it: the first line of `displayname`, else the directory's name."""
    directory = folder / calendar if calendar != ROOT else folder
    try:
        with open(directory / "displayname", encoding="utf-8", errors="replace") as file:
            written = file.readline(4 * _LONGEST_NAME).strip()
    except OSError:
        written = ""
    return (written or directory.name or str(directory))[:_LONGEST_NAME]


def items_in(folder: Path, calendar: str) -> dict[str, os.stat_result]:
    """Handles with what the directory says of the files, in one pass. Raises OSError, CalendarError.

    A link that leads nowhere is listed with what is known of the link: it is there, though it cannot be read.
    """
    found = {}
    with os.scandir(directory_of(folder, calendar)) as listing:
        for entry in listing:
            if is_item(entry.name):
                stat = _stat(entry)
                if stat is not None:
                    found[handle_of(calendar, entry.name)] = stat
    return found


def holds_items(folder: Path, calendar: str) -> bool:
    """Raises OSError when the directory cannot be listed, CalendarError."""
    with os.scandir(directory_of(folder, calendar)) as listing:
        return any(is_item(entry.name) for entry in listing)


def directory_of(folder: Path, calendar: str) -> Path:
    if calendar != ROOT and (Path(calendar).name != calendar or is_foreign(calendar)):
        raise CalendarError("There is no such calendar in this folder.", transient=False)
    return folder / calendar


def handle_of(calendar: str, name: str) -> str:
    """The item's path below the folder: a copy in another calendar has another."""
    return name if calendar == ROOT else f"{calendar}/{name}"


def path_of(folder: Path, calendar: str, handle: str) -> Path:
    directory = directory_of(folder, calendar)
    name = handle if calendar == ROOT else handle.removeprefix(f"{calendar}/")
    if Path(name).name != name or not is_item(name):
        raise CalendarError("There is no such item in this calendar.", transient=False)
    return directory / name


def _is_calendar(directory: Path) -> bool:
    try:
        with os.scandir(directory) as listing:
            empty = True
            for entry in listing:
                if is_item(entry.name) or entry.name in _MARKERS:
                    return True
                empty = False
            return empty
    except PermissionError:
        return True  # listed, so that its owner learns that it cannot be read
    except OSError:
        return False


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    if _is_directory(entry):
        return None
    for follow in (True, False):
        with suppress(OSError):
            return entry.stat(follow_symlinks=follow)
    return None
