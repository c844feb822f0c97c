"""Series as their owner sees them: the days they block, the exceptions, the clock's changes."""

import pytest

from schedule.calendars import busy, event, noted, problem, window

BERLIN = "DTSTART;TZID=Europe/Berlin:20260601T090000\nDTEND;TZID=Europe/Berlin:20260601T100000"
DAILY = event(BERLIN, "RRULE:FREQ=DAILY;COUNT=4")
THREE = ["01 07:00-08:00", "02 07:00-08:00", "03 07:00-08:00"]


def test_a_series_blocks_each_of_its_days() -> None:
    assert busy(DAILY) == [*THREE, "04 07:00-08:00"]


def test_a_series_that_began_years_ago_is_still_there() -> None:
    old = event("DTSTART:19990105T100000Z", "DTEND:19990105T103000Z", "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU")
    assert busy(old) == ["02 10:00-10:30", "16 10:00-10:30", "30 10:00-10:30"]


def test_a_meeting_keeps_its_time_on_the_clock_when_the_offset_changes() -> None:
    weekly = event(
        "DTSTART;TZID=Europe/Berlin:20260322T090000", "DTEND;TZID=Europe/Berlin:20260322T100000", "RRULE:FREQ=WEEKLY"
    )
    assert busy(weekly, within=window("2026-03-20", "2026-03-31")) == ["22 08:00-09:00", "29 07:00-08:00"]


def test_a_time_that_the_clock_skips_counts_with_the_offset_before_and_one_shown_twice_is_the_first() -> None:
    spring = event("DTSTART;TZID=Europe/Berlin:20260328T023000", "DURATION:PT15M", "RRULE:FREQ=DAILY;COUNT=3")
    assert busy(spring, within=window("2026-03-28", "2026-04-01")) == [
        "28 01:30-01:45",
        "29 01:30-01:45",
        "30 00:30-00:45",
    ]
    autumn = event("DTSTART;TZID=Europe/Berlin:20261025T023000", "DURATION:PT15M")
    assert busy(autumn, within=window("2026-10-25", "2026-10-26")) == ["25 00:30-00:45"]


def test_a_night_shift_ends_at_six_on_the_clock_but_hours_of_a_duration_are_hours() -> None:
    shift = event(
        "DTSTART;TZID=Europe/Berlin:20260328T220000", "DTEND;TZID=Europe/Berlin:20260329T060000", "RRULE:FREQ=DAILY"
    )
    march = window("2026-03-28", "2026-03-30")
    assert busy(shift, within=march)[-2:] == ["28 21:00-29 04:00", "29 20:00-30 04:00"]
    eight_hours = event("DTSTART;TZID=Europe/Berlin:20260328T220000", "DURATION:PT8H")
    assert busy(eight_hours, within=march) == ["28 21:00-29 05:00"]


def test_an_end_that_the_clock_jumps_over_leaves_the_meeting_its_length() -> None:
    odd = event("DTSTART;TZID=Europe/Berlin:20260329T023000", "DTEND;TZID=Europe/Berlin:20260329T031500")
    assert busy(odd, within=window("2026-03-29", "2026-03-30")) == ["29 01:30-02:15"]


def test_a_flight_ends_on_the_clock_of_where_it_lands() -> None:
    flight = event("DTSTART;TZID=Europe/Berlin:20260610T100000", "DTEND;TZID=America/New_York:20260610T130000")
    assert busy(flight) == ["10 08:00-17:00"]


def test_an_excluded_day_is_free() -> None:
    excluded = DAILY.replace("END:", "EXDATE;TZID=Europe/Berlin:20260602T090000,20260603T090000\nEND:")
    assert busy(excluded) == ["01 07:00-08:00", "04 07:00-08:00"]
    in_utc = DAILY.replace("END:", "EXDATE:20260602T070000Z\nEXDATE;VALUE=DATE:20260603\nEND:")
    assert busy(in_utc) == ["01 07:00-08:00", "04 07:00-08:00"]


def test_an_excluded_first_day_still_counts() -> None:
    assert busy(DAILY.replace("END:", "EXDATE:20260601T070000Z\nEND:")) == [*THREE[1:], "04 07:00-08:00"]


def test_added_days_are_busy_once_each() -> None:
    added = event(BERLIN, "RDATE:20260605T120000Z,20260605T120000Z,20260601T070000Z", "RDATE;VALUE=DATE:20260607")
    assert busy(added) == ["01 07:00-08:00", "05 12:00-13:00", "07 07:00-08:00"]


def test_an_added_period_has_its_own_length() -> None:
    added = event(BERLIN, "RDATE;VALUE=PERIOD:20260605T120000Z/PT2H,20260606T120000Z/20260606T123000Z")
    assert busy(added) == ["01 07:00-08:00", "05 12:00-14:00", "06 12:00-12:30"]


def override(of: str, start: str, *lines: str) -> str:
    return event(f"RECURRENCE-ID{of}", f"DTSTART:{start}", "DURATION:PT1H", *lines)


