"""Several sources of calendars as one port: folders, files and programs beside each other in one pairing.

Every source has a number, which the profile keeps for it. The calendars of number 1 go by the source's own ids, as if
it were alone; those of another by ``//NUMBER/`` and the source's id, which no adapter's own id begins with. So a source
that comes or goes changes the name of nobody else's calendar.

Handles go through as they are. Two sources may give two items the same one, as when a booking's file is copied from one
folder to another; so a stamp also says, behind the Connector ID, the number of the source it was written to, and an
item that bears the stamp of another source is a copy.

A source that is away takes its own calendars with it, and no others: they are unreadable for as long as that lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from uuid import UUID

from dovetail.connector.calendars.port import (
    CalendarError,
    CalendarInfo,
    CalendarPort,
    Capabilities,
    Draft,
    Item,
    ItemChanged,
    Present,
    Probe,
    Progress,
    Scan,
    ScanRequest,
    Stamp,
    no_progress,
)
from dovetail.protocol.messages import Access
from dovetail.schedule.instants import to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval

FIRST = 1
_MARK = "//"


@dataclass(frozen=True)
class _Source:
    """One port, and how what is its own is called outside of it."""

    number: int
    port: CalendarPort

    def outside(self, calendar: str) -> str:
        return calendar if self.number == FIRST else f"{_MARK}{self.number}/{calendar}"

    def calendars(self) -> list[CalendarInfo]:
        return [replace(info, id=self.outside(info.id)) for info in self.port.list_calendars()]

    def seen(self, item: Item) -> Item:
        stamp = item.stamp
        if stamp is not None:
            connector_id, number = _written_to(stamp)
            handle = stamp.handle if number == str(self.number) else f"{_MARK}{number}/{stamp.handle}"
            stamp = replace(stamp, connector_id=connector_id, handle=handle)
        return replace(item, calendar=self.outside(item.calendar), stamp=stamp)

    def probe(self, calendar: str, handle: str, window: Interval) -> Probe:
        found = self.port.probe(calendar, handle, window)
        return Present(self.seen(found.item)) if isinstance(found, Present) else found

    def must_be_original(self, calendar: str, handle: str, window: Interval) -> None:
        """A copy with the handle of its original is no copy to the source itself. Raises ItemChanged."""
        there = self.probe(calendar, handle, window)
        if isinstance(there, Present) and not there.item.is_original():
            raise ItemChanged("The item is not one that Dovetail made for this booking.")

    def marked(self, stamp: Stamp) -> Stamp:
        if self.number == FIRST:
            return stamp
        return replace(stamp, connector_id=f"{stamp.connector_id}{_MARK}{self.number}")


class JoinedCalendars:
    """Implements CalendarPort. `sources` by their numbers, and in the order of these."""

    def __init__(self, sources: Mapping[int, CalendarPort]) -> None:
        self._sources = [_Source(number, port) for number, port in sorted(sources.items())]
        self._listed: dict[int, list[CalendarInfo]] = {}

    def capabilities(self) -> Capabilities:
        every = [source.port.capabilities() for source in self._sources]
        return Capabilities(
            watches=any(one.watches for one in every),
            writes=any(one.writes for one in every),
            version_seconds=max(one.version_seconds for one in every),
            ways=tuple(way for one in every for way in one.ways),
        )

    def list_calendars(self) -> list[CalendarInfo]:
        """Of a source that is away: its calendars as last listed, unreadable. Raises CalendarError where none is
        known."""
        found: list[CalendarInfo] = []
        failure: CalendarError | None = None
        for source in self._sources:
            try:
                self._listed[source.number] = infos = source.calendars()
            except CalendarError as error:
                failure = failure or error
                before = self._listed.get(source.number, [])
                infos = [replace(info, access=Access.UNREADABLE, reason=error.reason) for info in before]
            found += infos
        if failure is not None and not found:
            raise failure
        return _with_one_default(found)

    def scan(self, request: ScanRequest, progress: Progress = no_progress) -> Scan:
        source, calendar = self._inside(request.calendar)
        scan = source.port.scan(replace(request, calendar=calendar), progress)
        return replace(scan, items=tuple(map(source.seen, scan.items)))

    def probe(self, calendar: str, handle: str, window: Interval) -> Probe:
        source, inside = self._inside(calendar)
        return source.probe(inside, handle, window)

    def find_by_booking(self, calendar: str, booking: UUID, window: Interval) -> list[Item]:
        source, inside = self._inside(calendar)
        return [source.seen(item) for item in source.port.find_by_booking(inside, booking, window)]

    def create(self, calendar: str, draft: Draft, stamp: Stamp) -> Item:
        source, inside = self._inside(calendar)
        return source.seen(source.port.create(inside, draft, source.marked(stamp)))

    def update(self, calendar: str, handle: str, version: str, draft: Draft, stamp: Stamp) -> Item:
        source, inside = self._inside(calendar)
        source.must_be_original(inside, handle, Interval(to_minutes(draft.start), to_minutes_ceil(draft.end)))
        return source.seen(source.port.update(inside, handle, version, draft, source.marked(stamp)))

    def delete(self, calendar: str, handle: str, version: str, stamp: Stamp) -> None:
        source, inside = self._inside(calendar)
        source.must_be_original(inside, handle, Interval(0, 1))
        source.port.delete(inside, handle, version, source.marked(stamp))

    @contextmanager
    def watch(self, changed: Callable[[], None]) -> Iterator[None]:
        with ExitStack() as watches:
            for source in self._sources:
                with suppress(CalendarError):
                    watches.enter_context(source.port.watch(changed))
            yield

    def close(self) -> None:
        with ExitStack() as closing:
            for source in self._sources:
                closing.callback(source.port.close)

    def _inside(self, calendar: str) -> tuple[_Source, str]:
        """The source of a calendar, and what it calls it. Raises CalendarError."""
        number, inside = str(FIRST), calendar
        if calendar.startswith(_MARK):
            number, _, inside = calendar.removeprefix(_MARK).partition("/")
        for source in self._sources:
            if str(source.number) == number:
                return source, inside
        raise CalendarError("What this calendar belonged to is not connected any more.", transient=False)


def _written_to(stamp: Stamp) -> tuple[str, str]:
    """The Connector ID, and the number of the source."""
    connector_id, _, number = stamp.connector_id.partition(_MARK)
    return connector_id, number or str(FIRST)


def _with_one_default(infos: Iterable[CalendarInfo]) -> list[CalendarInfo]:
    """The first that its own source would take for bookings, or else the first that can take them at all."""
    infos = list(infos)
    bookable = sorted((info for info in infos if info.access is Access.BOOKABLE), key=lambda info: not info.default)
    return [replace(info, default=info in bookable[:1]) for info in infos]
