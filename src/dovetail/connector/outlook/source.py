"""What the two kinds of Outlook files look like to the calendar adapter: calendars, and entries that can be read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol

from dovetail.connector.calendars.port import CalendarInfo
from dovetail.connector.outlook.properties import Properties

BUSY_ONLY_REASON = "It is read from a file: it can block your time, but no booking can be written into it."


class Unreadable(Exception):
    """An entry cannot be read. `reason` is in plain words and tells nothing of what it says."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Reading:
    """The properties of an appointment, and the version they are of."""

    version: str
    properties: Properties


@dataclass(frozen=True)
class Entry:
    """A message in a calendar. `handle` is None where not even that could be read.

    `version` is what can be told without reading it, None where that is nothing. `read` gives None for what is no
    appointment, or gone meanwhile, and raises Unreadable.
    """

    handle: str | None
    where: str
    version: str | None
    read: Callable[[], Reading | None]


def content_digest(properties: Properties, meaning: str = "") -> str:
    """Hex; the same for the same properties with the same meaning."""
    return hashlib.sha256(f"{sorted(properties.items())} {meaning}".encode()).hexdigest()[:32]


class Source(Protocol):
    """Every method raises CalendarError while the files are away. `local` is the zone that versions are of."""

    def calendars(self) -> list[CalendarInfo]: ...

    def entries(self, calendar: str, local: tzinfo) -> AbstractContextManager[Iterator[Entry]]:
        """All of a calendar, to be read while entered. The iterator raises CalendarError where it cannot go on."""
        ...

    def state(self, local: tzinfo) -> str | None:
        """Changes with every change of what is read; None where that cannot be told, or might not be seen."""
        ...

    def watch(self, changed: Callable[[], None]) -> AbstractContextManager[None]: ...
