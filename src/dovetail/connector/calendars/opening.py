"""Calendars by a path that their owner names: a directory of `.ics` files, or one such file."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path

from dovetail.connector.calendars.folder import FolderCalendar
from dovetail.connector.calendars.layout import SUFFIX
from dovetail.connector.calendars.onefile import FileCalendar


def open_path(path: Path, *, local: tzinfo | None = None) -> FolderCalendar | FileCalendar:
    """Nothing is read yet, and a path that is not there now may be there later."""
    is_file = path.is_file() or (path.name.lower().endswith(SUFFIX) and not path.is_dir())
    return (FileCalendar if is_file else FolderCalendar)(path, local=local)
