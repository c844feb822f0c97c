"""The report: the difference between what the server holds and what we see. Pure.

A calendar that was not seen whole may add busy time, and may change the weeks of which we know that the server has them
from us; a week of which the server holds anything else is left as it is there. One that shows no busy time, or an
item whose times nobody knows, while the server holds what we know nothing of, is not believed either. So a scan that
failed does not take busy time away, not even when the database was lost or is an old copy.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from dovetail.connector.calendars.port import CalendarInfo
from dovetail.connector.sync.guards import SECOND_LOOK
from dovetail.connector.sync.planner import Picture, busy_map
from dovetail.connector.sync.state import Acknowledged, Link, LinkKey, Part, interval_of
from dovetail.protocol.messages import (
    MAX_CALENDARS,
    CalendarReport,
    Chunk,
    ItemReport,
    KnownDigests,
    Problem,
    Report,
    Window,
)
from dovetail.protocol.report import calendars_digest, items_digest
from dovetail.schedule.busymap import BusyMap, ChunkKey, chunk_digest

_CODE = re.compile(r"[a-z][a-z_]{1,39}")


@dataclass(frozen=True)
class Outgoing:
    """A report, and what the server holds once it has applied it. `vouched`: it confirms removals that the User did
    not confirm; a confirmation covers feedback too, so none may go along."""

    report: Report
    then: Acknowledged
    vouched: bool


def compose(picture: Picture, links: Mapping[LinkKey, Link], window: Window, refused: Collection[str] = ()) -> Outgoing:
    """`refused`: keys of calendars that are left as the server has them, for it would not take what they lack."""
    before = picture.memory.acknowledged
    busy = busy_map(picture, {calendar: view.items for calendar, view in picture.views.items()}, interval_of(window))
    in_doubt = any(view.vouched or not view.is_whole for view in picture.views.values())
    known = _known(picture) if picture.memory.refused or in_doubt else {}
    chunks = dict(_target(picture, busy, known, refused))
    calendars = calendar_reports(picture.memory.calendars, picture.identity.key)
    items = item_reports(picture, links)
    then = Acknowledged(calendars_digest(calendars), items_digest(items), chunks)
    changed = [key for key in sorted(chunks.keys() | before.chunks.keys()) if chunks.get(key) != before.chunks.get(key)]
    vouched = set(_vouched(picture, known))
    by_user = set(_confirmed_by_user(picture))
    over = {calendar for calendar, _ in before.chunks} - picture.blocking
    report = Report(
        base=before.root,
        root=then.root,
        window=window,
        busy_as_of=dict(_as_of(picture, refused)),
        calendars=calendars if then.calendars != before.calendars else None,
        items=items if then.items != before.items else None,
        chunks=tuple(_chunk(key, busy) for key in changed),
        confirmed_removals=tuple(sorted(vouched | by_user | over)),
    )
    return Outgoing(report, then, vouched=bool(vouched - by_user))


def acknowledged(digests: KnownDigests) -> Acknowledged:
    """What the server says it holds."""
    chunks = {}
    for name, digest in digests.chunks.items():
        calendar, _, index = name.partition("/")
        chunks[calendar, int(index)] = digest
    return Acknowledged(digests.calendars, digests.items, chunks)


def calendar_reports(calendars: Iterable[CalendarInfo], key: Callable[[str], str]) -> tuple[CalendarReport, ...]:
    return tuple(
        CalendarReport(
            key=key(info.id),
            name=_text(info.name, 200),
            access=info.access,
            reason=_text(info.reason, 300),
            default=info.default,
        )
        for info in islice(calendars, MAX_CALENDARS)
    )


def item_reports(picture: Picture, links: Mapping[LinkKey, Link]) -> tuple[ItemReport, ...]:
    return tuple(
        ItemReport(
            booking=place.wanted.booking,
            calendar=place.calendar_key,
            revision=link.revision,
            outcome=link.outcome,
            start=link.start,
            end=link.end,
            show_as=link.show_as,
            reason=_text(link.reason, 300),
        )
        for place in sorted(picture.places, key=lambda place: place.key)
        if (link := links.get(place.key)) is not None
    )


def problems(picture: Picture) -> tuple[Problem, ...]:
    """What is wrong with the calendars, as codes and counts."""
    counts: Counter[tuple[str, str]] = Counter()
    for calendar, view in picture.views.items():
        key = picture.identity.key(calendar)
        if view.failure:
            counts[key, "calendar_unreadable"] += 1
        elif view.as_of is None:
            counts[key, "scan_incomplete"] += 1
        for problem in view.problems:
            counts[key, problem.code if _CODE.fullmatch(problem.code) else "item_unreadable"] += 1
        if surplus := picture.surplus.get(calendar):
            counts[key, "duplicate_items"] += surplus
    return tuple(
        Problem(calendar=key, code=code, count=count)
        for (key, code), count in islice(sorted(counts.items()), MAX_CALENDARS)
    )


def incredible(picture: Picture, window: Window) -> set[str]:
    """Keys of calendars that show no busy time at all, or an item whose times nobody knows, while the server holds busy
    time of them that we know nothing of and do not see: it may be right."""
    seen = busy_map(picture, {c: view.items for c, view in picture.views.items()}, interval_of(window)).digests()
    busy = {calendar for calendar, _ in seen}
    views = {picture.identity.key(calendar): view for calendar, view in picture.views.items()}
    keys = {key for key, view in views.items() if view.is_whole and (view.blind or key not in busy)}
    held = {key: digest for key, digest in picture.memory.acknowledged.chunks.items() if key[0] in keys}
    if not held:
        return set()
    known = _known(picture)
    doubtful = {key[0] for key, digest in held.items() if digest not in (known.get(key), seen.get(key))}
    return doubtful - set(_confirmed_by_user(picture))


def _text(text: str, longest: int) -> str:
    """As the protocol takes it: not too long, without NUL."""
    return text.replace("\0", "")[:longest]


def _known(picture: Picture) -> dict[ChunkKey, str]:
    """The digests of what we remember to have told the server last."""
    if picture.memory.window is None:
        return {}
    items = {calendar: view.base.items for calendar, view in picture.views.items()}
    return busy_map(picture, items, interval_of(picture.memory.window)).digests()


def _target(
    picture: Picture, busy: BusyMap, known: Mapping[ChunkKey, str], refused: Collection[str]
) -> Iterator[tuple[ChunkKey, str]]:
    """What the server is to hold of busy time."""
    held = picture.memory.acknowledged.chunks
    digests = busy.digests()
    blocking = picture.blocking
    whole = {picture.identity.key(calendar) for calendar, view in picture.views.items() if view.is_whole}
    for key in digests.keys() | held.keys():
        calendar = key[0]
        if calendar not in blocking:
            continue
        ours = calendar in whole or key not in held or known.get(key) == held[key]
        if calendar in refused or calendar not in picture.calendars or not ours:
            digest = held.get(key)
        else:
            digest = digests.get(key)
        if digest is not None:
            yield key, digest


def _chunk(key: ChunkKey, busy: BusyMap) -> Chunk:
    blocks = busy.chunks.get(key, ())
    return Chunk(
        calendar=key[0],
        index=key[1],
        digest=chunk_digest(blocks),
        blocks=tuple((start, end, int(status)) for start, end, status in blocks),
    )


def _as_of(picture: Picture, refused: Collection[str]) -> Iterator[tuple[str, datetime]]:
    for calendar, view in picture.views.items():
        key = picture.identity.key(calendar)
        if view.as_of is not None and key in picture.blocking and key not in refused:
            yield key, view.as_of + picture.memory.skew


def _confirmed_by_user(picture: Picture) -> Iterator[str]:
    """Calendars of which the User said that what is missing there was deleted."""
    yield from (key for (key, _), refusal in picture.memory.refused.items() if refusal.confirmed)
    for calendar, view in picture.views.items():
        if any(hold.confirmed and not view.is_unsure(handle) for handle, hold in view.base.held.items()):
            yield picture.identity.key(calendar)


def _vouched(picture: Picture, known: Mapping[ChunkKey, str]) -> Iterator[str]:
    """Calendars that may lose much at once without the User: all that the server has of them came from us, and our own
    guard found it true, or the server would not believe it and a second whole scan agrees that it is to go."""
    held = picture.memory.acknowledged.chunks
    for calendar, view in picture.views.items():
        key = picture.identity.key(calendar)
        refusal = picture.memory.refused.get((key, Part.BUSY))
        waited = refusal is not None and picture.now - refusal.since >= SECOND_LOOK
        explained = all(known.get(chunk) == digest for chunk, digest in held.items() if chunk[0] == key)
        if view.is_whole and explained and (view.vouched or waited):
            yield key
