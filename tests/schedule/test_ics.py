"""The reader: what decides that time is busy, how lines are read, and what a damaged item still tells."""

from datetime import UTC, datetime
from io import BytesIO

import pytest

from dovetail.schedule.busy import BusyStatus
from dovetail.schedule.ics import EventBusy, Problem, read_busy
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.zones import zone
from schedule.calendars import JUNE, busy, calendar, event, noted, problem, read

TEN = "DTSTART:20260605T100000Z\nDTEND:20260605T110000Z"
BLOCKED = ["05 10:00-11:00"]
FREE, TENTATIVE, BUSY, OUT, ELSEWHERE = BusyStatus


def status_of(*lines: str) -> BusyStatus:
    [result] = read(calendar(event(TEN, *lines)))
    assert isinstance(result, EventBusy)
    return result.blocks[0].status if result.blocks else FREE


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([], BUSY),
        (["STATUS:CONFIRMED", "TRANSP:OPAQUE"], BUSY),
        (["TRANSP:TRANSPARENT"], FREE),
        (["transp:transparent"], FREE),
        (["STATUS:TENTATIVE"], TENTATIVE),
        (["STATUS:TENTATIVE", "TRANSP:TRANSPARENT"], FREE),
        (["STATUS:CANCELLED"], FREE),
        (["STATUS:CANCELLED", "X-MICROSOFT-CDO-BUSYSTATUS:BUSY"], FREE),
        (["X-MICROSOFT-CDO-BUSYSTATUS:FREE"], FREE),
        (["X-MICROSOFT-CDO-BUSYSTATUS:FREE", "TRANSP:OPAQUE"], FREE),
        (["X-MICROSOFT-CDO-BUSYSTATUS:BUSY", "TRANSP:TRANSPARENT"], BUSY),
        (["X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE"], TENTATIVE),
        (["X-MICROSOFT-CDO-BUSYSTATUS:OOF"], OUT),
        (["X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE"], ELSEWHERE),
        (["X-MICROSOFT-CDO-BUSYSTATUS:SOMETHINGNEW"], BUSY),
        (["X-MICROSOFT-CDO-INTENDEDSTATUS:FREE"], BUSY),
    ],
)
def test_show_as_decides_what_is_busy(lines: list[str], status: BusyStatus) -> None:
    assert status_of(*lines) is status


def test_an_all_day_event_that_shows_as_free_blocks_nothing_and_one_that_does_not_blocks_its_day() -> None:
    day = "DTSTART;VALUE=DATE:20260605"
    assert busy(event(day, "X-MICROSOFT-CDO-BUSYSTATUS:FREE", "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE")) == []
    assert busy(event(day, "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE"), local="UTC") == ["05 00:00-06 00:00"]


def test_an_alarm_within_an_event_is_not_the_event() -> None:
    alarm = "BEGIN:VALARM\nTRIGGER:-PT15M\nDURATION:PT5M\nUID:other\nSTATUS:CANCELLED\nEND:VALARM"
    [result] = read(calendar(event(alarm, TEN)))
    assert isinstance(result, EventBusy)
    assert (result.uid, noted(result.blocks)) == ("one", BLOCKED)


def test_tasks_and_journals_are_not_busy_time() -> None:
    task = "BEGIN:VTODO\nUID:task\nDTSTART:20260605T100000Z\nDUE:20260605T110000Z\nEND:VTODO"
    assert read(calendar(task)) == []


def test_lines_are_unfolded_wherever_they_were_folded() -> None:
    folded = calendar(event("DTST\n ART:2026060\n\t5T100000Z", "DTEND:20260605T110000Z", uid="on\n e"))
    [result] = read(folded)
    assert isinstance(result, EventBusy)
    assert (result.uid, noted(result.blocks)) == ("one", BLOCKED)
    assert read(folded.replace(b"\r\n", b"\n")) == [result]
    assert read(b"\xef\xbb\xbf" + folded) == [result]


def test_a_character_that_was_folded_in_two_is_whole_again() -> None:
    text = calendar(event(TEN, uid="ü")).replace("ü".encode(), b"\xc3\r\n \xbc")
    assert [result.uid for result in read(text)] == ["ü"]


def test_a_quoted_parameter_may_hold_what_separates_lines_into_parts() -> None:
    assert busy(event('DTSTART;X-A="a;b:c";TZID="Europe/Berlin":20260605T120000', "DURATION:PT1H")) == BLOCKED


def test_what_dovetail_wrote_on_an_item_is_given_back() -> None:
    [result] = read(calendar(event(TEN, "X-DOVETAIL-BOOKING:b-1", "x-dovetail-note:a\\, b\\nc")))
    assert result.stamp == {"X-DOVETAIL-BOOKING": "b-1", "X-DOVETAIL-NOTE": "a, b\nc"}
    far_away = event("DTSTART:20200101T100000Z", "X-DOVETAIL-BOOKING:b-1")
    assert [result.stamp for result in read(calendar(far_away))] == [{"X-DOVETAIL-BOOKING": "b-1"}]


