"""Reading the calendars for one sync: list, scan, probe what is missing, seek what vanished.

Whatever fails makes something unknown, never gone, and never keeps the rest from being read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from dovetail.connector.calendars.port import (
    CalendarError,
    CalendarInfo,
    CalendarPort,
    Probe,
    Progress,
    ScanRequest,
    Unknown,
)
from dovetail.connector.sync import guards, planner
from dovetail.connector.sync.guards import View
from dovetail.connector.sync.planner import Picture
from dovetail.connector.sync.state import Base, Memory
from dovetail.protocol.messages import Access, ItemOutcome
from dovetail.schedule.intervals import Interval

NOT_LISTED = "This calendar is not there at the moment."


class Looker:
    """Steps 3 and 4 of a sync. `read` and `seen` count items; `failure` says why the calendars could not be listed."""

    def __init__(self, calendars: CalendarPort, progress: Progress) -> None:
        self._calendars = calendars
        self._progress = progress
        self.read = 0
        self.seen = 0
        self.failure = ""

    def listed(self, before: Iterable[CalendarInfo], needed: Collection[str]) -> tuple[CalendarInfo, ...]:
        """The calendars there are, and those of `before` that are `needed` but not there: as unreadable ones."""
        try:
            infos = self._calendars.list_calendars()
        except CalendarError as error:
            self.failure = error.reason
            return tuple(before)
        there = {info.id for info in infos}
        lost = [info for info in before if info.id not in there and info.id in needed]
        return (
            *infos,
            *(replace(info, access=Access.UNREADABLE, reason=NOT_LISTED, default=False) for info in lost),
        )

    def look(self, info: CalendarInfo, memory: Memory, window: Interval, now: datetime) -> View:
        """What is to be believed of one calendar now."""
        base = memory.bases.get(info.id, Base(window))
        if self.failure or info.access is Access.UNREADABLE:
            return guards.unread(base, self.failure or info.reason or NOT_LISTED)
        linked = [
            link.handle
            for (_, calendar), link in memory.links.items()
            if calendar == info.id and link.handle and link.outcome not in (ItemOutcome.GONE, ItemOutcome.ELSEWHERE)
        ]
        try:
            scan = self._calendars.scan(ScanRequest(info.id, window, base.known(window)), self._progress)
        except CalendarError as error:
            return guards.unread(base, error.reason)
        self.read += len(scan.items)
        self.seen += len(scan.items) + len(scan.unchanged) + len(scan.problems)
        probes = {handle: self._probe(info.id, handle, window) for handle in guards.missing(base, scan, window, linked)}
        return guards.judge(base, scan, probes, window, now)

    def _probe(self, calendar: str, handle: str, window: Interval) -> Probe:
        try:
            return self._calendars.probe(calendar, handle, window)
        except CalendarError as error:
            return Unknown(error.reason)

    def seek(self, picture: Picture, everywhere: Collection[CalendarInfo], window: Interval) -> dict[UUID, bool]:
        """For each booking whose item vanished: whether an item of it is somewhere else. Left out are those that could
        not be sought in every calendar, and those that the search finds where the look at the item did not."""
        vanished = set(planner.vanished(picture))
        strays: dict[UUID, bool] = {}
        for booking in {booking for booking, _ in vanished}:
            try:
                found = [
                    item
                    for info in everywhere
                    if info.access is not Access.UNREADABLE
                    for item in self._calendars.find_by_booking(info.id, booking, window)
                ]
            except CalendarError:
                continue
            if not any(item.is_original() and (booking, item.calendar) in vanished for item in found):
                strays[booking] = any(picture.is_stray(booking, item) for item in found)
        return strays
