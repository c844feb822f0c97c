"""What every calendar adapter must do, whatever keeps the calendar.

An adapter's test module derives from :class:`CalendarContract` and gives a `hand` fixture: a :class:`Hand` on a store
with no appointments in it. The suite acts through it as the User does in a calendar program, and looks through the port
as the sync engine does.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest

from dovetail.connector.calendars.port import (
    CalendarError,
    CalendarPort,
    Draft,
    Gone,
    Item,
    ItemChanged,
    ItemGone,
    Present,
    Scan,
    ScanRequest,
    Stamp,
    Unknown,
)
from dovetail.protocol.messages import Access, ShowAs
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


WINDOW_START, WINDOW_END = at("2027-03-01T00:00"), at("2027-05-01T00:00")
WINDOW = Interval(to_minutes(WINDOW_START), to_minutes(WINDOW_END))
NINE, TEN = at("2027-03-10T09:00"), at("2027-03-10T10:00")
LATER = at("2027-03-11T14:00")
HOUR = timedelta(hours=1)
SECRET = "Oncologist, second opinion"

DRAFT = Draft(
    start=NINE,
    end=TEN,
    subject="Intro call with Ada Lovelace",
    body="Ada Lovelace\nada@example.org\n\nCancel: https://example.org/c/1",
    location="https://video.example.org/room",
    show_as=ShowAs.BUSY,
)
HOSTILE_TEXTS = (
    "commas, semicolons; back\\slashes \\n and: colons",
    "lines\nEND:VEVENT\nBEGIN:VEVENT\nATTENDEE:mailto:eve@example.org",
    "carriage\r\nreturns\rand\ttabs",
    "Zoë 👩‍👩‍👧‍👦 مرحبا 日本語 " * 40,
    '"quoted" <b>html</b> %s {0} \x00\x07control',
    "unusual\u2028line\u0085ends\x0bhere\x0c.",
    "",
)


def stamp(booking: uuid.UUID | None = None, revision: int = 1, draft: Draft = DRAFT) -> Stamp:
    return Stamp(booking or uuid.uuid4(), "CONNECTOR1", epoch=3, revision=revision, digest=draft.digest())


class Hand(Protocol):
    """The User's hand on the store behind an adapter, and a test's look behind it."""

    port: CalendarPort
    main: str
    other: str | None  # a second bookable calendar; None when the store holds one only

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
        """An appointment, repeated weekly on the wall clock of `start`'s zone when `weeks` > 1. Gives its handle."""

    def moves(self, calendar: str, handle: str, start: datetime, end: datetime) -> None: ...

    def frees(self, calendar: str, handle: str) -> None:
        """Shows the appointment as free."""

    def decorates(self, calendar: str, handle: str) -> None:
        """Adds a category, a reminder and notes of the User's own around the body."""

    def decorations(self, calendar: str, handle: str) -> Mapping[str, str]:
        """What `decorates` added, as it stands."""

    def copies(self, calendar: str, handle: str, to: str | None = None) -> str: ...

    def deletes(self, calendar: str, handle: str) -> None: ...

    def breaks(self, calendar: str, handle: str) -> None:
        """The item cannot be read any more."""

    def takes_store_away(self) -> None:
        """Unplugs the drive, closes the program: nothing can be read."""

    def puts_store_back(self) -> None: ...

    def lets_time_pass(self) -> None:
        """Until the version clock has surely ticked."""

    def mail_properties(self, calendar: str, handle: str) -> list[str]:
        """Names of stored properties by which a calendar program would mail somebody."""

    def fingerprint(self, calendar: str, handle: str) -> object:
        """All that is stored of one item, comparable."""


