"""The calendar port: the handful of methods by which the connector reaches a calendar, whatever keeps it.

Words:

*calendar*   one folder of appointments, named by an id that is the adapter's own and stays on the PC.
*item*       one appointment or one series, named in its calendar by a *handle*. A handle may change when the User
             moves or exports the item: it names, it does not identify.
*version*    changes whenever the adapter can see that the item changed. Equal versions prove nothing (clocks are
             coarse).
*stamp*      what Dovetail wrote on the items it made, by which it finds them again. Copies carry it too: see
             :meth:`Item.is_original`.
*complete*   the scan saw every item of the calendar that touches the window. Only then does absence mean anything.

An adapter expands recurrence, speaks UTC, and never lets a subject, a body, a location or a person out of an item that
carries no stamp. One contract suite (``tests/connector/calendars/contract.py``) holds for all adapters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from dovetail.protocol.messages import Access, ShowAs
from dovetail.schedule.busy import BusyBlock
from dovetail.schedule.intervals import Interval


class CalendarError(Exception):
    """The calendar could not do it. `reason` is in plain words and says what to do; it holds nothing private.

    `transient`: trying again later may help.
    """

    def __init__(self, reason: str, *, transient: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.transient = transient


class ItemChanged(CalendarError):
    """The item is not at the version the caller saw: look again before writing."""


class ItemGone(CalendarError):
    """The item is not there any more."""


@dataclass(frozen=True)
class CalendarInfo:
    """A calendar as listed. `access` BUSY_ONLY or UNREADABLE comes with a `reason` for the User."""

    id: str
    name: str
    access: Access
    reason: str = ""
    default: bool = False


@dataclass(frozen=True)
class Draft:
    """The fields Dovetail owns on a booking's item. Times are UTC; a plain appointment without attendees."""

    start: datetime
    end: datetime
    subject: str
    body: str
    location: str
    show_as: ShowAs

    def digest(self) -> str:
        """SHA-256 over the owned fields, trimmed, with one kind of line end: it makes an edit by the User visible."""
        texts = (
            "\n".join(part.rstrip() for part in text.splitlines()).strip()
            for text in (self.subject, self.body, self.location)
        )
        parts = (self.start.isoformat(), self.end.isoformat(), str(int(self.show_as)), *texts)
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Stamp:
    """Written on an item before its first save. `handle` is the item's own handle as first saved, `digest` that of the
    draft as written. `connector_id` and `epoch` say which pairing wrote it."""

    booking: UUID
    connector_id: str
    epoch: int
    revision: int
    digest: str
    handle: str = ""


@dataclass(frozen=True)
class Item:
    """What a scan or a probe saw. `busy`: the item's occurrences inside the window, expanded, free ones left out.

    `current` is the owned fields as they stand, read only from stamped items.
    """

    calendar: str
    handle: str
    version: str
    busy: tuple[BusyBlock, ...]
    stamp: Stamp | None = None
    current: Draft | None = None

    def is_original(self) -> bool:
        """False for a copy the User made of a booking's item: the stamp names another handle."""
        return self.stamp is not None and self.stamp.handle in ("", self.handle)


@dataclass(frozen=True)
class ItemProblem:
    """An item that could not be read in full. What is known of its times counts as busy.

    `handle` is None when not even that could be read. `where` names the thing for its owner (a file name, a line) and
    stays on the PC; `code` may be sent.
    """

    handle: str | None
    where: str
    code: str
    reason: str
    busy: tuple[BusyBlock, ...] | None = None


@dataclass(frozen=True)
class Scan:
    """`items` are those that are new or whose version is not in `known`; `unchanged` the handles of the others."""

    complete: bool
    items: tuple[Item, ...]
    unchanged: frozenset[str]
    problems: tuple[ItemProblem, ...]
    as_of: datetime


@dataclass(frozen=True)
class Present:
    item: Item


@dataclass(frozen=True)
class Gone:
    """A definite "not there", from a store that could be read."""


@dataclass(frozen=True)
class Unknown:
    reason: str


Probe = Present | Gone | Unknown


@dataclass(frozen=True)
class Way:
    """How a program is reached that can be reached in several ways; `reason`: a sentence for its User, nothing
    private."""

    name: str
    reason: str


@dataclass(frozen=True)
class Capabilities:
    """`version_seconds`: how coarse a version's clock is; items changed within that time are read again. `ways`: those
    chosen where there was a choice."""

    watches: bool
    writes: bool
    version_seconds: float = 0.0
    ways: tuple[Way, ...] = ()


class Progress(Protocol):
    def __call__(self, done: int, total: int | None) -> None: ...


def no_progress(done: int, total: int | None) -> None:
    """For callers that show none."""


@dataclass(frozen=True)
class ScanRequest:
    """`known` maps handles to the versions whose busy blocks for this very window the caller still has."""

    calendar: str
    window: Interval
    known: Mapping[str, str] = field(default_factory=dict)


class CalendarPort(Protocol):
    """One calendar program or store. Every method may raise CalendarError; a scan rather says ``complete=False``."""

    def capabilities(self) -> Capabilities: ...

    def list_calendars(self) -> list[CalendarInfo]: ...

    def scan(self, request: ScanRequest, progress: Progress = no_progress) -> Scan: ...

    def probe(self, calendar: str, handle: str, window: Interval) -> Probe:
        """Look at one item. Never answers Gone unless that is certain."""
        ...

    def find_by_booking(self, calendar: str, booking: UUID, window: Interval) -> list[Item]:
        """Every item stamped with this booking, copies included, wherever its times lie. Raises CalendarError if the
        calendar cannot be searched whole."""
        ...

    def create(self, calendar: str, draft: Draft, stamp: Stamp) -> Item:
        """A new plain appointment, stamped before its first save. The answer's stamp names its handle."""
        ...

    def update(self, calendar: str, handle: str, version: str, draft: Draft, stamp: Stamp) -> Item:
        """Set the owned fields and the stamp, keep what is the User's. Raises ItemChanged or ItemGone."""
        ...

    def delete(self, calendar: str, handle: str, version: str, stamp: Stamp) -> None:
        """Take away an item that is an original of the stamp's booking, never another. Raises ItemChanged or ItemGone
        as update does."""
        ...

    def watch(self, changed: Callable[[], None]) -> AbstractContextManager[None]:
        """While entered, `changed` is called, from any thread, when something may have changed. Hints, nothing more."""
        ...

    def close(self) -> None: ...
