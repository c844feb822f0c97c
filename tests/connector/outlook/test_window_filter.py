"""Tables filtered by date: what is spared, and that no way of reading a date loses an appointment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.calendars.contract import DRAFT, HOUR, LATER, NINE, TEN, WINDOW, at, stamp
from connector.outlook.model_locale import AMERICAN, BRITISH, GERMAN, LOCALES, Locale, Misreading
from connector.outlook.model_outlook import ModelOutlook
from connector.outlook.model_store import FAIL, Mailbox, Message, outlook_error
from connector.outlook.outlook_hand import OutlookHand, opened, scan, settled
from dovetail.connector.calendars.port import CalendarError, ScanRequest
from dovetail.connector.outlook.object_model.window_filter import filter_text
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval

Wrongly = Callable[[list[Message]], list[Message]]


@pytest.fixture
def hand() -> OutlookHand:
    return OutlookHand(ModelOutlook())


def fill(hand: OutlookHand, per_year: int = 40) -> list[str]:
    """Appointments over three years, a few of them in the window. Gives the handles of those."""
    step = timedelta(days=365) / per_year
    starts = [at("2026-01-01T09:00") + number * step for number in range(3 * per_year)]
    handles = {start: hand.adds(hand.main, start, start + HOUR) for start in starts}
    return [handle for start, handle in handles.items() if WINDOW.start <= to_minutes(start) < WINDOW.end]


def rows_read(hand: OutlookHand) -> int:
    """By one scan in which nothing changed, which also is right."""
    known = settled(hand)
    hand.outlook.log.clear()
    hand.outlook.rows_given = 0
    again = scan(hand, known)
    assert (again.complete, again.items, again.unchanged) == (True, (), set(known))
    assert opened(hand) == 0
    return hand.outlook.rows_given


@pytest.mark.parametrize("locale", LOCALES, ids=str)
@pytest.mark.parametrize("in_local_time", [False, True])
def test_rows_far_from_the_window_are_spared_in_any_locale(
    hand: OutlookHand, locale: Locale, in_local_time: bool
) -> None:
    hand.outlook.locale, hand.outlook.filters_in_local_time = locale, in_local_time
    inside = fill(hand)

    assert len(inside) <= rows_read(hand) < 20


@pytest.mark.parametrize("reads", LOCALES, ids=str)
@pytest.mark.parametrize("writes", LOCALES, ids=str)
def test_dates_that_outlook_reads_in_another_way_than_windows_writes_them_lose_nothing(
    writes: Locale, reads: Locale
) -> None:
    hand = OutlookHand(ModelOutlook(), format_date=writes.format)
    hand.outlook.locale = reads
    inside = fill(hand)

    rows_read(hand)
    new = hand.adds(hand.main, LATER, LATER + HOUR)

    assert {item.handle for item in scan(hand).items} >= {*inside, new}


@pytest.mark.parametrize("days", [-4000, -400, -40, -12, 12, 40, 400, 4000], ids=lambda days: f"{days:+} days")
def test_days_taken_for_other_days_lose_nothing(hand: OutlookHand, days: int) -> None:
    hand.outlook.locale = Misreading(off=timedelta(days=days))
    inside = fill(hand, per_year=365)

    rows_read(hand)

    assert {item.handle for item in scan(hand).items} >= set(inside)


@pytest.mark.parametrize(
    "wrongly",
    [lambda kept: [], lambda kept: kept[: len(kept) // 2], lambda kept: kept[1:]],
    ids=["no rows", "half of them", "one too few"],
)
def test_a_filter_that_shows_too_little_without_an_error_is_found_out_and_not_used(
    hand: OutlookHand, wrongly: Wrongly, caplog: pytest.LogCaptureFixture
) -> None:
    fill(hand)
    hand.outlook.filters_wrongly = wrongly

    assert rows_read(hand) == 120, "all of them"
    hand.outlook.filters = 0
    scan(hand)
    assert hand.outlook.filters == 0, "it is not even tried again"
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("kept", [lambda kept: [], lambda kept: kept[1:]], ids=["no rows", "one too few"])
def test_a_filter_that_goes_wrong_after_it_was_proved_loses_nothing(hand: OutlookHand, kept: Wrongly) -> None:
    inside = fill(hand)
    known = settled(hand)
    assert scan(hand, known).unchanged == set(inside)
    hand.outlook.filters_wrongly = kept

    again = scan(hand, known)

    assert (again.complete, again.unchanged) == (True, set(inside))


def test_series_are_in_every_table_wherever_they_began(hand: OutlookHand) -> None:
    fill(hand)
    began = datetime(2025, 1, 6, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    series = hand.adds(hand.main, began, began + HOUR, weeks=500)
    known = settled(hand)
    assert rows_read(hand) < 20

    hand.frees(hand.main, series)

    (item,) = scan(hand, known).items
    assert (item.handle, item.busy) == (series, ())


def test_an_appointment_longer_than_the_window_is_in_the_table(hand: OutlookHand) -> None:
    fill(hand)
    long = hand.adds(hand.main, at("2026-01-01T00:00"), at("2028-01-01T00:00"))
    rows_read(hand)

    assert long in scan(hand, settled(hand)).unchanged


def test_what_was_moved_into_the_window_is_seen_and_what_was_moved_out_is_gone_from_it(hand: OutlookHand) -> None:
    inside = fill(hand)
    outside = hand.adds(hand.main, at("2028-11-01T09:00"), at("2028-11-01T10:00"))
    known = settled(hand)
    rows_read(hand)
    hand.moves(hand.main, outside, NINE, TEN)
    hand.moves(hand.main, inside[0], at("2028-11-01T09:00"), at("2028-11-01T10:00"))
    hand.deletes(hand.main, inside[1])

    again = scan(hand, known)

    assert again.complete
    assert [item.handle for item in again.items] == [outside]
    assert again.unchanged == set(inside[2:])


def test_many_deletions_at_once_are_read_without_the_filter(hand: OutlookHand) -> None:
    inside = fill(hand, per_year=365)
    known = settled(hand)
    rows_read(hand)
    for handle in inside[:40]:
        hand.deletes(hand.main, handle)
    hand.outlook.log.clear()

    again = scan(hand, known)

    assert (again.complete, again.unchanged) == (True, known.keys() - inside[:40])
    assert opened(hand) == 0


def test_a_calendar_without_a_single_appointment_in_the_window_proves_nothing(hand: OutlookHand) -> None:
    hand.adds(hand.main, at("2025-01-01T09:00"), at("2025-01-01T10:00"))
    hand.outlook.filters_wrongly = lambda kept: []
    scan(hand)
    new = hand.adds(hand.main, NINE, TEN)

    assert [item.handle for item in scan(hand).items] == [new]


def test_series_alone_prove_nothing_about_dates(hand: OutlookHand) -> None:
    hand.adds(hand.main, at("2025-01-06T09:00"), at("2025-01-06T10:00"), weeks=500)
    hand.adds(hand.main, at("2025-01-01T09:00"), at("2025-01-01T10:00"))
    hand.outlook.locale = Misreading(off=timedelta(days=4000))
    known = settled(hand)
    new = hand.adds(hand.main, NINE, TEN)

    assert [item.handle for item in scan(hand, known).items] == [new]


def test_a_filter_that_would_spare_nothing_is_not_used(hand: OutlookHand) -> None:
    hand.adds(hand.main, NINE, TEN)
    settled(hand)
    hand.outlook.filters = 0

    scan(hand)

    assert hand.outlook.filters == 0


def test_a_filter_that_is_right_every_other_time_is_used_no_more(hand: OutlookHand) -> None:
    inside = fill(hand)
    known = settled(hand)
    right = True

    def every_other_time(kept: list[Message]) -> list[Message]:
        nonlocal right
        right = not right
        return kept if right else []

    hand.outlook.filters_wrongly = every_other_time
    assert scan(hand, known).unchanged == set(inside)
    hand.outlook.filters = 0

    assert scan(hand, known).unchanged == set(inside)
    assert hand.outlook.filters == 0


def test_no_rows_are_not_believed_by_a_caller_that_knows_nothing(hand: OutlookHand) -> None:
    inside = fill(hand)
    rows_read(hand)
    hand.outlook.filters_wrongly = lambda kept: []

    assert {item.handle for item in scan(hand).items} == set(inside)


def test_a_filter_that_outlook_refuses_at_last_costs_one_scan(hand: OutlookHand) -> None:
    inside = fill(hand)
    known = settled(hand)
    rows_read(hand)

    def refuse(kept: list[Message]) -> list[Message]:
        raise outlook_error(FAIL)

    hand.outlook.filters_wrongly = refuse
    with pytest.raises(CalendarError):
        scan(hand, known)

    again = scan(hand, known)
    assert (again.complete, again.unchanged) == (True, set(inside))


def test_another_run_of_outlook_is_proved_anew(hand: OutlookHand) -> None:
    fill(hand)
    known = settled(hand)
    rows_read(hand)
    hand.outlook.dies()
    hand.outlook.start()
    hand.outlook.rows_given = 0

    assert scan(hand, known).complete
    assert hand.outlook.rows_given >= 120


def test_half_a_table_proves_nothing(hand: OutlookHand) -> None:
    fill(hand)
    hand.folders[0].shows, hand.folders[0].counts_all = 60, True

    assert not scan(hand).complete
    assert hand.outlook.filters == 0


def test_regional_settings_that_change_are_proved_anew(hand: OutlookHand) -> None:
    hand.outlook.locale = GERMAN
    inside = fill(hand)
    known = settled(hand)
    rows_read(hand)
    hand.outlook.locale = AMERICAN
    before = hand.outlook.filters

    again = scan(hand, known)

    assert again.unchanged == set(inside)
    assert hand.outlook.filters == before + 1, "a trial, not a use"
    assert rows_read(hand) < 20


def test_another_window_is_proved_anew(hand: OutlookHand) -> None:
    fill(hand)
    rows_read(hand)
    later = Interval(WINDOW.start + 60 * 1440, WINDOW.end + 60 * 1440)

    seen = hand.port.scan(ScanRequest(hand.main, later))

    assert len(seen.items) == len({item.handle for item in seen.items}) > 3


def test_a_booking_is_found_wherever_it_lies_whatever_the_filter_says(hand: OutlookHand) -> None:
    fill(hand)
    rows_read(hand)
    hand.outlook.filters_wrongly = lambda kept: []
    mark = stamp()
    far = at("2029-03-01T09:00")
    hand.port.create(hand.main, replace(DRAFT, start=far, end=far + HOUR), mark)

    assert len(hand.port.find_by_booking(hand.main, mark.booking, WINDOW)) == 1


@settings(max_examples=300, deadline=None)
@given(
    day=st.dates(date(2020, 1, 1), date(2060, 1, 1)),
    days=st.integers(1, 400),
    writes=st.sampled_from(LOCALES),
    order=st.sampled_from([GERMAN, AMERICAN, BRITISH]),
)
def test_no_day_in_a_filter_can_be_read_as_another_by_swapping_day_and_month(
    day: date, days: int, writes: Locale, order: Locale
) -> None:
    begin = to_minutes(datetime(day.year, day.month, day.day, tzinfo=UTC))
    window = Interval(begin, begin + days * 1440)
    named: list[date] = []

    filter_text(window, lambda one: named.append(one) or "x")  # type: ignore[func-returns-value]

    last, first = named
    assert first.day > 12 < last.day
    assert day - timedelta(days=20) < first <= day - timedelta(days=2)
    assert day + timedelta(days=days + 2) <= last < day + timedelta(days=days + 20)
    if not writes.two_digits and writes.order.startswith(("d", "m")) and not writes.years_ahead:
        assert order.read(writes.format(first)) == first


def test_the_zone_of_the_pc_may_be_as_far_from_utc_as_zones_are() -> None:
    for zone, name in (("Pacific/Kiritimati", "Line Islands Standard Time"), ("Pacific/Pago_Pago", "UTC-11")):
        hand = OutlookHand(ModelOutlook(Mailbox(ZoneInfo(zone), name)))
        hand.outlook.filters_in_local_time = True
        edge = datetime.fromtimestamp(WINDOW.start * 60, UTC)
        fill(hand)
        first = hand.adds(hand.main, edge, edge + HOUR)
        last = hand.adds(hand.main, edge + timedelta(days=61) - HOUR, edge + timedelta(days=61))

        rows_read(hand)

        assert {first, last} <= {item.handle for item in scan(hand).items}


def test_events_lost_in_a_bulk_change_lose_no_appointment(hand: OutlookHand) -> None:
    told: list[None] = []
    known = settled(hand)
    with hand.port.watch(lambda: told.append(None)):
        with hand.mailbox.bulk():
            handles = {hand.adds(hand.main, NINE + number * HOUR, TEN + number * HOUR) for number in range(20)}
        assert told == [], "Outlook keeps quiet when much happens at once"

    assert {item.handle for item in scan(hand, known).items} == handles
