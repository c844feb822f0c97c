"""Which calendars the connector works with, one or several: ``folder:PATH``; ``outlook-file:PATH`` to read alone;
``outlook`` or ``outlook:PROFILE`` for those of the Outlook that runs on this PC; ``outlook+start`` to start it as well.

A new kind of calendar is one more row in `KINDS`. What is named beside others has a number, which stays with it: see
:mod:`dovetail.connector.calendars.joined`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import count
from pathlib import Path

from dovetail.connector.calendars.joined import FIRST, JoinedCalendars
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


def _outlook(profile: str, *, may_start: bool = False) -> CalendarPort:
    from dovetail.connector.outlook.opening import open_outlook

    return open_outlook(profile, may_start=may_start)


KINDS: dict[str, Callable[[str], CalendarPort]] = {
    "folder": _folder,
    "outlook-file": _outlook_file,
    "outlook": _outlook,
    "outlook+start": partial(_outlook, may_start=True),
}
_OF_A_PROGRAM = frozenset(("outlook", "outlook+start"))


def read_spec(text: str) -> str:
    """The spec with its path made absolute: the connector may be started from anywhere."""
    kind, _, rest = (part.strip() for part in text.partition(":"))
    if kind in _OF_A_PROGRAM:
        return f"{kind}:{rest}" if rest else kind
    if kind not in KINDS or not rest:
        raise BadCalendarSpec(
            f"{text!r} names no calendar: write outlook for the calendars of Outlook on this PC; folder:PATH for a"
            " folder of .ics files, or one; or outlook-file:PATH for an Outlook data file (.pst, .ost) or a folder of"
            " .msg files, to be read alone."
        )
    return f"{kind}:{Path(rest).expanduser().absolute()}"


def open_calendar(spec: str) -> CalendarPort:
    """The calendar that a spec as :func:`read_spec` gives it names. Raises CalendarError."""
    kind, _, rest = spec.partition(":")
    return KINDS[kind](rest)


def numbered(specs: Iterable[str], before: Mapping[int, str]) -> dict[int, str]:
    """Each spec with its number: the one that it had `before`, or else the lowest that is free."""
    wanted = list(dict.fromkeys(specs))
    kept = {number: spec for number, spec in before.items() if spec in wanted}
    free = (number for number in count(FIRST) if number not in kept)
    new = [spec for spec in wanted if spec not in kept.values()]
    return kept | dict(zip(free, new, strict=False))


def open_calendars(specs: Mapping[int, str]) -> CalendarPort:
    """All that a profile names, by number. Raises CalendarError."""
    ports = {number: open_calendar(spec) for number, spec in specs.items()}
    return ports[FIRST] if ports.keys() == {FIRST} else JoinedCalendars(ports)
