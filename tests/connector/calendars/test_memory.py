from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.calendars.contract import (
    DRAFT,
    LATER,
    NINE,
    TEN,
    WINDOW,
    CalendarContract,
    at,
    stamp,
)
from dovetail.connector.calendars.memory import HUNG, Answer, Died, MemoryCalendar, Trouble
from dovetail.connector.calendars.port import (
    CalendarError,
    Gone,
    ItemChanged,
    Present,
    ScanRequest,
    Unknown,
)
from dovetail.protocol.messages import ShowAs
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import to_minutes

NINE_TO_TEN = BusyBlock(to_minutes(NINE), to_minutes(TEN), BusyStatus.BUSY)


class MemoryHand:
    main, other = "main", "team"

    def __init__(self, version_seconds: float) -> None:
        self.time = at("2027-03-01T12:00")
        self.port = self.calendar = MemoryCalendar(
            self.main, self.other, now=lambda: self.time, version_seconds=version_seconds
        )

    def adds(
        self,
        calendar: str,
        start: datetime,
        end: datetime,
        status: BusyStatus = BusyStatus.BUSY,
        *,
        subject: str = "Lunch",
        weeks: int = 1,
    ) -> str:
        days = [timedelta(weeks=week) for week in range(weeks)]
        blocks = [BusyBlock(_utc(start + day), _utc(end + day), status) for day in days]
        return self.calendar.user_adds(calendar, *blocks, subject=subject)

    def moves(self, calendar: str, handle: str, start: datetime, end: datetime) -> None:
        self.calendar.user_moves(calendar, handle, start.astimezone(UTC), end.astimezone(UTC))

    def frees(self, calendar: str, handle: str) -> None:
        self.calendar.user_edits(calendar, handle, show_as=ShowAs.FREE)

    def decorates(self, calendar: str, handle: str) -> None:
        self.calendar.user_edits(calendar, handle, category="Sales", reminder_minutes=10, notes="Bring coffee")

    def decorations(self, calendar: str, handle: str) -> Mapping[str, str]:
        item = self.calendar.item(calendar, handle)
        return {"category": item.category, "reminder": str(item.reminder_minutes), "notes": item.notes}

    def copies(self, calendar: str, handle: str, to: str | None = None) -> str:
        return self.calendar.user_copies(calendar, handle, to)

    def deletes(self, calendar: str, handle: str) -> None:
        self.calendar.user_deletes(calendar, handle)

    def breaks(self, calendar: str, handle: str) -> None:
        self.calendar.break_item(calendar, handle)

    def takes_store_away(self) -> None:
        for name in (self.main, self.other):
            self.calendar.hide(name)

    def puts_store_back(self) -> None:
        for name in (self.main, self.other):
            self.calendar.hide(name, hidden=False)

    def lets_time_pass(self) -> None:
        self.time += timedelta(seconds=self.calendar.version_seconds)

    def mail_properties(self, calendar: str, handle: str) -> list[str]:
        return []  # an Appointment has no field for a person

    def fingerprint(self, calendar: str, handle: str) -> object:
        return replace(self.calendar.item(calendar, handle))


def _utc(local: datetime) -> int:
    return to_minutes(local.astimezone(UTC))


@pytest.fixture(params=[0, 60], ids=["fine clock", "coarse clock"])
def hand(request: pytest.FixtureRequest) -> MemoryHand:
    return MemoryHand(request.param)


class TestContract(CalendarContract):
    pass


@pytest.fixture
def calendar() -> MemoryCalendar:
    return MemoryCalendar("main", "team")


def test_a_calendar_falls_silent_twice_claims_to_be_complete_and_comes_back(calendar: MemoryCalendar) -> None:
    handles = {calendar.user_adds("main", NINE_TO_TEN) for _ in range(248)}
    seen = []
    for sees in (0, 2, None):
        calendar.trouble("main", Trouble(sees=sees, probe=Answer.UNKNOWN))
        scan = calendar.scan(ScanRequest("main", WINDOW))
        seen.append((scan.complete, len(scan.items)))

    assert seen == [(True, 0), (True, 2), (True, 248)]
    assert {item.handle for item in scan.items} == handles
    assert isinstance(calendar.probe("main", min(handles), WINDOW), Unknown)
    calendar.trouble("main", Trouble(probe=Answer.NOTHING))
    assert isinstance(calendar.probe("main", min(handles), WINDOW), Gone)
    calendar.trouble("main")
    assert isinstance(calendar.probe("main", min(handles), WINDOW), Present)


def test_a_calendar_can_hang_until_it_is_fine_again(calendar: MemoryCalendar) -> None:
    calendar.trouble("main", HUNG)
    with pytest.raises(CalendarError):
        calendar.scan(ScanRequest("main", WINDOW))
    assert calendar.scan(ScanRequest("team", WINDOW)).complete

    calendar.trouble("main")
    assert calendar.scan(ScanRequest("main", WINDOW)).complete


