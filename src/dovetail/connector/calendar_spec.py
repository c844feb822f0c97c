"""Which calendar the connector works with, as one line: ``folder:PATH``.

A new kind of calendar is one more row in `KINDS`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from dovetail.connector.calendars.port import CalendarPort


class BadCalendarSpec(ValueError):
    """What was typed names no calendar. The text says what would."""


def _folder(path: str) -> CalendarPort:
    from dovetail.connector.calendars.opening import open_path

    return open_path(Path(path))


KINDS: dict[str, Callable[[str], CalendarPort]] = {"folder": _folder}


def read_spec(text: str) -> str:
    """The spec with its path made absolute: the connector may be started from anywhere."""
    kind, colon, rest = text.strip().partition(":")
    if not colon or kind not in KINDS or not rest:
        hint = " Outlook's own calendars are not supported yet." if sys.platform == "win32" else ""
        raise BadCalendarSpec(
            f"{text!r} names no calendar: write folder:PATH for a folder of .ics files, or one.{hint}"
        )
    return f"{kind}:{Path(rest).expanduser().absolute()}"


def open_calendar(spec: str) -> CalendarPort:
    """The calendar that a spec as :func:`read_spec` gives it names. Raises CalendarError."""
    kind, _, rest = spec.partition(":")
    return KINDS[kind](rest)
