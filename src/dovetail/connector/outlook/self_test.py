"""A trial of Outlook itself: bookings written, moved, read back and deleted in a calendar made for it and removed.

What is said of it holds nothing that anybody wrote: counts, times taken, and sentences of our own. The rest of the
User's calendars is listed and not read.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4

from dovetail.connector.calendars.port import (
    CalendarError,
    CalendarPort,
    Draft,
    Gone,
    Item,
    Scan,
    ScanRequest,
    Stamp,
)
from dovetail.protocol.messages import Access, ShowAs
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval

HINT_SECONDS = 10.0
_CONNECTOR = "SELFTEST"


class ScratchPort(CalendarPort, Protocol):
    """A calendar program in which a calendar can be made to try things in."""

    def make_scratch(self) -> str: ...

    def remove_scratch(self, calendar: str, bookings: Iterable[UUID]) -> None: ...


class Mismatch(Exception):
    """What was read back is not what was written. The text is our own."""


@dataclass(frozen=True)
class Step:
    name: str
    ok: bool
    ms: int
    note: str = ""


@dataclass(frozen=True)
class SelfTest:
    steps: tuple[Step, ...]

    @property
    def ok(self) -> bool:
        return all(step.ok for step in self.steps)


def run_self_test(port: ScratchPort, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> SelfTest:
    """All steps, as far as they go. What was made is removed whatever happens."""
    trial = _Trial(port, now())
    trial.run()
    return SelfTest(tuple(trial.steps))


class _Failed(Exception):
    """A step that the rest depends on went wrong; it was noted."""


class _Trial:
    def __init__(self, port: ScratchPort, now: datetime) -> None:
        self.steps: list[Step] = []
        self._port = port
        begin = now.replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)
        self._window = Interval(to_minutes(begin) - 1440, to_minutes(begin) + 400 * 1440)
        self._draft = Draft(
            start=begin,
            end=begin + timedelta(minutes=30),
            subject="Dovetail self-test",
            body="Written by the self-test of Dovetail.\nIt may be deleted.",
            location="Nowhere",
            show_as=ShowAs.BUSY,
        )
        self._bookings: list[UUID] = []
        self._calendar = ""

    def run(self) -> None:
        with suppress(_Failed):
            with self._step("list the calendars") as note:
                note(_counted(self._port))
            with self._step("make a calendar to try things in"):
                self._calendar = self._port.make_scratch()
            try:
                self._live()
            finally:
                self._clean_up()

    def _live(self) -> None:
        hinted = threading.Event()
        with self._port.watch(hinted.set):
            with self._step("write a booking and read it back"):
                item = self._create(self._draft)
            with self._step("hear of the change") as note:
                note("told" if hinted.wait(HINT_SECONDS) else "not told: changes are seen at the interval only")
        with self._step("keep the hour in summer and winter"):
            self._keep_the_hour()
        with self._step("see it in a scan"):
            seen = self._scan()
            _must(item.handle in {one.handle for one in seen.items}, "the booking is not in the scan")
        with self._step("see that nothing changed"):
            again = self._scan({one.handle: one.version for one in seen.items})
            _must(not again.items, "an unchanged item was taken for a changed one")
        with self._step("move it"):
            later = timedelta(days=1, hours=2)
            item = self._update(
                item, replace(self._draft, start=self._draft.start + later, end=self._draft.end + later)
            )
        with self._step("find it by its booking"):
            found = self._port.find_by_booking(self._calendar, self._bookings[0], self._window)
            _must([one.handle for one in found] == [item.handle], "it is not found, or not alone")
        with self._step("cancel it"):
            canceled = replace(self._draft, subject=f"CANCELED: {self._draft.subject}", show_as=ShowAs.FREE)
            item = self._update(item, canceled)
            _must(not item.busy, "a canceled booking still blocks")
        with self._step("delete it"):
            self._port.delete(self._calendar, item.handle, item.version, _stamp_of(item))
            _must(isinstance(self._port.probe(self._calendar, item.handle, self._window), Gone), "it is still there")

    def _clean_up(self) -> None:
        with self._step("remove the calendar again"):
            self._port.remove_scratch(self._calendar, self._bookings)
            _must(self._calendar not in {info.id for info in self._port.list_calendars()}, "it is still there")

    def _create(self, draft: Draft) -> Item:
        booking = uuid4()
        self._bookings.append(booking)
        stamp = Stamp(booking, _CONNECTOR, epoch=0, revision=1, digest=draft.digest())
        return _as_written(self._port.create(self._calendar, draft, stamp), draft)

    def _update(self, item: Item, draft: Draft) -> Item:
        stamp = replace(_stamp_of(item), revision=2, digest=draft.digest())
        updated = self._port.update(self._calendar, item.handle, item.version, draft, stamp)
        _must(updated.handle == item.handle, "it became another item")
        return _as_written(updated, draft)

    def _keep_the_hour(self) -> None:
        for days in (90, 180, 270):
            there = timedelta(days=days)
            self._create(replace(self._draft, start=self._draft.start + there, end=self._draft.end + there))

    def _scan(self, known: dict[str, str] | None = None) -> Scan:
        scan = self._port.scan(ScanRequest(self._calendar, self._window, known or {}))
        _must(scan.complete and not scan.problems, "the scan is not complete")
        return scan

    @contextmanager
    def _step(self, name: str) -> Iterator[Callable[[str], None]]:
        notes: list[str] = []
        begun = time.monotonic()
        reason = ""
        try:
            yield notes.append
        except CalendarError as error:
            reason = error.reason
        except Mismatch as error:
            reason = str(error)
        self.steps.append(Step(name, not reason, round((time.monotonic() - begun) * 1000), reason or " ".join(notes)))
        if reason:
            raise _Failed


def _counted(port: CalendarPort) -> str:
    kinds = Counter(info.access for info in port.list_calendars())
    words = {Access.BOOKABLE: "bookable", Access.BUSY_ONLY: "to read only", Access.UNREADABLE: "unreadable"}
    return ", ".join(f"{kinds[access]} {word}" for access, word in words.items() if kinds[access]) or "none"


def _stamp_of(item: Item) -> Stamp:
    if item.stamp is None:
        raise Mismatch("the item lost its stamp")
    return item.stamp


def _as_written(item: Item, draft: Draft) -> Item:
    _must(item.is_original(), "the stamp does not name its own item")
    _must(item.current is not None, "the item lost its stamp")
    if item.current is not None:
        off = (item.current.start - draft.start, item.current.end - draft.end)
        _must(not any(off), f"it is off by {off[0]} and {off[1]}")
        _must(item.current.digest() == draft.digest(), "its fields are not as they were written")
    return item


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Mismatch(otherwise)