def test_every_item_is_answered_once_also_outside_the_window() -> None:
    parts = [event(TEN), event("DTSTART:20200101T100000Z", uid="old"), event("DTSTART:20200102T100000Z", uid="old")]
    assert sorted((result.uid or "", len(result.blocks)) for result in read(calendar(*parts))) == [
        ("old", 0),
        ("one", 1),
    ]


GOOD = event(TEN, uid="good")


@pytest.mark.parametrize(
    ("bad", "code", "known"),
    [
        (event("DTEND:20260605T110000Z"), "no_start", []),
        (event("DTSTART:yesterday", "DTEND:20260605T110000Z"), "bad_time", []),
        (event("DTSTART:20260231T100000Z"), "bad_time", []),
        (event("DTSTART;TZID=:20260605T100000", "DURATION:PT1H"), "unknown_zone", ["05 08:00-09:00"]),
        (event("DTSTART;TZID=Mars/Olympus:20260605T100000", "DURATION:PT1H"), "unknown_zone", ["05 08:00-09:00"]),
        (event("DTSTART:20260605T100000Z", "DTEND:20260605T090000Z"), "end_before_start", ["05 10:00-06 00:00"]),
        (event("DTSTART:20260605T100000Z", "DTEND:19700101T000000Z"), "end_before_start", ["05 10:00-06 00:00"]),
        (event("DTSTART:20260605T100000Z", "DURATION:-PT1H"), "end_before_start", ["05 10:00-06 00:00"]),
        (event("DTSTART:20260605T100000Z", "DTEND:soon"), "bad_time", ["05 10:00-06 00:00"]),
        (event("DTSTART:20260605T100000Z", "DURATION:long"), "bad_time", ["05 10:00-06 00:00"]),
        (event(TEN, "EXDATE:whenever"), "bad_time", BLOCKED),
        (event(TEN, "RDATE:20260607T100000Z,whenever"), "bad_time", [*BLOCKED, "07 10:00-11:00"]),
        (event(TEN, "RRULE:" + "FREQ=DAILY;" * 100), "bad_line", BLOCKED),
        (event(TEN, *["RRULE:FREQ=DAILY;COUNT=1"] * 11), "recurrence", BLOCKED),
        (event(TEN, "EXDATE:" + ",".join(["20260607T100000Z"] * 10_001)), "bad_line", BLOCKED),
        (event(TEN, *["EXDATE:" + ",".join(["20260607T100000Z"] * 1000)] * 11), "too_many", BLOCKED),
        (event(TEN, "BEGIN:X\n" * 10 + "END:X\n" * 9 + "END:X"), "too_deep", BLOCKED),
        (event(TEN).removesuffix("END:VEVENT"), "unfinished", BLOCKED),
        (event(TEN, 'STATUS;X="open:CANCELLED'), "bad_line", BLOCKED),
    ],
)
def test_a_damaged_item_is_reported_with_what_is_known_and_the_rest_goes_on(
    bad: str, code: str, known: list[str]
) -> None:
    for parts in ([bad, GOOD], [GOOD, bad + "\n"]):
        results = read(calendar(*parts))
        assert [noted(r.blocks) for r in results if isinstance(r, EventBusy)] == [BLOCKED]
        [found] = [r for r in results if isinstance(r, Problem) and r.code != "truncated"]
        assert (found.uid, found.code, noted(found.blocks)) == ("one", code, known)


def test_an_item_without_a_uid_is_reported_and_busy() -> None:
    found = problem("BEGIN:VEVENT\n" + TEN + "\nEND:VEVENT")
    assert (found.uid, found.code, noted(found.blocks)) == (None, "no_uid", BLOCKED)


def test_a_problem_names_the_line_and_quotes_nothing() -> None:
    found = problem(event("SUMMARY:Secret", "DTSTART;TZID=Secret:20260605T100000", "DTEND:Secret"))
    assert found.line == 5
    assert "Secret" not in found.reason


def test_a_file_that_ends_too_early_says_so_and_keeps_what_was_read() -> None:
    whole = calendar(GOOD, event(TEN))
    results = read(whole[: whole.rindex(b"END:VEVENT")])
    assert {(r.uid, r.code) for r in results if isinstance(r, Problem)} == {("one", "unfinished"), (None, "truncated")}
    assert [noted(r.blocks) for r in results] == [BLOCKED, BLOCKED, []]


@pytest.mark.parametrize(
    "data", [b"", b"<html>not found</html>", b"\x00" * 100_000, "BEGIN:VCALENDAR".encode("utf-16")]
)
def test_what_is_no_calendar_is_not_an_empty_one(data: bytes) -> None:
    [found] = read(data)
    assert isinstance(found, Problem)
    assert (found.uid, found.code) == (None, "not_a_calendar")


def test_two_calendars_in_one_file_are_both_read() -> None:
    assert len(read(calendar(GOOD) + calendar(event(TEN)))) == 2


def test_a_file_that_cannot_be_read_raises_as_the_file_does() -> None:
    class Broken(BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk"):
        list(read_busy(Broken(), JUNE, zone("UTC")))


def test_a_window_cuts_no_block_in_two() -> None:
    [result] = read(calendar(event("DTSTART:20260531T230000Z", "DURATION:PT2H")))
    assert result.blocks[0].start == to_minutes(datetime(2026, 5, 31, 23, tzinfo=UTC))
