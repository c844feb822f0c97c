"""Every cell of the table in the planner's docstring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from dovetail.connector.calendars.port import Item
from dovetail.connector.sync.guards import View, unread
from dovetail.connector.sync.keys import Identity
from dovetail.connector.sync.planner import (
    Create,
    Notice,
    Picture,
    Update,
    busy_map,
    failed,
    notice,
    operations,
    vanished,
)
from dovetail.connector.sync.state import Base, Link, Memory, draft_of
from dovetail.protocol.messages import (
    BookingState,
    Change,
    DesiredBooking,
    FeedbackAnswer,
    FeedbackOutcome,
    ItemOutcome,
    Roles,
    Settings,
    ShowAs,
)
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
START = NOW + timedelta(days=2)
ELSEWHEN = START + timedelta(days=1)
WINDOW = Interval(to_minutes(NOW) - 1440, to_minutes(NOW) + 20 * 1440)
ME = Identity("ABCDEFGH23", 1)
BOOKING = UUID(int=7)
KEY = (BOOKING, "main")


def wanted(revision: int = 1, state: BookingState = BookingState.LIVE, start: datetime = START) -> DesiredBooking:
    return DesiredBooking(
        booking=BOOKING,
        revision=revision,
        state=state,
        start=start,
        end=start + HOUR,
        subject="Intro call",
        body="Ada Lovelace",
        location="",
        show_as=ShowAs.BUSY,
        calendars=(ME.key("main"),),
    )


def item(of: DesiredBooking, handle: str = "a", written_for: str = "a", by: Identity = ME, **edits: object) -> Item:
    draft = draft_of(of)
    current = replace(draft, **edits)  # type: ignore[arg-type]
    block = BusyBlock(to_minutes(current.start), to_minutes(current.end), BusyStatus.BUSY)
    stamp = by.stamp(BOOKING, of.revision, draft.digest(), written_for)
    return Item("main", handle, "1", (block,), stamp, current)


def link_to(item: Item, **changes: object) -> Link:
    assert item.stamp
    assert item.current
    current = item.current
    link = Link(item.handle, item.stamp.revision, ItemOutcome.WRITTEN, current.start, current.end, current.show_as)
    return replace(link, **changes)  # type: ignore[arg-type]


@dataclass
class Case:
    """What the server wants, what we remember, what is there."""

    wanted: DesiredBooking
    link: Link | None = None
    items: list[Item] = field(default_factory=list)
    doubtful: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    failure: str = ""
    switches: bool = True
    strays: Mapping[UUID, bool] = field(default_factory=lambda: {BOOKING: False})
    now: datetime = NOW

    @property
    def picture(self) -> Picture:
        seen = {item.handle: item for item in self.items}
        base = Base(WINDOW, seen)
        view = View(WINDOW, seen, base, doubtful=self.doubtful, released=self.released, as_of=NOW)
        settings = Settings(
            roles=Roles(main=ME.key("main")),
            window_days=20,
            delete_cancels=self.switches,
            move_reschedules=self.switches,
        )
        memory = Memory(links={KEY: self.link} if self.link else {}, desired={BOOKING: self.wanted}, settings=settings)
        views = {"main": unread(base, self.failure) if self.failure else view}
        return Picture(ME, memory, settings, views, self.now)

    @property
    def notice(self) -> Notice:
        return notice(self.picture, self.strays)

    @property
    def outcome(self) -> ItemOutcome | None:
        return self.notice.links[KEY].outcome if KEY in self.notice.links else None

    @property
    def change(self) -> Change | None:
        feedback = self.notice.feedback.get(KEY)
        return feedback.change if feedback else None

    @property
    def writes(self) -> list[str]:
        return [type(operation).__name__ for operation in operations(self.picture)]


LIVE, NEWER, CANCELED = wanted(), wanted(2, start=ELSEWHEN), wanted(2, BookingState.CANCELED)
WRITTEN = item(LIVE)
MOVED = item(LIVE, start=ELSEWHEN, end=ELSEWHEN + HOUR)
EDITED = item(LIVE, body="My own words")
COPY = item(LIVE, handle="b")
OLD = item(LIVE, by=Identity("ABCDEFGH23", 0))
FOREIGN = item(LIVE, by=Identity("OTHER", 1))
LINK = link_to(WRITTEN)
ELSEWHERE = replace(LINK, outcome=ItemOutcome.ELSEWHERE)
GONE = replace(LINK, outcome=ItemOutcome.GONE)

CELLS: dict[str, tuple[Case, list[str], ItemOutcome | None, Change | None]] = {
    # never written
    "new": (Case(LIVE), ["Create"], None, None),
    "canceled before it was written": (Case(wanted(1, BookingState.CANCELED)), [], None, None),
    "new, calendar unreadable": (Case(LIVE, failure="away"), [], ItemOutcome.UNKNOWN, None),
    "found though forgotten": (Case(LIVE, None, [WRITTEN]), [], ItemOutcome.WRITTEN, None),
    "found, forgotten and moved": (Case(LIVE, None, [MOVED]), [], ItemOutcome.WRITTEN, None),
    "found half stamped": (Case(LIVE, None, [item(LIVE, written_for="")]), ["Update"], ItemOutcome.WRITTEN, None),
    # as written
    "same, same": (Case(LIVE, LINK, [WRITTEN]), [], ItemOutcome.WRITTEN, None),
    "same, newer": (Case(NEWER, LINK, [WRITTEN]), ["Update"], ItemOutcome.WRITTEN, None),
    "same, canceled": (Case(CANCELED, LINK, [WRITTEN]), ["Update"], ItemOutcome.WRITTEN, None),
    "canceled already": (Case(CANCELED, link_to(item(CANCELED)), [item(CANCELED)]), [], ItemOutcome.WRITTEN, None),
    # changed
    "edited, same": (Case(LIVE, LINK, [EDITED]), [], ItemOutcome.WRITTEN, None),
    "edited, newer": (Case(NEWER, LINK, [EDITED]), ["Update"], ItemOutcome.WRITTEN, None),
    "moved, same": (Case(LIVE, LINK, [MOVED]), [], ItemOutcome.WRITTEN, Change.MOVED),
    "moved, same, off": (Case(LIVE, LINK, [MOVED], switches=False), [], ItemOutcome.WRITTEN, None),
    "moved before": (Case(LIVE, link_to(MOVED), [MOVED]), [], ItemOutcome.WRITTEN, None),
    "moved back": (Case(LIVE, link_to(MOVED), [WRITTEN]), [], ItemOutcome.WRITTEN, None),
    "moved, newer": (Case(NEWER, LINK, [MOVED]), ["Update"], ItemOutcome.WRITTEN, None),
    "moved, canceled": (Case(CANCELED, LINK, [MOVED]), ["Update"], ItemOutcome.WRITTEN, None),
    "moved when it has begun": (Case(LIVE, LINK, [MOVED], now=START), [], ItemOutcome.WRITTEN, None),
    # gone
    "gone, same": (Case(LIVE, LINK), [], ItemOutcome.GONE, Change.DELETED),
    "gone, same, off": (Case(LIVE, LINK, switches=False), [], ItemOutcome.GONE, None),
    "gone before": (Case(LIVE, GONE), [], ItemOutcome.GONE, None),
    "gone after a hold": (Case(LIVE, LINK, released=frozenset("a")), [], ItemOutcome.GONE, None),
    "gone, newer": (Case(NEWER, LINK), ["Create"], ItemOutcome.GONE, None),
    "gone before, newer": (Case(NEWER, GONE), ["Create"], ItemOutcome.GONE, None),
    "gone, canceled": (Case(CANCELED, LINK), [], ItemOutcome.GONE, None),
    "gone when it has begun": (Case(LIVE, LINK, now=START), [], ItemOutcome.GONE, None),
    # elsewhere
    "elsewhere, same": (Case(LIVE, LINK, strays={BOOKING: True}), [], ItemOutcome.ELSEWHERE, None),
    "elsewhere, not sought": (Case(LIVE, LINK, strays={}), [], ItemOutcome.WRITTEN, None),
    "elsewhere before, newer": (Case(NEWER, ELSEWHERE), ["Create"], ItemOutcome.ELSEWHERE, None),
    "elsewhere before, canceled": (Case(CANCELED, ELSEWHERE), [], ItemOutcome.ELSEWHERE, None),
    # unknown
    "unknown, same": (Case(LIVE, LINK, doubtful=frozenset("a")), [], ItemOutcome.WRITTEN, None),
    "unknown, newer": (Case(NEWER, LINK, [WRITTEN], doubtful=frozenset("a")), [], ItemOutcome.WRITTEN, None),
    "unknown, canceled": (Case(CANCELED, LINK, [WRITTEN], doubtful=frozenset("a")), [], ItemOutcome.WRITTEN, None),
    "unreadable, same": (Case(LIVE, LINK, [WRITTEN], failure="away"), [], ItemOutcome.WRITTEN, None),
    "unreadable, newer": (Case(NEWER, LINK, [WRITTEN], failure="away"), [], ItemOutcome.UNKNOWN, None),
    # copies and others' items
    "copy beside it": (Case(LIVE, LINK, [WRITTEN, COPY]), [], ItemOutcome.WRITTEN, None),
    "copy beside it, newer": (Case(NEWER, LINK, [WRITTEN, COPY]), ["Update"], ItemOutcome.WRITTEN, None),
    "only a copy": (Case(LIVE, LINK, [COPY], strays={BOOKING: True}), [], ItemOutcome.ELSEWHERE, None),
    "of an earlier pairing": (Case(LIVE, None, [OLD]), ["Create"], None, None),
    "of another connector": (Case(LIVE, None, [FOREIGN]), ["Create"], None, None),
}


@pytest.mark.parametrize(("case", "writes", "outcome", "change"), CELLS.values(), ids=CELLS.keys())
def test_cell(case: Case, writes: list[str], outcome: ItemOutcome | None, change: Change | None) -> None:
    assert case.writes == writes
    assert case.outcome == outcome
    assert case.change == change


def test_an_update_names_the_item_and_the_version_it_was_seen_at() -> None:
    (operation,) = operations(Case(NEWER, LINK, [MOVED]).picture)
    assert isinstance(operation, Update)
    assert (operation.handle, operation.version, operation.revision) == ("a", "1", 2)
    assert operation.draft.start == ELSEWHEN


def test_a_canceled_item_says_so_once_and_is_free() -> None:
    draft = draft_of(CANCELED)
    assert (draft.subject, draft.show_as) == ("CANCELED: Intro call", ShowAs.FREE)
    again = draft_of(CANCELED.model_copy(update={"subject": draft.subject}))
    assert again.subject == draft.subject


def test_a_plan_can_be_printed_and_holds_nothing_private() -> None:
    text = repr(operations(Case(NEWER, LINK, [MOVED]).picture))
    assert "revision=2" in text
    assert "Ada" not in text
    assert "Intro" not in text


def test_of_two_originals_the_one_we_know_is_taken_and_the_other_is_told() -> None:
    other = item(LIVE, handle="0", written_for="0")
    picture = Case(NEWER, LINK, [other, WRITTEN]).picture
    (operation,) = operations(picture)
    assert isinstance(operation, Update)
    assert operation.handle == "a"
    assert picture.surplus == {"main": 1}


def test_the_same_revision_that_means_something_else_is_written_again() -> None:
    """A server restored from a backup counts its revisions anew. What was written is told by the item itself."""
    assert Case(LIVE, LINK, [WRITTEN]).writes == []
    for link in (LINK, None):
        assert Case(wanted(start=ELSEWHEN), link, [WRITTEN]).writes == ["Update"]


def test_an_older_revision_is_written_too_for_the_server_owns_it() -> None:
    assert Case(LIVE, link_to(item(NEWER)), [item(NEWER)]).writes == ["Update"]


def test_a_change_the_server_does_not_decide_on_is_noticed_again() -> None:
    found = Case(LIVE, LINK).notice
    held = FeedbackAnswer(booking=BOOKING, outcome=FeedbackOutcome.HELD)
    conflict = FeedbackAnswer(booking=BOOKING, outcome=FeedbackOutcome.CONFLICT)
    assert found.settled([])[KEY] == LINK
    assert found.settled([held])[KEY] == LINK
    assert found.settled([conflict])[KEY].outcome is ItemOutcome.GONE


def test_a_write_that_failed_waits_longer_and_longer_unless_it_is_urgent_or_new() -> None:
    (operation,) = operations(Case(LIVE).picture)
    link = None
    waits = []
    for _ in range(12):
        link = failed(link, operation, "No.", transient=True, now=NOW)
        assert link.next_try
        waits.append((link.next_try - NOW) / timedelta(minutes=1))
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]
    assert link is not None
    assert Case(LIVE, link).writes == []
    assert [type(o) for o in operations(Case(LIVE, link).picture, urgent=True)] == [Create]
    assert Case(NEWER, link).writes == ["Create"]
    assert Case(LIVE, link, now=NOW + timedelta(hours=7)).writes == ["Create"]
    assert Case(LIVE, link, now=NOW - timedelta(days=90)).writes == ["Create"], "a clock that was set back"


def test_a_write_that_will_not_work_waits_long_at_once() -> None:
    (operation,) = operations(Case(LIVE).picture)
    link = failed(None, operation, "It is read-only.", transient=False, now=NOW)
    assert link.next_try == NOW + timedelta(hours=6)


def busy_starts(case: Case) -> list[int]:
    picture = case.picture
    items = {calendar: view.items for calendar, view in picture.views.items()}
    chunks = busy_map(picture, items, WINDOW).chunks
    return sorted(block.start for blocks in chunks.values() for block in blocks)


def test_only_the_item_of_a_live_booking_is_no_busy_time() -> None:
    at = [to_minutes(START)]
    assert busy_starts(Case(LIVE, LINK, [WRITTEN])) == []
    assert busy_starts(Case(CANCELED, LINK, [WRITTEN])) == [], "it is about to be shown as free"
    assert busy_starts(Case(CANCELED, link_to(item(CANCELED)), [item(CANCELED)])) == at, "the User wants it so"
    for other in (COPY, OLD, FOREIGN):
        assert busy_starts(Case(LIVE, None, [other])) == at


def test_what_vanished_is_to_be_sought() -> None:
    assert vanished(Case(LIVE, LINK).picture) == [KEY]
    assert vanished(Case(LIVE, LINK, [COPY]).picture) == [KEY]
    assert vanished(Case(LIVE, LINK, [WRITTEN]).picture) == []
    assert vanished(Case(LIVE, GONE).picture) == []
    assert vanished(Case(LIVE, LINK, doubtful=frozenset("a")).picture) == []
