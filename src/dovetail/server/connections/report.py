"""Applying a connector's report: as a whole, or not at all. Everything is checked before anything is written:

1. It builds on the root the server has, or the answer is MISMATCH with the server's digests.
2. Its calendars and bookings are this User's own.
3. Its window holds today and gives up no day the server asks for: a PC whose clock is wrong would open every slot.
4. Its chunks are of calendars that block, or the answer is MISMATCH too: a role has just changed, the settings in the
   same response say so, and the next message repairs it.
5. Every chunk is canonical, inside its week and the window, and has the digest it names.
6. It does not remove too much at once (:mod:`~.guard`), or the answer is REFUSED.
7. All of it together has the root it names.

What breaks 2, 3, 5 or 7 is a defect or an attack: Refusal (422). A week that is not named stays as it is, also when it
lies outside the window: the connector takes it away when it is sure of the calendar.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from dovetail.protocol.messages import CalendarKey, Chunk, ItemReport, Report, ReportAnswer, ReportOutcome, Window
from dovetail.protocol.report import calendars_digest, items_digest, root_digest
from dovetail.schedule.busy import BusyBlock, BusyStatus, merge_busy
from dovetail.schedule.busymap import CHUNK_MINUTES, ChunkKey, chunk_digest
from dovetail.schedule.intervals import Interval
from dovetail.server.bookings.models import Booking
from dovetail.server.connections import guard, roles, stored
from dovetail.server.connections.horizon import days_interval, window_days
from dovetail.server.connections.models import BusyChunk, ConnectedCalendar, Connection, ItemState
from dovetail.server.connections.refusal import inconsistent

LONGEST_WINDOW = timedelta(weeks=110)
CLOCK_TOLERANCE = timedelta(days=2)
"""How much less than asked for a window may reach ahead: both ends count days by their own clock."""

_Chunks = dict[ChunkKey, tuple[BusyBlock, ...]]
_STATUSES = frozenset(status.value for status in BusyStatus if status is not BusyStatus.FREE)


@dataclass(frozen=True)
class _Parts:
    """What the report makes of what the server holds: the digests afterwards, and the chunks to write or delete."""

    calendars: str
    items: str
    digests: Mapping[ChunkKey, str]
    written: _Chunks
    deleted: frozenset[ChunkKey]

    @property
    def root(self) -> str:
        return root_digest(self.calendars, self.items, self.digests)


def apply(connection: Connection, report: Report, now: datetime) -> ReportAnswer:
    """`connection` is locked; it is changed and not saved. Raises Refusal (422)."""
    if report.base != connection.root:
        return mismatch(connection)
    calendars = {row.key: row for row in connection.calendars.all()}
    _check_ids(connection, calendars.keys(), report)
    window = _checked_window(connection, report.window, now)
    blocking = {key: row for key, row in calendars.items() if row.blocks}
    if any(chunk.calendar not in blocking for chunk in report.chunks if chunk.blocks):
        return mismatch(connection)
    parts = _parts(connection, report, window)
    refused = _removed_too_much(connection, blocking, parts, window, report.confirmed_removals)
    if refused:
        connection.calendars.filter(key__in=refused).update(held=True)
        return ReportAnswer(outcome=ReportOutcome.REFUSED, root=connection.root, refused=refused)
    if parts.root != report.root:
        raise inconsistent("The parts of the report do not sum to its root.")
    _write(connection, blocking, report, parts, now)
    return ReportAnswer(outcome=ReportOutcome.APPLIED, root=connection.root)


def mismatch(connection: Connection) -> ReportAnswer:
    digests = stored.known_digests(connection)
    return ReportAnswer(outcome=ReportOutcome.MISMATCH, root=connection.root, digests=digests)


def _check_ids(connection: Connection, known: Iterable[CalendarKey], report: Report) -> None:
    """Bookings that nobody has are let pass: the server may have been restored from a backup."""
    items = report.items or ()
    keys = {*known, *(calendar.key for calendar in report.calendars or ())}
    named = {chunk.calendar for chunk in report.chunks} | {item.calendar for item in items}
    if not named | report.busy_as_of.keys() | set(report.confirmed_removals) <= keys:
        raise inconsistent("The report speaks of a calendar that this connection does not have.")
    if len({(item.booking, item.calendar) for item in items}) != len(items):
        raise inconsistent("The report names an item twice.")
    if any(item.end < item.start for item in items):
        raise inconsistent("An item of the report ends before it starts.")
    bookings = {item.booking for item in items}
    if Booking.objects.filter(pk__in=bookings).exclude(host=connection.user_id).exists():
        raise inconsistent("The report speaks of a booking that this connection does not have.")


def _checked_window(connection: Connection, window: Window, now: datetime) -> Interval:
    today = now.date()
    if not window.first_day <= today <= window.last_day or window.last_day - window.first_day > LONGEST_WINDOW:
        raise inconsistent("The window of the report does not hold today. Is the clock of the PC right?")
    if connection.window_last is not None:
        asked_for = today + timedelta(days=window_days(connection.user_id))
        if window.last_day < min(connection.window_last, asked_for) - CLOCK_TOLERANCE:
            raise inconsistent("The window of the report ends before the days that can be booked.")
    return days_interval(window.first_day, window.last_day)


def _parts(connection: Connection, report: Report, window: Interval) -> _Parts:
    changed = _checked_chunks(report.chunks, window)
    deleted = {key for key, blocks in changed.items() if not blocks}
    written = {key: blocks for key, blocks in changed.items() if blocks}
    digests = {key: digest for key, digest in stored.chunk_digests(connection).items() if key not in deleted}
    digests.update((key, chunk_digest(blocks)) for key, blocks in written.items())
    return _Parts(
        calendars=connection.calendars_digest if report.calendars is None else calendars_digest(report.calendars),
        items=connection.items_digest if report.items is None else items_digest(report.items),
        digests=digests,
        written=written,
        deleted=frozenset(deleted),
    )


def _checked_chunks(chunks: Iterable[Chunk], window: Interval) -> _Chunks:
    checked: _Chunks = {}
    for chunk in chunks:
        if (chunk.calendar, chunk.index) in checked:
            raise inconsistent("The report names a chunk twice.")
        checked[chunk.calendar, chunk.index] = _checked_blocks(chunk, window)
    return checked


def _checked_blocks(chunk: Chunk, window: Interval) -> tuple[BusyBlock, ...]:
    first = max(chunk.index * CHUNK_MINUTES, window.start)
    last = min((chunk.index + 1) * CHUNK_MINUTES, window.end)
    if any(not first <= start < end <= last or status not in _STATUSES for start, end, status in chunk.blocks):
        raise inconsistent("A chunk holds a block that is not busy time inside its week and the window.")
    blocks = tuple(BusyBlock(start, end, BusyStatus(status)) for start, end, status in chunk.blocks)
    if merge_busy(blocks) != blocks:
        raise inconsistent("The blocks of a chunk are not in order, overlap, or could be one.")
    if chunk_digest(blocks) != chunk.digest:
        raise inconsistent("A chunk does not have the digest it names.")
    return blocks


def _removed_too_much(
    connection: Connection,
    blocking: Mapping[CalendarKey, ConnectedCalendar],
    parts: _Parts,
    window: Interval,
    confirmed: Iterable[CalendarKey],
) -> tuple[CalendarKey, ...]:
    """The calendars whose busy time would shrink beyond belief."""
    if connection.window_first is None or connection.window_last is None:
        return ()
    before = days_interval(connection.window_first, connection.window_last)
    both = Interval(max(before.start, window.start), min(before.end, window.end))
    touched = {key for key, _ in [*parts.written, *parts.deleted]} & blocking.keys() - set(confirmed)
    refused = []
    for key in sorted(touched):
        had = {(key, chunk.index): _blocks(chunk) for chunk in blocking[key].chunks.all()}
        has = {index: blocks for index, blocks in {**had, **parts.written}.items() if index not in parts.deleted}
        if guard.removes_too_much(_flat(key, had), _flat(key, has), both):
            refused.append(key)
    return tuple(refused)


def _flat(calendar: CalendarKey, chunks: Mapping[ChunkKey, Iterable[BusyBlock]]) -> list[BusyBlock]:
    return [block for (key, _), blocks in chunks.items() if key == calendar for block in blocks]


def _blocks(chunk: BusyChunk) -> tuple[BusyBlock, ...]:
    return tuple(BusyBlock(start, end, BusyStatus(status)) for start, end, status in chunk.blocks)


def _write(
    connection: Connection,
    blocking: Mapping[CalendarKey, ConnectedCalendar],
    report: Report,
    parts: _Parts,
    now: datetime,
) -> None:
    _write_chunks(connection, blocking, parts)
    if report.items is not None:
        _write_items(connection, report.items)
    if report.calendars is not None:
        roles.take_list(connection, report.calendars)
    for key in report.busy_as_of.keys() & blocking.keys():
        connection.calendars.filter(key=key).update(busy_as_of=min(report.busy_as_of[key], now))
    connection.calendars.filter(held=True).update(held=False)
    connection.items_digest = parts.items
    connection.window_first, connection.window_last = report.window.first_day, report.window.last_day
    connection.root = parts.root


def _write_chunks(connection: Connection, blocking: Mapping[CalendarKey, ConnectedCalendar], parts: _Parts) -> None:
    rows = BusyChunk.objects.filter(calendar__connection=connection).values_list("pk", "calendar__key", "index")
    gone = [pk for pk, key, index in rows if (key, index) in parts.deleted]
    BusyChunk.objects.filter(pk__in=gone).delete()
    BusyChunk.objects.bulk_create(
        [
            BusyChunk(calendar=blocking[key], index=index, digest=parts.digests[key, index], blocks=blocks)
            for (key, index), blocks in parts.written.items()
        ],
        update_conflicts=True,
        unique_fields=["calendar", "index"],
        update_fields=["digest", "blocks"],
    )


def _write_items(connection: Connection, items: Iterable[ItemReport]) -> None:
    connection.items.all().delete()
    ItemState.objects.bulk_create(
        ItemState(
            connection=connection,
            **item.model_dump(exclude={"outcome", "show_as"}),
            outcome=item.outcome.value,
            show_as=item.show_as.value,
        )
        for item in items
    )
