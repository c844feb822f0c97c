"""Which calendar the connector works with, as one line: ``folder:PATH``, or ``outlook-file:PATH`` to read alone.

A new kind of calendar is one more row in `KINDS`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from dovetail.connector.calendars.port import CalendarError, CalendarPort


class BadCalendarSpec(ValueError):
    """What was typed names no calendar. The text says what would."""


def _folder(path: str) -> CalendarPort:
    from dovetail.connector.calendars.opening import open_path

    return open_path(Path(path))


def _outlook_file(path: str) -> CalendarPort:
    try:
        from dovetail.connector.outlook.data_files import OutlookFiles
    except ImportError as error:
        raise CalendarError(
            "Outlook's files need more than is installed here: install dovetail-calendar[outlook].", transient=False
        ) from error
    return OutlookFiles(Path(path))


KINDS: dict[str, Callable[[str], CalendarPort]] = {"folder": _folder, "outlook-file": _outlook_file}


def read_spec(text: str) -> str:
    """The spec with its path made absolute: the connector may be started from anywhere."""
    kind, colon, rest = text.strip().partition(":")
    if not colon or kind not in KINDS or not rest:
        hint = " Outlook's own calendars are not supported yet." if sys.platform == "win32" else ""
        raise BadCalendarSpec(
            f"{text!r} names no calendar: write folder:PATH for a folder of .ics files, or one; or outlook-file:PATH"
            f" for an Outlook data file (.pst, .ost) or a folder of .msg files, to be read alone.{hint}"
        )
    return f"{kind}:{Path(rest).expanduser().absolute()}"


def open_calendar(spec: str) -> CalendarPort:
    """The calendar that a spec as :func:`read_spec` gives it names. Raises CalendarError."""
    kind, _, rest = spec.partition(":")
    return KINDS[kind](rest)
