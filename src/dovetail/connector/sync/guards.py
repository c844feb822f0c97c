"""What to believe when a calendar shows less than it did. Pure.

*Not seen* is never *deleted*. An item that is missing from a scan is gone only if

1. the scan was complete,
2. a look at that very item answered Gone, and
3. fewer than max(5, 20 %) of the calendar's items are missing, and something is still there.

What fails 1 or 2 is in doubt and stays as it was last seen. What fails 3 alone is held: it stays too, until the User
confirms it, or until a second complete scan at least ten minutes later agrees and every one of the missing items has
its own Gone; that fewer are missing then does not end it. Outlook has answered "0 items", then "2", then 248, within
three hours, without an error.

An item whose known times lie outside a window that has moved is neither: it leaves with the window.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from dovetail.connector.calendars.port import Gone, Item, ItemProblem, Present, Probe, Scan
from dovetail.connector.sync.state import Base, Held
from dovetail.schedule.instants import to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval

FEW = 5
SHARE = 0.2
SECOND_LOOK = timedelta(minutes=10)


@dataclass(frozen=True)
class View:
    """What is believed of one calendar: its items by handle, those included that are in doubt or held.

    `doubtful` items were not seen and not found gone, or could not be read. `released` ones are gone though nobody
    confirmed it: they free their time and nothing else follows. `as_of` is None unless everything is accounted for.
    `blind`: some item's times have never been known. `failure` says why the calendar could not be read at all. `base`
    is what it was compared with.
    """

    window: Interval
    items: Mapping[str, Item]
    base: Base
    held: Mapping[str, Held] = field(default_factory=dict)
    doubtful: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    problems: tuple[ItemProblem, ...] = ()
    as_of: datetime | None = None
    blind: bool = False
    failure: str = ""

    def is_unsure(self, handle: str) -> bool:
        """Nothing may be concluded or done about this item now."""
        return bool(self.failure) or handle in self.doubtful or handle in self.held

    @property
    def is_whole(self) -> bool:
        """Everything there is was seen, and what is not was not there: absence means something."""
        return self.as_of is not None and not self.held

    @property
    def vouched(self) -> bool:
        """Removals were held and have been found true: more at once than the server takes on its own."""
        return bool(self.released)

    def remembered(self, now: datetime) -> Base:
        """What the next scan is compared with. A hold begins `now`, when the server has just told the time."""
        return Base(self.window, self.items, self._begun(now))

    def refused(self, now: datetime) -> Base:
        """The same where the server would not take what is gone: as before. What is held besides is remembered too: the
        User is told of it together with the rest, and confirms all of it at once."""
        gone = {handle: hold for handle, hold in self.base.held.items() if handle not in self.items}
        return replace(self.base, held=gone | self._begun(now))

    def _begun(self, now: datetime) -> dict[str, Held]:
        return {handle: self.base.held.get(handle, replace(hold, since=now)) for handle, hold in self.held.items()}

    def doubting(self, handle: str) -> View:
        """The view if that item is in doubt after all: as it was before the scan."""
        items, held = dict(self.items), dict(self.held)
        if handle in self.base.items:
            items[handle] = self.base.items[handle]
        if handle in self.base.held:
            held[handle] = self.base.held[handle]
        return replace(self, items=items, held=held, doubtful=self.doubtful | {handle}, as_of=None)

    def put(self, item: Item) -> View:
        """The view after a write of ours."""
        return replace(self, items={**self.items, item.handle: item})


def too_many(missing: int, known: int) -> bool:
    """Whether that many at once are held: max(5, 20 %) or more."""
    return missing >= max(FEW, SHARE * known)


def missing(base: Base, scan: Scan, window: Interval, linked: Iterable[str] = ()) -> list[str]:
    """Handles to be looked at one by one: those the scan should have shown and did not, and of bookings' items
    (`linked`) all that it did not show, wherever they lie."""
    seen = _seen(scan)
    absent = {handle for handle in linked if handle not in seen}
    if scan.complete:
        absent |= _expected(base, window) - seen
    return sorted(absent)


def judge(base: Base, scan: Scan, probes: Mapping[str, Probe], window: Interval, now: datetime) -> View:
    """The view of a calendar after a scan, and after a probe of each item that :func:`missing` named."""
    kept = base.items if base.window == window else {h: replace(item, version="") for h, item in base.items.items()}
    items, unread = _shown(kept, scan)
    items.update((handle, probe.item) for handle, probe in probes.items() if isinstance(probe, Present))
    expected = _expected(base, window)
    lost = (expected | probes.keys()) - items.keys()
    gone = {handle for handle in lost if isinstance(probes.get(handle), Gone)}

    held: dict[str, Held] = {}
    accepted: set[str] = set()
    if not scan.complete:
        held = {handle: base.held[handle] for handle in lost if handle in base.held}
    elif too_many(len(lost), len(expected)) or (lost and not _seen(scan)) or lost & base.held.keys():
        held = {handle: _since(base.held.get(handle), now) for handle in gone}
        accepted = {handle for handle, hold in held.items() if hold.confirmed}
        if gone == lost:
            accepted |= {handle for handle, hold in held.items() if now - hold.since >= SECOND_LOOK}
        held = {handle: hold for handle, hold in held.items() if handle not in accepted}
    else:
        accepted = gone

    doubtful = lost - accepted - held.keys()
    items.update((handle, kept[handle]) for handle in lost - accepted if handle in kept)
    return View(
        window=window,
        items=items,
        base=base,
        held=held,
        doubtful=frozenset(doubtful | unread),
        released=frozenset(h for h in accepted if h in base.held and not base.held[h].confirmed),
        problems=scan.problems,
        as_of=scan.as_of if scan.complete and not doubtful else None,
        blind=any(p.busy is None and (p.handle is None or p.handle not in kept) for p in scan.problems),
    )


def unread(base: Base, reason: str) -> View:
    """The view of a calendar that could not be read: as it was last seen, and nothing is sure."""
    return View(
        window=base.window,
        items=base.items,
        base=base,
        held=base.held,
        doubtful=frozenset(base.items),
        failure=reason,
    )


def _shown(kept: Mapping[str, Item], scan: Scan) -> tuple[dict[str, Item], set[str]]:
    """The items a scan shows, and the handles of those it could not read. These count with the times that are known,
    now or from before; one without a handle gets one that no calendar uses."""
    items = {handle: kept[handle] for handle in scan.unchanged if handle in kept}
    items.update((item.handle, item) for item in scan.items)
    unread: set[str] = set()
    for problem in scan.problems:
        handle = problem.handle or f"?{problem.where}"
        before = kept.get(handle, Item("", handle, "", ()))
        busy = before.busy if problem.busy is None else problem.busy
        if handle in unread:
            busy += items[handle].busy
        items[handle] = replace(before, version="", busy=busy)
        unread.add(handle)
    return items, unread


def _seen(scan: Scan) -> set[str]:
    named = {problem.handle for problem in scan.problems if problem.handle}
    return {item.handle for item in scan.items} | scan.unchanged | named


def _expected(base: Base, window: Interval) -> set[str]:
    """The items that a complete scan of this window would show if nothing had changed."""
    if base.window == window:
        return set(base.items)
    return {handle for handle, item in base.items.items() if _touches(item, window)}


def _touches(item: Item, window: Interval) -> bool:
    spans = [(block.start, block.end) for block in item.busy]
    if item.current is not None:
        spans.append((to_minutes(item.current.start), to_minutes_ceil(item.current.end)))
    return any(start < window.end and end > window.start for start, end in spans)


def _since(before: Held | None, now: datetime) -> Held:
    """A hold keeps its beginning, unless the clock was set back since."""
    return before if before is not None and before.since <= now else Held(now, bool(before and before.confirmed))
