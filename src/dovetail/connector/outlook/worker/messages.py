"""What the two processes say to each other, in order and over one pipe that nobody else can open.

Errors cross as what they say, not as what they are: an exception of the calendar's own kinds is made anew over there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from dovetail.connector.calendars.port import CalendarError, ItemChanged, ItemGone

LOOK_OUT, LOOK_AWAY = "look out", "look away"
"""Calls beside those of the port: from now on, or no more, tell of changes."""

_KINDS: dict[str, type[CalendarError]] = {kind.__name__: kind for kind in (CalendarError, ItemChanged, ItemGone)}


@dataclass(frozen=True)
class Call:
    """To the worker: a method of the calendar port."""

    number: int
    method: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Answer:
    number: int
    value: Any


@dataclass(frozen=True)
class Failure:
    number: int
    kind: str
    reason: str
    transient: bool

    @classmethod
    def of(cls, number: int, error: CalendarError) -> Failure:
        kind = next(name for name, known in reversed(_KINDS.items()) if isinstance(error, known))
        return cls(number, kind, error.reason, error.transient)

    def error(self) -> CalendarError:
        return _KINDS[self.kind](self.reason, transient=self.transient)


@dataclass(frozen=True)
class Step:
    """How far a scan is."""

    number: int
    done: int
    total: int | None


class Note(Enum):
    """From the worker, unasked."""

    ALIVE = "still at it"
    STARTING = "about to start the program, which takes long"
    ASKING = "about to read something that may bring up the program's security prompt"
    CHANGED = "something may have changed in the calendar"
    FOUND = "the program runs"
    CLOSED = "the User closed the program"
