from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dovetail.connector.calendars.port import Draft, Gone, Item, ItemProblem, Present, Probe, Scan, Unknown
from dovetail.connector.sync.guards import View, judge, missing, too_many, unread
from dovetail.connector.sync.state import Base, Held
from dovetail.protocol.messages import ShowAs
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import from_minutes
from dovetail.schedule.intervals import Interval

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
WINDOW = Interval(0, 100_000)


def item(handle: str, start: int = 1000, version: str = "1") -> Item:
    return Item("main", handle, version, (BusyBlock(start, start + 60, BusyStatus.BUSY),))


def base(count: int, **holds: Held) -> Base:
    return Base(WINDOW, {f"i{n}": item(f"i{n}", 1000 + 100 * n) for n in range(count)}, holds)


def scan(of: Base, *gone: str, complete: bool = True, problems: tuple[ItemProblem, ...] = ()) -> Scan:
    named = {problem.handle for problem in problems}
    return Scan(complete, (), frozenset(of.items) - set(gone) - named, problems, NOW)  # type: ignore[arg-type]


def handles(count: int) -> list[str]:
    return [f"i{n}" for n in range(count)]


def look(before: Base, gone: int, probe: Probe | None = None, **more: bool) -> View:
    """What a scan is taken for that lacks the first `gone` items."""
    seen = scan(before, *handles(gone), **more)
    probes = {handle: probe or Gone() for handle in missing(before, seen, WINDOW)}
    return judge(before, seen, probes, WINDOW, NOW)


@pytest.mark.parametrize(
    ("known", "most"), [(1, 4), (5, 4), (20, 4), (25, 4), (26, 5), (30, 5), (31, 6), (100, 19), (1000, 199)]
)
def test_fewer_than_five_or_a_fifth_may_go_at_once(known: int, most: int) -> None:
    assert not too_many(most, known)
    assert too_many(most + 1, known)


def test_what_is_missing_and_gone_is_gone() -> None:
    view = look(base(10), 3)
    assert set(view.items) == set(handles(10)) - set(handles(3))
    assert view.as_of == NOW
    assert (view.held, view.doubtful) == ({}, frozenset())


def test_what_is_missing_and_unknown_stays_and_nothing_is_called_fresh() -> None:
    view = look(base(10), 3, Unknown("asleep"))
    assert set(view.items) == set(handles(10))
    assert view.doubtful == set(handles(3))
    assert view.as_of is None


def test_what_is_missing_and_present_is_taken_as_it_is_now() -> None:
    before = base(10)
    moved = replace(before.items["i0"], busy=())
    view = look(before, 1, Present(moved))
    assert view.items["i0"] is moved
    assert view.as_of == NOW


def test_an_incomplete_scan_loses_nothing_whatever_is_said_of_it() -> None:
    before = base(10)
    seen = scan(before, *handles(3), complete=False)
    assert missing(before, seen, WINDOW) == []
    view = judge(before, seen, {"i0": Gone()}, WINDOW, NOW)
    assert set(view.items) == set(handles(10))
    assert view.doubtful == set(handles(3))


def test_too_many_at_once_are_held_and_the_calendar_is_not_whole() -> None:
    view = look(base(10), 5)
    assert set(view.items) == set(handles(10))
    assert set(view.held) == set(handles(5))
    assert view.as_of == NOW
    assert not view.is_whole


def test_the_last_item_is_held_too() -> None:
    assert set(look(base(1), 1).held) == {"i0"}


def test_a_hold_ends_when_a_second_look_ten_minutes_later_agrees() -> None:
    held = base(10, **{h: Held(NOW - timedelta(minutes=10)) for h in handles(5)})
    view = look(held, 5)
    assert set(view.items) == set(handles(10)) - set(handles(5))
    assert view.released == set(handles(5))
    assert view.vouched


def test_a_hold_does_not_end_before() -> None:
    held = base(10, **{h: Held(NOW - timedelta(minutes=9, seconds=59)) for h in handles(5)})
    assert set(look(held, 5).held) == set(handles(5))


def test_a_hold_does_not_end_while_one_of_them_is_unknown() -> None:
    held = base(10, **{h: Held(NOW - timedelta(hours=9)) for h in handles(5)})
    seen = scan(held, *handles(5))
    probes: dict[str, Probe] = {h: Gone() for h in handles(4)}
    view = judge(held, seen, {**probes, "i4": Unknown("asleep")}, WINDOW, NOW)
    assert set(view.items) == set(handles(10))
    assert set(view.held) == set(handles(4))


def test_a_hold_does_not_end_because_some_came_back() -> None:
    held = base(10, **{h: Held(NOW - timedelta(minutes=5)) for h in handles(5)})
    assert set(look(held, 2).held) == {"i0", "i1"}


def test_what_the_user_confirmed_goes_at_once_and_nothing_else() -> None:
    held = base(10, **{h: Held(NOW, confirmed=True) for h in handles(4)})
    view = look(held, 6)
    assert set(view.items) == set(handles(10)) - set(handles(4))
    assert set(view.held) == {"i4", "i5"}
    assert view.released == set()