def test_a_scan_can_be_partial_and_say_so(calendar: MemoryCalendar) -> None:
    calendar.user_adds("main", NINE_TO_TEN)
    shown = calendar.user_adds("main", NINE_TO_TEN)
    calendar.trouble("main", Trouble(sees=frozenset({shown}), complete=False))

    scan = calendar.scan(ScanRequest("main", WINDOW))

    assert not scan.complete
    assert [item.handle for item in scan.items] == [shown]


def test_a_broken_item_tells_its_times_when_they_are_known(calendar: MemoryCalendar) -> None:
    handle = calendar.user_adds("main", NINE_TO_TEN)
    calendar.break_item("main", handle)
    assert calendar.scan(ScanRequest("main", WINDOW)).problems[0].busy == (NINE_TO_TEN,)

    calendar.break_item("main", handle, times_known=False)
    assert calendar.scan(ScanRequest("main", WINDOW)).problems[0].busy is None


def test_an_item_that_hides_is_unknown_and_comes_back(calendar: MemoryCalendar) -> None:
    handle = calendar.user_adds("main", NINE_TO_TEN)
    calendar.hide("main", handle)
    assert calendar.scan(ScanRequest("main", WINDOW)).items == ()
    assert isinstance(calendar.probe("main", handle, WINDOW), Unknown)

    calendar.hide("main", handle, hidden=False)
    assert isinstance(calendar.probe("main", handle, WINDOW), Present)


def test_a_calendar_that_hides_is_not_listed(calendar: MemoryCalendar) -> None:
    calendar.hide("team")

    assert [info.id for info in calendar.list_calendars()] == ["main"]


@pytest.mark.parametrize(
    ("step", "items", "handle_named"),
    [("create.before", 0, None), ("create.saved", 1, False), ("create.after", 1, True)],
)
def test_the_process_can_die_at_each_step_of_a_create(
    calendar: MemoryCalendar, step: str, items: int, handle_named: bool | None
) -> None:
    calendar.die_at(step)
    mark = stamp()
    with pytest.raises(Died):
        calendar.create("main", DRAFT, mark)

    found = calendar.find_by_booking("main", mark.booking, WINDOW)
    assert len(found) == items
    assert all(item.is_original() for item in found)
    assert [bool(item.stamp and item.stamp.handle) for item in found] == [handle_named] * items
    calendar.create("main", DRAFT, mark)  # it dies once


def test_the_user_can_act_between_the_look_and_the_write(calendar: MemoryCalendar) -> None:
    created = calendar.create("main", DRAFT, stamp())

    def user_acts(step: str) -> None:
        if step == "update.before":
            calendar.user_moves("main", created.handle, LATER, LATER + (TEN - NINE))

    calendar.crash_points = user_acts
    assert created.stamp is not None
    with pytest.raises(ItemChanged):
        calendar.update("main", created.handle, created.version, DRAFT, created.stamp)
    assert calendar.item("main", created.handle).fields.start == LATER


def test_an_item_moved_to_another_calendar_has_another_handle_and_keeps_its_stamp(calendar: MemoryCalendar) -> None:
    created = calendar.create("main", DRAFT, stamp())
    moved = calendar.user_moves_to("main", created.handle, "team")

    assert isinstance(calendar.probe("main", created.handle, WINDOW), Gone)
    probe = calendar.probe("team", moved, WINDOW)
    assert isinstance(probe, Present)
    assert probe.item.stamp == created.stamp
    assert not probe.item.is_original()


def test_every_write_is_kept_and_one_to_a_foreign_item_is_an_offence(calendar: MemoryCalendar) -> None:
    created = calendar.create("main", DRAFT, stamp())
    own = calendar.user_adds("main", NINE_TO_TEN)
    assert created.stamp is not None
    calendar.update("main", created.handle, created.version, DRAFT, created.stamp)
    (seen,) = [item for item in calendar.scan(ScanRequest("main", WINDOW)).items if item.handle == own]
    with pytest.raises(ItemChanged):
        calendar.update("main", own, seen.version, DRAFT, stamp())

    assert [(write.step, write.handle) for write in calendar.writes] == [
        ("create", created.handle),
        ("update", created.handle),
    ]
    assert [write.handle for write in calendar.offences] == [own]


def test_several_edits_within_one_tick_show_one_version() -> None:
    calendar = MemoryCalendar("main", now=lambda: at("2027-03-01T12:00"), version_seconds=60)
    handle = calendar.user_adds("main", NINE_TO_TEN)
    (first,) = calendar.scan(ScanRequest("main", WINDOW)).items
    calendar.user_moves("main", handle, LATER, LATER + (TEN - NINE))
    (second,) = calendar.scan(ScanRequest("main", WINDOW, {handle: first.version})).items

    assert first.version == second.version
    assert first.busy != second.busy