def test_a_moved_occurrence_is_only_where_it_was_moved_to() -> None:
    moved = override(";TZID=Europe/Berlin:20260602T090000", "20260602T150000Z")
    expected = ["01 07:00-08:00", "02 15:00-16:00", "03 07:00-08:00", "04 07:00-08:00"]
    assert busy(DAILY, moved) == expected
    assert busy(moved, DAILY) == expected
    assert busy(DAILY, moved.replace(";TZID=Europe/Berlin:20260602T090000", ":20260602T070000Z")) == expected
    assert busy(DAILY, moved.replace(";TZID=Europe/Berlin:20260602T090000", ";VALUE=DATE:20260602")) == expected


def test_an_occurrence_moved_into_the_window_from_outside_is_seen_and_one_moved_out_is_gone() -> None:
    third = window("2026-06-03", "2026-06-04")
    assert busy(DAILY, override(":20260601T070000Z", "20260603T150000Z"), within=third) == [THREE[2], "03 15:00-16:00"]
    assert busy(DAILY, override(":20260603T070000Z", "20260901T150000Z"), within=third) == []


def test_an_occurrence_that_is_both_moved_and_excluded_stays_moved() -> None:
    excluded = DAILY.replace("END:", "EXDATE:20260602T070000Z\nEND:")
    moved = override(":20260602T070000Z", "20260602T150000Z")
    assert busy(excluded, moved) == ["01 07:00-08:00", "02 15:00-16:00", "03 07:00-08:00", "04 07:00-08:00"]


def test_a_cancelled_or_free_occurrence_opens_its_time() -> None:
    for line in ("STATUS:CANCELLED", "TRANSP:TRANSPARENT", "X-MICROSOFT-CDO-BUSYSTATUS:FREE"):
        gone = override(":20260602T070000Z", "20260602T070000Z", line)
        assert busy(DAILY, gone) == ["01 07:00-08:00", "03 07:00-08:00", "04 07:00-08:00"]


def test_a_busy_occurrence_of_a_free_series_is_busy() -> None:
    free = DAILY.replace("END:", "TRANSP:TRANSPARENT\nEND:")
    assert busy(free, override(":20260602T070000Z", "20260602T090000Z")) == ["02 09:00-10:00"]


def test_the_later_version_of_an_occurrence_or_a_series_counts() -> None:
    older = override(":20260602T070000Z", "20260602T150000Z", "SEQUENCE:1")
    newer = override(":20260602T070000Z", "20260602T170000Z", "SEQUENCE:2")
    for pair in ((older, newer), (newer, older)):
        assert "02 17:00-18:00" in busy(DAILY, *pair)
        assert "02 15:00-16:00" not in busy(DAILY, *pair)
    moved_series = event("DTSTART:20260610T100000Z", "DURATION:PT1H", "SEQUENCE:3")
    assert busy(DAILY, moved_series) == ["10 10:00-11:00"]


def test_two_events_that_share_a_uid_are_both_busy() -> None:
    assert busy(DAILY, event("DTSTART:20260610T100000Z", "DURATION:PT1H")) == [
        *THREE,
        "04 07:00-08:00",
        "10 10:00-11:00",
    ]


def test_an_occurrence_without_its_series_is_an_event() -> None:
    assert busy(override(":20260602T070000Z", "20260602T150000Z")) == ["02 15:00-16:00"]


def test_this_and_following_moves_the_rest_of_the_series_along() -> None:
    moved = override(";RANGE=THISANDFUTURE:20260603T070000Z", "20260603T120000Z")
    assert busy(DAILY, moved) == [*THREE[:2], "03 12:00-13:00", "04 12:00-13:00"]
    assert busy(DAILY, moved, within=window("2026-06-04", "2026-06-05")) == ["04 12:00-13:00"]
    cancelled = moved.replace("END:", "STATUS:CANCELLED\nEND:")
    assert busy(DAILY, cancelled) == THREE[:2]


def test_until_is_inclusive_in_whichever_way_it_is_written() -> None:
    for until in ("20260603T070000Z", "20260603T090000", "20260603"):
        assert busy(event(BERLIN, f"RRULE:FREQ=DAILY;UNTIL={until}")) == THREE
    for until in ("20260603T065959Z", "20260603T085959", "20260602"):
        assert busy(event(BERLIN, f"RRULE:FREQ=DAILY;UNTIL={until}")) == THREE[:2]


def test_an_all_day_event_lasts_from_local_midnight_to_local_midnight() -> None:
    assert busy(event("DTSTART;VALUE=DATE:20260605")) == ["04 22:00-05 22:00"]
    assert busy(event("DTSTART;VALUE=DATE:20260605", "DTEND;VALUE=DATE:20260607"), local="America/New_York") == [
        "05 04:00-07 04:00"
    ]
    assert busy(event("DTSTART;VALUE=DATE:20260329"), within=window("2026-03-28", "2026-03-31")) == [
        "28 23:00-29 22:00"
    ]


def test_an_all_day_event_that_ends_on_the_day_it_starts_lasts_that_day() -> None:
    assert busy(event("DTSTART;VALUE=DATE:20260605", "DTEND;VALUE=DATE:20260605")) == ["04 22:00-05 22:00"]