class CalendarContract:
    """The tests."""

    # --- looking ----------------------------------------------------------------------------------------------------

    def test_lists_its_calendars_by_name_and_says_that_they_can_be_booked(self, hand: Hand) -> None:
        listed = {info.id: info for info in hand.port.list_calendars()}

        assert set(listed) == {hand.main, *([hand.other] if hand.other else [])}
        assert all(info.access is Access.BOOKABLE and info.name for info in listed.values())
        assert sum(info.default for info in listed.values()) <= 1

    def test_an_empty_calendar_is_completely_seen(self, hand: Hand) -> None:
        scan = _scan(hand)

        assert scan.complete
        assert (scan.items, scan.unchanged, scan.problems) == ((), frozenset(), ())
        assert scan.as_of.utcoffset() == timedelta(0)

    @pytest.mark.parametrize("status", [BusyStatus(number) for number in (1, 2, 3, 4)])
    def test_an_appointment_blocks_its_time_with_outlooks_number(self, hand: Hand, status: BusyStatus) -> None:
        hand.adds(hand.main, NINE, TEN, status)

        assert _blocks(_scan(hand)) == [(to_minutes(NINE), to_minutes(TEN), int(status))]

    def test_an_appointment_shown_as_free_blocks_nothing(self, hand: Hand) -> None:
        hand.adds(hand.main, NINE, TEN, BusyStatus.FREE)

        assert _blocks(_scan(hand)) == []

    def test_only_what_lies_in_the_window_is_busy(self, hand: Hand) -> None:
        hand.adds(hand.main, WINDOW_START - HOUR, WINDOW_START)
        hand.adds(hand.main, WINDOW_END, WINDOW_END + HOUR)
        assert _blocks(_scan(hand)) == []

        hand.adds(hand.main, WINDOW_START - HOUR, WINDOW_START + timedelta(minutes=1))
        hand.adds(hand.main, WINDOW_END - timedelta(minutes=1), WINDOW_END + HOUR)
        assert _blocks(_scan(hand)) == [
            (WINDOW.start, WINDOW.start + 1, 2),
            (WINDOW.end - 1, WINDOW.end, 2),
        ]

    def test_a_weekly_appointment_keeps_its_wall_clock_across_summer_time(self, hand: Hand) -> None:
        berlin = ZoneInfo("Europe/Berlin")  # +1 until 28 March 2027, then +2
        start = datetime(2027, 3, 22, 9, 30, tzinfo=berlin)
        hand.adds(hand.main, start, start + HOUR, weeks=2)

        first, second = to_minutes(at("2027-03-22T08:30")), to_minutes(at("2027-03-29T07:30"))
        assert _blocks(_scan(hand)) == [(first, first + 60, 2), (second, second + 60, 2)]

    @pytest.mark.parametrize(
        ("zone", "expected"),
        [
            ("America/New_York", "2027-03-10T14:00"),
            ("Asia/Kathmandu", "2027-03-10T03:15"),
            ("Australia/Lord_Howe", "2027-03-09T22:00"),
            ("UTC", "2027-03-10T09:00"),
        ],
    )
    def test_an_appointment_in_any_zone_comes_out_in_utc(self, hand: Hand, zone: str, expected: str) -> None:
        start = datetime(2027, 3, 10, 9, tzinfo=ZoneInfo(zone))
        hand.adds(hand.main, start, start + HOUR)

        assert _blocks(_scan(hand)) == [(to_minutes(at(expected)), to_minutes(at(expected)) + 60, 2)]

    def test_what_has_not_changed_is_only_named(self, hand: Hand) -> None:
        handle = hand.adds(hand.main, NINE, TEN)
        booked = hand.port.create(hand.main, DRAFT, stamp())
        hand.lets_time_pass()

        again = _scan(hand, _known(_scan(hand)))

        assert again.complete
        assert again.unchanged == {handle, booked.handle}
        assert again.items == ()

    def test_a_moved_appointment_is_seen_again_though_it_was_known(self, hand: Hand) -> None:
        handle = hand.adds(hand.main, NINE, TEN)
        hand.lets_time_pass()
        known = _known(_scan(hand))

        hand.moves(hand.main, handle, LATER, LATER + HOUR)
        again = _scan(hand, known)

        assert again.unchanged == frozenset()
        assert _blocks(again) == [(to_minutes(LATER), to_minutes(LATER) + 60, 2)]

    def test_a_change_within_the_tick_of_the_last_scan_is_not_missed(self, hand: Hand) -> None:
        handle = hand.adds(hand.main, NINE, TEN)
        known = _known(_scan(hand))

        hand.moves(hand.main, handle, LATER, LATER + HOUR)
        hand.lets_time_pass()

        assert _blocks(_scan(hand, known)) == [(to_minutes(LATER), to_minutes(LATER) + 60, 2)]

    def test_a_deleted_appointment_is_in_no_part_of_a_scan(self, hand: Hand) -> None:
        handle = hand.adds(hand.main, NINE, TEN)
        hand.adds(hand.main, LATER, LATER + HOUR)
        hand.lets_time_pass()
        known = _known(_scan(hand))

        hand.deletes(hand.main, handle)
        scan = _scan(hand, known)

        assert scan.complete
        assert handle in known
        assert handle not in _handles(scan)
        assert len(_handles(scan)) == 1

    def test_the_calendar_tells_how_far_it_is(self, hand: Hand) -> None:
        for number in range(3):
            hand.adds(hand.main, NINE + number * HOUR, TEN + number * HOUR)
        steps: list[tuple[int, int | None]] = []

        hand.port.scan(ScanRequest(hand.main, WINDOW), lambda done, total: steps.append((done, total)))

        assert steps
        assert all(total is None or done <= total for done, total in steps)
        assert [done for done, _ in steps] == sorted(done for done, _ in steps)

    # --- privacy ----------------------------------------------------------------------------------------------------

    def test_nothing_but_times_comes_out_of_the_users_own_appointments(self, hand: Hand) -> None:
        handle = hand.adds(hand.main, NINE, TEN, subject=SECRET)
        hand.decorates(hand.main, handle)

        (item,) = _scan(hand).items
        probe = hand.port.probe(hand.main, handle, WINDOW)

        assert (item.stamp, item.current) == (None, None)
        assert SECRET not in repr(item) + repr(probe)

    def test_a_broken_appointment_is_reported_without_what_it_says(self, hand: Hand) -> None:
        handle = hand.adds(hand.main, NINE, TEN, subject=SECRET)
        hand.breaks(hand.main, handle)

        (problem,) = _scan(hand).problems

        assert SECRET not in repr(problem)
        assert problem.code.isidentifier()
        assert problem.code.islower()
        assert handle not in problem.code

    # --- present, gone, unknown -------------------------------------------------------------------------------------

    def test_a_single_look_finds_the_appointment_with_its_times(self, hand: Hand) -> None:
        handle = hand.adds(hand.main, NINE, TEN)

        probe = hand.port.probe(hand.main, handle, WINDOW)

        assert isinstance(probe, Present)
        assert probe.item.busy == (BusyBlock(to_minutes(NINE), to_minutes(TEN), BusyStatus.BUSY),)

    def test_a_deleted_appointment_is_gone(self, hand: Hand) -> None:
        handle = hand.adds(hand.main, NINE, TEN)
        _scan(hand)
        hand.deletes(hand.main, handle)

        assert isinstance(hand.port.probe(hand.main, handle, WINDOW), Gone)

    def test_nothing_is_gone_or_absent_while_the_store_is_away(self, hand: Hand) -> None:
        handle = hand.adds(hand.main, NINE, TEN)
        hand.takes_store_away()

        with suppress(CalendarError):
            assert isinstance(hand.port.probe(hand.main, handle, WINDOW), Unknown)
        with suppress(CalendarError):
            assert not _scan(hand).complete
        with pytest.raises(CalendarError):
            hand.port.find_by_booking(hand.main, uuid.uuid4(), WINDOW)

    def test_a_store_that_is_away_takes_no_booking_and_says_why(self, hand: Hand) -> None:
        hand.takes_store_away()

        with pytest.raises(CalendarError) as raised:
            hand.port.create(hand.main, DRAFT, stamp())
        assert raised.value.reason
        assert not isinstance(raised.value, ItemGone)

    def test_a_booking_in_a_store_that_is_away_is_not_gone_for_an_update(self, hand: Hand) -> None:
        booked = hand.port.create(hand.main, DRAFT, stamp())
        hand.takes_store_away()

        with pytest.raises(CalendarError) as raised:
            hand.port.update(hand.main, booked.handle, booked.version, DRAFT, _next(booked))
        assert not isinstance(raised.value, ItemGone)

    def test_all_is_there_again_when_the_store_is_back(self, hand: Hand) -> None:
        hand.adds(hand.main, NINE, TEN)
        before = _blocks(_scan(hand))
        hand.takes_store_away()
        hand.puts_store_back()

        scan = _scan(hand)

        assert scan.complete
        assert _blocks(scan) == before

    def test_one_broken_appointment_leaves_the_rest_in_sight(self, hand: Hand) -> None:
        broken = hand.adds(hand.main, NINE, TEN)
        hand.adds(hand.main, LATER, LATER + HOUR)
        hand.breaks(hand.main, broken)

        scan = _scan(hand)

        assert (to_minutes(LATER), to_minutes(LATER) + 60, 2) in _blocks(scan)
        assert [problem.handle for problem in scan.problems] == [broken] or not scan.complete
        assert not isinstance(hand.port.probe(hand.main, broken, WINDOW), Gone)

    def test_a_booking_cannot_be_missed_behind_a_broken_item(self, hand: Hand) -> None:
        booking = uuid.uuid4()
        booked = hand.port.create(hand.main, DRAFT, stamp(booking))
        hand.breaks(hand.main, booked.handle)

        with pytest.raises(CalendarError):
            hand.port.find_by_booking(hand.main, booking, WINDOW)

    def test_a_broken_appointment_of_the_users_own_hides_no_booking(self, hand: Hand) -> None:
        hand.breaks(hand.main, hand.adds(hand.main, NINE, TEN))
        booking = uuid.uuid4()

        assert hand.port.find_by_booking(hand.main, booking, WINDOW) == []
        created = hand.port.create(hand.main, DRAFT, stamp(booking))
        assert [item.handle for item in hand.port.find_by_booking(hand.main, booking, WINDOW)] == [created.handle]

    # --- bookings ---------------------------------------------------------------------------------------------------

    def test_a_booking_is_written_as_it_is_to_be(self, hand: Hand) -> None:
        mark = stamp()

        created = hand.port.create(hand.main, DRAFT, mark)
        (seen,) = _scan(hand).items

        assert seen.handle == created.handle
        assert seen.current == created.current == DRAFT
        assert seen.stamp == created.stamp == replace(mark, handle=created.handle)
        assert seen.is_original()
        assert seen.busy == (BusyBlock(to_minutes(NINE), to_minutes(TEN), BusyStatus.BUSY),)

    @pytest.mark.parametrize("show_as", list(ShowAs))
    def test_a_booking_shows_as_it_was_told(self, hand: Hand, show_as: ShowAs) -> None:
        hand.port.create(hand.main, replace(DRAFT, show_as=show_as), stamp())

        (seen,) = _scan(hand).items

        assert seen.current is not None
        assert seen.current.show_as is show_as
        assert [int(block.status) for block in seen.busy] == [int(show_as)] * (show_as is not ShowAs.FREE)

    @pytest.mark.parametrize("text", HOSTILE_TEXTS)
    def test_no_text_of_a_customer_can_break_out_of_its_field(self, hand: Hand, text: str) -> None:
        created = hand.port.create(hand.main, replace(DRAFT, subject=text, body=text, location=text), stamp())
        hand.adds(hand.main, LATER, LATER + HOUR)

        scan = _scan(hand)
        seen = next(item for item in scan.items if item.handle == created.handle)

        assert len(scan.items) == 2
        assert scan.problems == ()
        assert seen.stamp is not None
        assert seen.current is not None
        assert seen.current.digest() == seen.stamp.digest, "it must not look as if the User had edited it"
        assert (seen.current.start, seen.current.end) == (NINE, TEN)
        assert hand.mail_properties(hand.main, created.handle) == []

    @pytest.mark.parametrize("hour", ["2027-03-28T00:30", "2027-03-28T01:00", "2027-10-31T00:30", "2027-10-31T01:00"])
    def test_a_booking_keeps_its_instant_around_the_change_of_clocks(self, hand: Hand, hour: str) -> None:
        draft = replace(DRAFT, start=at(hour), end=at(hour) + HOUR)
        created = hand.port.create(hand.main, draft, stamp())
        updated = hand.port.update(hand.main, created.handle, created.version, draft, _next(created))

        assert created.current is not None
        assert updated.current is not None
        assert created.current.start == updated.current.start == at(hour)
        assert updated.current.start.utcoffset() == timedelta(0)

    def test_nobody_is_invited_or_mailed_by_what_is_written(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        assert hand.mail_properties(hand.main, created.handle) == []

        hand.port.update(hand.main, created.handle, created.version, DRAFT, _next(created))
        assert hand.mail_properties(hand.main, created.handle) == []

    def test_a_booking_is_found_by_its_id_wherever_its_time_lies(self, hand: Hand) -> None:
        booking = uuid.uuid4()
        far = replace(DRAFT, start=WINDOW_END + 100 * HOUR, end=WINDOW_END + 101 * HOUR)
        created = hand.port.create(hand.main, far, stamp(booking))
        hand.port.create(hand.main, DRAFT, stamp())
        hand.adds(hand.main, LATER, LATER + HOUR)

        (found,) = hand.port.find_by_booking(hand.main, booking, WINDOW)

        assert found.handle == created.handle
        assert found.current == far
        assert found.busy == ()

    def test_a_booking_never_written_is_not_found(self, hand: Hand) -> None:
        hand.port.create(hand.main, DRAFT, stamp())

        assert hand.port.find_by_booking(hand.main, uuid.uuid4(), WINDOW) == []

    def test_a_booking_is_searched_in_one_calendar(self, hand: Hand) -> None:
        other = _other(hand)
        booking = uuid.uuid4()
        hand.port.create(other, DRAFT, stamp(booking))

        assert hand.port.find_by_booking(hand.main, booking, WINDOW) == []
        assert len(hand.port.find_by_booking(other, booking, WINDOW)) == 1

    def test_an_update_moves_the_one_item(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        moved = replace(DRAFT, start=LATER, end=LATER + HOUR, subject="Moved", location="")

        updated = hand.port.update(hand.main, created.handle, created.version, moved, _next(created, moved))
        (seen,) = _scan(hand).items

        assert seen.handle == updated.handle
        assert seen.current == updated.current == moved
        assert seen.stamp is not None
        assert seen.stamp.revision == 2
        assert seen.is_original()
        assert seen.busy == (BusyBlock(to_minutes(LATER), to_minutes(LATER) + 60, BusyStatus.BUSY),)

    def test_a_canceled_booking_stays_and_blocks_nothing(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        canceled = replace(DRAFT, subject=f"CANCELED: {DRAFT.subject}", show_as=ShowAs.FREE)

        hand.port.update(hand.main, created.handle, created.version, canceled, _next(created, canceled))
        (seen,) = _scan(hand).items

        assert seen.current == canceled
        assert seen.busy == ()

    def test_the_answer_of_a_write_is_the_version_that_the_next_scan_sees(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        updated = hand.port.update(hand.main, created.handle, created.version, DRAFT, _next(created))
        again = hand.port.update(hand.main, updated.handle, updated.version, DRAFT, _next(updated))

        (seen,) = _scan(hand).items

        assert again.stamp == seen.stamp
        hand.port.update(hand.main, seen.handle, again.version, DRAFT, _next(again))

    # --- the User's own hand on a booking's item --------------------------------------------------------------------

    def test_an_update_keeps_the_users_category_reminder_and_notes(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        hand.decorates(hand.main, created.handle)
        before = hand.decorations(hand.main, created.handle)
        (seen,) = _scan(hand).items
        moved = replace(DRAFT, start=LATER, end=LATER + HOUR, body="A new text\nin two lines")

        hand.port.update(hand.main, seen.handle, seen.version, moved, _next(seen, moved))

        assert before
        assert hand.decorations(hand.main, created.handle) == before
        assert [item.current for item in _scan(hand).items] == [moved]

    def test_the_users_decorations_are_no_edit(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        hand.decorates(hand.main, created.handle)

        (seen,) = _scan(hand).items

        assert seen.current is not None
        assert seen.current.digest() == DRAFT.digest()

    def test_a_booking_moved_by_the_user_shows_where_it_went(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        hand.moves(hand.main, created.handle, LATER, LATER + HOUR)

        (seen,) = _scan(hand).items

        assert seen.current == replace(DRAFT, start=LATER, end=LATER + HOUR)
        assert seen.stamp is not None
        assert seen.current.digest() != seen.stamp.digest
        assert [block.start for block in seen.busy] == [to_minutes(LATER)]

    def test_a_booking_moved_in_the_users_own_zone_comes_out_in_utc(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        there = datetime(2027, 3, 11, 16, 30, tzinfo=ZoneInfo("America/Los_Angeles"))
        hand.moves(hand.main, created.handle, there, there + HOUR)

        (seen,) = _scan(hand).items

        assert seen.current is not None
        assert (seen.current.start, seen.current.end) == (there, there + HOUR)
        assert seen.current.start.utcoffset() == timedelta(0)

    def test_the_server_can_take_back_a_time_that_the_user_changed(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        hand.moves(hand.main, created.handle, LATER, LATER + HOUR)
        (seen,) = _scan(hand).items

        hand.port.update(hand.main, seen.handle, seen.version, DRAFT, _next(seen))

        assert [item.current for item in _scan(hand).items] == [DRAFT]

    def test_a_booking_that_the_user_shows_as_free_blocks_nothing(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        hand.frees(hand.main, created.handle)

        (seen,) = _scan(hand).items

        assert seen.busy == ()
        assert seen.current == replace(DRAFT, show_as=ShowAs.FREE)

    def test_an_item_that_changed_meanwhile_is_not_written(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        hand.lets_time_pass()
        (seen,) = _scan(hand).items
        hand.moves(hand.main, seen.handle, LATER, LATER + HOUR)
        before = hand.fingerprint(hand.main, created.handle)

        with pytest.raises(ItemChanged):
            hand.port.update(hand.main, seen.handle, seen.version, DRAFT, _next(seen))
        assert hand.fingerprint(hand.main, created.handle) == before

    def test_an_item_that_was_deleted_meanwhile_is_not_made_again(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        hand.deletes(hand.main, created.handle)

        with pytest.raises(ItemGone):
            hand.port.update(hand.main, created.handle, created.version, DRAFT, _next(created))
        assert _handles(_scan(hand)) == set()

    # --- taking away ------------------------------------------------------------------------------------------------

    def test_a_bookings_item_can_be_taken_away_and_nothing_else_goes_with_it(self, hand: Hand) -> None:
        own = hand.adds(hand.main, LATER, LATER + HOUR)
        created = hand.port.create(hand.main, DRAFT, stamp())
        other = hand.port.create(hand.main, DRAFT, stamp())
        before = hand.fingerprint(hand.main, own), hand.fingerprint(hand.main, other.handle)
        assert created.stamp is not None

        hand.port.delete(hand.main, created.handle, created.version, created.stamp)

        assert _handles(_scan(hand)) == {own, other.handle}
        assert isinstance(hand.port.probe(hand.main, created.handle, WINDOW), Gone)
        assert hand.port.find_by_booking(hand.main, created.stamp.booking, WINDOW) == []
        assert (hand.fingerprint(hand.main, own), hand.fingerprint(hand.main, other.handle)) == before

    def test_what_was_taken_away_can_be_booked_again(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        assert created.stamp is not None
        hand.port.delete(hand.main, created.handle, created.version, created.stamp)

        again = hand.port.create(hand.main, DRAFT, stamp(created.stamp.booking))

        assert [item.handle for item in _scan(hand).items] == [again.handle]

    def test_an_item_that_changed_meanwhile_is_not_taken_away(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        hand.lets_time_pass()
        (seen,) = _scan(hand).items
        hand.moves(hand.main, seen.handle, LATER, LATER + HOUR)
        before = hand.fingerprint(hand.main, created.handle)
        assert seen.stamp is not None

        with pytest.raises(ItemChanged):
            hand.port.delete(hand.main, seen.handle, seen.version, seen.stamp)
        assert hand.fingerprint(hand.main, created.handle) == before

    def test_an_item_that_was_deleted_meanwhile_is_gone_already(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        hand.deletes(hand.main, created.handle)
        assert created.stamp is not None

        with pytest.raises(ItemGone):
            hand.port.delete(hand.main, created.handle, created.version, created.stamp)

    def test_nothing_is_taken_away_or_gone_while_the_store_is_away(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        assert created.stamp is not None
        hand.takes_store_away()

        with pytest.raises(CalendarError) as raised:
            hand.port.delete(hand.main, created.handle, created.version, created.stamp)
        assert not isinstance(raised.value, ItemGone)
        hand.puts_store_back()
        assert _handles(_scan(hand)) == {created.handle}

    def test_an_appointment_of_the_users_own_is_never_taken_away(self, hand: Hand) -> None:
        handle = hand.adds(hand.main, NINE, TEN)
        (seen,) = _scan(hand).items

        with pytest.raises(ItemChanged):
            hand.port.delete(hand.main, handle, seen.version, stamp())
        assert _handles(_scan(hand)) == {handle}

    def test_the_item_of_another_booking_is_never_taken_away(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())

        with pytest.raises(ItemChanged):
            hand.port.delete(hand.main, created.handle, created.version, stamp(uuid.uuid4()))
        assert _handles(_scan(hand)) == {created.handle}

    @pytest.mark.parametrize("elsewhere", [False, True], ids=["same calendar", "another calendar"])
    def test_a_copy_of_a_bookings_item_is_never_taken_away(self, hand: Hand, elsewhere: bool) -> None:
        target = _other(hand) if elsewhere else hand.main
        booking = uuid.uuid4()
        created = hand.port.create(hand.main, DRAFT, stamp(booking))
        copy = hand.copies(hand.main, created.handle, target)
        found = {item.handle: item for item in hand.port.find_by_booking(target, booking, WINDOW)}
        before = hand.fingerprint(target, copy)

        with pytest.raises(ItemChanged):
            hand.port.delete(target, copy, found[copy].version, _next(created))
        assert hand.fingerprint(target, copy) == before

    # --- what is not ours -------------------------------------------------------------------------------------------

    def test_an_appointment_of_the_users_own_is_never_written(self, hand: Hand) -> None:
        handle = hand.adds(hand.main, NINE, TEN)
        before = hand.fingerprint(hand.main, handle)
        (seen,) = _scan(hand).items

        with pytest.raises(ItemChanged):
            hand.port.update(hand.main, handle, seen.version, DRAFT, stamp())
        assert hand.fingerprint(hand.main, handle) == before

    def test_the_item_of_another_booking_is_never_written(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        before = hand.fingerprint(hand.main, created.handle)

        with pytest.raises(ItemChanged):
            hand.port.update(hand.main, created.handle, created.version, DRAFT, stamp(uuid.uuid4()))
        assert hand.fingerprint(hand.main, created.handle) == before

    def test_creating_a_booking_changes_no_other_item(self, hand: Hand) -> None:
        handle = hand.adds(hand.main, NINE, TEN)
        before = hand.fingerprint(hand.main, handle)

        created = hand.port.create(hand.main, DRAFT, stamp())
        hand.port.update(hand.main, created.handle, created.version, DRAFT, _next(created))

        assert hand.fingerprint(hand.main, handle) == before

    @pytest.mark.parametrize("elsewhere", [False, True], ids=["same calendar", "another calendar"])
    def test_a_copy_of_a_bookings_item_is_the_users_own(self, hand: Hand, elsewhere: bool) -> None:
        target = _other(hand) if elsewhere else hand.main
        booking = uuid.uuid4()
        created = hand.port.create(hand.main, DRAFT, stamp(booking))
        copy = hand.copies(hand.main, created.handle, target)

        found = {item.handle: item for item in hand.port.find_by_booking(target, booking, WINDOW)}
        original = hand.port.probe(hand.main, created.handle, WINDOW)

        assert not found[copy].is_original()
        assert isinstance(original, Present)
        assert original.item.is_original()
        before = hand.fingerprint(target, copy)
        with pytest.raises(ItemChanged):
            hand.port.update(target, copy, found[copy].version, DRAFT, _next(created))
        assert hand.fingerprint(target, copy) == before

    def test_updating_the_original_leaves_the_copy_alone(self, hand: Hand) -> None:
        created = hand.port.create(hand.main, DRAFT, stamp())
        copy = hand.copies(hand.main, created.handle)
        before = hand.fingerprint(hand.main, copy)
        probe = hand.port.probe(hand.main, created.handle, WINDOW)
        assert isinstance(probe, Present)

        moved = replace(DRAFT, start=LATER, end=LATER + HOUR)
        hand.port.update(hand.main, created.handle, probe.item.version, moved, _next(created, moved))

        assert hand.fingerprint(hand.main, copy) == before

    # --- hints ------------------------------------------------------------------------------------------------------

    def test_a_watcher_is_told_within_seconds(self, hand: Hand) -> None:
        if not hand.port.capabilities().watches:
            pytest.skip("this calendar gives no hints")
        told = threading.Event()

        with hand.port.watch(told.set):
            hand.adds(hand.main, NINE, TEN)
            assert told.wait(10)

    def test_a_watcher_that_left_is_told_nothing(self, hand: Hand) -> None:
        if not hand.port.capabilities().watches:
            pytest.skip("this calendar gives no hints")
        told = threading.Event()
        with hand.port.watch(told.set):
            pass
        told.clear()

        hand.adds(hand.main, NINE, TEN)

        assert not told.wait(0.5)


def _scan(hand: Hand, known: Mapping[str, str] | None = None, calendar: str | None = None) -> Scan:
    return hand.port.scan(ScanRequest(calendar or hand.main, WINDOW, known or {}))


def _known(scan: Scan) -> dict[str, str]:
    return {item.handle: item.version for item in scan.items}


def _handles(scan: Scan) -> set[str | None]:
    return {item.handle for item in scan.items} | scan.unchanged | {problem.handle for problem in scan.problems}


def _blocks(scan: Scan) -> list[tuple[int, int, int]]:
    """Start, end and status of all that is busy, cut to the window as the busy map does."""
    cut = [
        (max(start, WINDOW.start), min(end, WINDOW.end), int(status))
        for item in scan.items
        for start, end, status in item.busy
    ]
    return sorted(cut)


def _next(item: Item, draft: Draft = DRAFT) -> Stamp:
    assert item.stamp is not None
    return replace(item.stamp, revision=item.stamp.revision + 1, digest=draft.digest())


def _other(hand: Hand) -> str:
    if hand.other is None:
        pytest.skip("this store holds one calendar only")
    return hand.other