def test_a_confirmation_is_no_proof_that_it_is_gone() -> None:
    held = base(10, **{h: Held(NOW, confirmed=True) for h in handles(5)})
    view = look(held, 5, Unknown("asleep"))
    assert set(view.items) == set(handles(10))


def test_what_comes_back_is_held_no_more() -> None:
    held = base(10, **{h: Held(NOW) for h in handles(5)})
    view = look(held, 0)
    assert view.held == {}
    assert not view.vouched


def test_a_hold_begins_when_the_server_tells_the_time() -> None:
    view = look(base(10), 5)
    told = NOW + timedelta(hours=3)
    assert {hold.since for hold in view.remembered(told).held.values()} == {told}


def test_a_hold_keeps_its_beginning() -> None:
    began = NOW - timedelta(minutes=5)
    view = look(base(10, **{h: Held(began) for h in handles(5)}), 5)
    assert {hold.since for hold in view.remembered(NOW).held.values()} == {began}


def test_what_the_server_would_not_take_is_held_from_the_first_time_it_is_seen_gone() -> None:
    began = NOW - timedelta(minutes=15)
    before = base(30, **{h: Held(began) for h in handles(7)})
    refused = look(before, 15).refused(NOW)
    assert refused.items == before.items
    assert {handle: hold.since for handle, hold in refused.held.items()} == {
        **dict.fromkeys(handles(7), began),
        **dict.fromkeys(handles(15)[7:], NOW),
    }


def test_what_came_back_is_not_held_because_the_server_would_not_take_the_rest() -> None:
    held = base(30, **{h: Held(NOW) for h in handles(7)})
    assert look(held, 0).refused(NOW).held == {}


def test_a_held_item_that_leaves_with_the_window_vouches_for_nothing() -> None:
    held = base(10, i9=Held(NOW - timedelta(minutes=15)))
    view = judge(held, scan(held, "i9"), {}, Interval(0, 1500), NOW)
    assert not view.vouched


def test_an_item_outside_a_window_that_moved_is_not_missed() -> None:
    before = base(10)
    later = Interval(1400, 100_000)
    seen = Scan(True, (), frozenset(), (), NOW)
    assert missing(before, seen, later) == handles(10)[4:]
    view = judge(before, replace(seen, items=tuple(before.items[h] for h in handles(10)[4:])), {}, later, NOW)
    assert set(view.items) == set(handles(10)[4:])
    assert view.as_of == NOW


def test_versions_of_another_window_are_not_relied_on() -> None:
    before = base(3)
    assert before.known(Interval(0, 5)) == {}
    assert before.known(WINDOW) == {"i0": "1", "i1": "1", "i2": "1"}
    view = judge(before, scan(before, "i0", complete=False), {}, Interval(0, 50_000), NOW)
    assert view.items["i0"].version == ""
    assert view.remembered(NOW).known(Interval(0, 50_000)) == {}


def test_an_unreadable_item_counts_with_its_times_of_now_or_of_before() -> None:
    before = base(2)
    known = ItemProblem("i0", "a.ics", "broken", "It is broken.", (BusyBlock(7, 9, BusyStatus.BUSY),))
    unknown = ItemProblem("i1", "b.ics", "broken", "It is broken.")
    never = ItemProblem("new", "c.ics", "broken", "It is broken.")

    view = judge(before, scan(before, problems=(known, unknown)), {}, WINDOW, NOW)
    assert view.items["i0"].busy == known.busy
    assert view.items["i1"].busy == before.items["i1"].busy
    assert view.is_unsure("i0")
    assert view.as_of == NOW
    assert not view.blind
    assert judge(before, scan(before, problems=(never,)), {}, WINDOW, NOW).blind


def test_unreadable_items_without_a_handle_count_all() -> None:
    nameless = [
        ItemProblem(None, "a.ics", "broken", "It is broken.", (BusyBlock(n, n + 1, BusyStatus.BUSY),)) for n in (10, 20)
    ]
    view = judge(base(0), scan(base(0), problems=tuple(nameless)), {}, WINDOW, NOW)
    assert sorted(block.start for item in view.items.values() for block in item.busy) == [10, 20]


def test_the_item_of_a_booking_is_looked_at_even_where_no_scan_reaches() -> None:
    before = base(10)
    assert missing(before, scan(before), WINDOW, ["far"]) == ["far"]
    assert missing(before, scan(before, complete=False), WINDOW, ["far", "i0"]) == ["far"]


def test_a_calendar_that_cannot_be_read_is_as_it_was_and_nothing_is_sure() -> None:
    before = base(10, i0=Held(NOW))
    view = unread(before, "The drive is away.")
    assert view.items == before.items
    assert view.is_unsure("i5")
    assert view.is_unsure("never heard of")
    assert view.remembered(NOW) == before
    assert not view.is_whole


def test_a_booking_moved_out_of_sight_is_expected_where_its_own_times_say() -> None:
    free = Draft(from_minutes(1000), from_minutes(1060), "", "", "", ShowAs.FREE)
    shown_free = Item("main", "i0", "1", (), None, free)
    before = Base(Interval(0, 2000), {"i0": shown_free})
    seen = Scan(True, (), frozenset(), (), NOW)
    assert missing(before, seen, Interval(500, 2500)) == ["i0"]
    assert missing(before, seen, Interval(1500, 2500)) == []