def test_an_all_day_series_with_exceptions() -> None:
    series = event("DTSTART;VALUE=DATE:20260601", "RRULE:FREQ=DAILY;UNTIL=20260604", "EXDATE;VALUE=DATE:20260602")
    moved = event("RECURRENCE-ID;VALUE=DATE:20260603", "DTSTART;VALUE=DATE:20260610")
    assert busy(series, moved, local="UTC") == ["01 00:00-02 00:00", "04 00:00-05 00:00", "10 00:00-11 00:00"]


def test_a_floating_time_is_the_owners_local_time() -> None:
    floating = event("DTSTART:20260605T100000", "DTEND:20260605T110000")
    assert busy(floating, local="Asia/Kathmandu") == ["05 04:15-05:15"]


def test_a_windows_zone_is_understood() -> None:
    assert busy(event("DTSTART;TZID=Pacific Standard Time:20260605T100000", "DURATION:PT1H")) == ["05 17:00-18:00"]


def test_an_event_without_an_end_takes_no_time() -> None:
    assert busy(event("DTSTART:20260605T100000Z")) == []
    assert busy(event("DTSTART:20260605T100000Z", "DTEND:20260605T100000Z")) == []


def test_seconds_are_rounded_so_that_nothing_is_cut_off() -> None:
    assert busy(event("DTSTART:20260605T100059Z", "DTEND:20260605T100101Z")) == ["05 10:00-10:02"]


def test_a_long_event_that_began_before_the_window_reaches_into_it() -> None:
    assert busy(event("DTSTART:20250101T000000Z", "DTEND:20260602T000000Z")) == ["01 00:00-02 00:00"]
    sabbatical = event("DTSTART:20200101T000000Z", "DURATION:P200D", "RRULE:FREQ=YEARLY")
    assert busy(sabbatical) == ["01 00:00-20 00:00"]


DEFINED = """BEGIN:VTIMEZONE
TZID:(UTC+01:00) Office
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0300
TZOFFSETTO:+0130
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0130
TZOFFSETTO:+0300
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE"""


def test_a_zone_that_only_the_file_knows_is_used_as_defined() -> None:
    june = event('DTSTART;TZID="(UTC+01:00) Office":20260605T100000', "DURATION:PT1H")
    assert busy(DEFINED, june) == ["05 07:00-08:00"]
    weekly = event('DTSTART;TZID="(UTC+01:00) Office":20260322T100000', "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2")
    assert busy(DEFINED, weekly, within=window("2026-03-01", "2026-04-01")) == ["22 08:30-09:30", "29 07:00-08:00"]


def test_a_known_name_is_not_what_the_file_says_it_is() -> None:
    lying = DEFINED.replace("(UTC+01:00) Office", "Europe/Berlin")
    assert busy(lying, event("DTSTART;TZID=Europe/Berlin:20260605T100000", "DURATION:PT1H")) == ["05 08:00-09:00"]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;COUNT=3",
        "FREQ=HOURLY;BYMINUTE=0,30",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;COUNT=-1",
        "FREQ=MONTHLY;BYMONTHDAY=99",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;WKST=8",
        "FREQ=DAILY;UNTIL=tomorrow",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=YEARLY;BYEASTER=0",
        "FREQ=YEARLY;RSCALE=HEBREW",
        "FREQ=FORTNIGHTLY",
        "INTERVAL=2",
        "FREQ=DAILY;INTERVAL=" + "9" * 500,
        "",
    ],
)
def test_a_rule_that_cannot_be_followed_is_reported_and_its_first_day_is_busy(rule: str) -> None:
    found = problem(event(BERLIN, f"RRULE:{rule}"))
    assert (found.uid, found.code) == ("one", "recurrence")
    assert noted(found.blocks) == THREE[:1]


def test_more_occurrences_than_anybody_has_are_reported_and_the_first_are_busy() -> None:
    rest = "".join(f"\nRDATE:{year}0601T070000Z" for year in range(1990, 2020))
    hourly = event("DTSTART:20200101T000000Z", "DURATION:PT5M", "RRULE:FREQ=HOURLY" + rest)
    found = problem(hourly, within=window("2020-01-01", "2026-01-01"))
    assert found.code == "recurrence"
    assert len(found.blocks) == 10_000


@pytest.mark.parametrize(
    "rule", ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYMONTH=4;BYMONTHDAY=31", "FREQ=WEEKLY;BYSETPOS=300"]
)
def test_a_rule_that_never_matches_blocks_only_its_first_day(rule: str) -> None:
    assert busy(event(BERLIN, f"RRULE:{rule}")) == THREE[:1]


def test_a_count_that_began_in_the_dark_ages_is_refused_not_counted() -> None:
    dark = event("DTSTART:00010101T000000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=999999999")
    assert problem(dark).code == "recurrence"


def test_a_series_at_the_end_of_the_calendar_is_harmless() -> None:
    for year in ("0001", "9999"):
        edge = event(f"DTSTART:{year}1231T230000", "DURATION:P400D", "RRULE:FREQ=DAILY;UNTIL=99991231T235959Z")
        assert bool(busy(edge)) == (year == "0001")
