from __future__ import annotations

import io
import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.connector.calendars import vevent
from dovetail.connector.calendars.entries import entries
from dovetail.connector.calendars.port import Draft, Stamp
from dovetail.protocol.messages import ShowAs
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.ics import EventBusy, read_busy
from dovetail.schedule.instants import to_minutes, to_minutes_ceil
from dovetail.schedule.intervals import Interval

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
HANDLE = "work/dovetail-1.ics"
MAIL = {"ATTENDEE", "ORGANIZER", "METHOD", "REQUEST-STATUS", "CONTACT"}

starts = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
texts = st.one_of(
    st.text(max_size=300),
    st.text(alphabet=st.sampled_from(list('aé日👩\\;,:"nN\r\n\t \x00\u2028')), max_size=200),
    st.sampled_from(
        [
            f"before\n{vevent.BODY_ENDS}\nafter",
            f"{vevent.BODY_ENDS}\n{vevent.BODY_BEGINS}",
            f"{vevent.BODY_BEGINS}\n{vevent.BODY_BEGINS}",
            "x\nEND:VEVENT\nBEGIN:VEVENT\nATTENDEE:mailto:eve@example.org",
        ]
    ),
)
drafts = st.builds(
    lambda start, minutes, subject, body, location, show_as: Draft(
        start, start + timedelta(minutes=minutes), subject, body, location, show_as
    ),
    starts,
    st.integers(1, 3000),
    texts,
    texts,
    texts,
    st.sampled_from(ShowAs),
)
stamps = st.builds(
    Stamp,
    st.uuids(),
    st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789-", min_size=1, max_size=20),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.just(HANDLE),
)
bounded = settings(max_examples=150, deadline=None)

DRAFT = Draft(NOW, NOW + timedelta(hours=1), "Intro call", "Ada\nCancel: https://example.org", "Room 4", ShowAs.BUSY)
STAMP = Stamp(uuid.uuid4(), "CONNECTOR1", 3, 1, DRAFT.digest(), HANDLE)


def written(draft: Draft = DRAFT, stamp: Stamp = STAMP) -> bytes:
    return vevent.new_event("dovetail-1@example.org", draft, stamp, NOW)


def updated(raw: bytes, draft: Draft, current: Draft = DRAFT, stamp: Stamp = STAMP) -> bytes:
    subject, body, location = vevent.read_texts(raw)
    seen = replace(current, subject=subject, body=body, location=location)
    return vevent.updated_event(raw, seen, draft, stamp, NOW)


def parsed(raw: bytes) -> icalendar.Event:
    calendar = icalendar.Calendar.from_ical(vevent.new_file(raw))
    (event,) = calendar.walk("VEVENT")
    assert isinstance(event, icalendar.Event)
    return event


def properties(event: icalendar.Event) -> dict[str, str]:
    return {name: str(value) for name, value in event.items()}


@bounded
@given(drafts, stamps)
def test_another_program_reads_what_was_written(draft: Draft, stamp: Stamp) -> None:
    draft = vevent.as_written(draft)
    event = parsed(written(draft, stamp))

    assert (event.start, event.end) == (draft.start, draft.end)
    assert event["SUMMARY"] == draft.subject
    assert event["LOCATION"] == draft.location
    assert vevent.body_in(str(event["DESCRIPTION"])) == draft.body
    assert vevent.read_stamp(properties(event)) == stamp
    assert not event.errors
    assert not set(written(draft, stamp)) & {*range(9), *range(14, 32), 127}
    assert MAIL.isdisjoint(event)
    assert event.subcomponents == []


@bounded
@given(drafts)
def test_what_was_written_is_read_back_as_the_same_texts(draft: Draft) -> None:
    asked, draft = draft, vevent.as_written(draft)

    assert vevent.read_texts(written(draft)) == (draft.subject, draft.body, draft.location)
    assert vevent.as_written(draft) == draft
    if not any(
        set(text) & set(map(chr, [*range(32), 127, 0xFEFF])) for text in (asked.subject, asked.body, asked.location)
    ):
        assert replace(draft, start=asked.start, end=asked.end).digest() == asked.digest()


@bounded
@given(drafts, drafts)
def test_an_update_leaves_what_a_new_event_would_say(first: Draft, second: Draft) -> None:
    first, second = vevent.as_written(first), vevent.as_written(second)
    fresh, changed = parsed(written(second)), parsed(updated(written(first), second, current=first))

    assert properties(changed) == properties(fresh)


def test_lines_are_folded_at_75_octets() -> None:
    raw = written(replace(DRAFT, subject="日本語 " * 50))

    assert max(len(line) for line in raw.split(b"\r\n")) <= 75
    assert all(line.decode() for line in raw.split(b"\r\n")[:-1])


DECORATED = f"""BEGIN:VEVENT
UID:dovetail-1@example.org
SEQUENCE:4
X-STRANGE;FOO="a:b;c";BAR=1:value that\\, no library\\; has to
  understand
X BROKEN LINE
DTSTART;TZID=Europe/Berlin:20270301T130000
DTEND;TZID=Europe/Berlin:20270301T140000
CATEGORIES:Sales
CATEGORIES:Blue
X-DOVETAIL-BOOKING:{STAMP.booking}
SUMMARY;LANGUAGE=en:Intro call
LOCATION:Room 4
DESCRIPTION;X-A=b:Park behind the house\\n{vevent.BODY_BEGINS}\\nAda\\nCancel: http
 s://example.org\\n{vevent.BODY_ENDS}\\nBring coffee
TRANSP:OPAQUE
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Off you go
TRIGGER:-PT10M
SUMMARY:An alarm's own
X-DOVETAIL-BOOKING:not ours to touch
END:VALARM
END:VEVENT
""".encode()


def test_an_update_keeps_every_line_that_is_the_users() -> None:
    moved = replace(DRAFT, start=NOW + timedelta(days=1), end=NOW + timedelta(days=1, hours=1), body="A new text")

    after = updated(DECORATED, moved)

    kept = [line.raw for line in vevent.content_lines(DECORATED)]
    changed = (b"DTSTART", b"DTEND", b"DESCRIPTION;X-A")
    for line in kept:
        assert (line in after) is not line.startswith(changed), line
    event = parsed(after.replace(b"X BROKEN LINE\n", b""))
    assert event["DESCRIPTION"] == (
        f"Park behind the house\n{vevent.BODY_BEGINS}\nA new text\n{vevent.BODY_ENDS}\nBring coffee"
    )
    assert event.start == moved.start


def test_an_update_that_changes_nothing_rewrites_only_the_stamp() -> None:
    after = updated(DECORATED, DRAFT)

    gone = set(DECORATED.splitlines()) - set(after.splitlines())
    assert gone == set()
    new = {line.split(b":")[0].decode() for line in set(after.splitlines()) - set(DECORATED.splitlines())}
    assert {name for name in new if not name.startswith((" ", "X-DOVETAIL-"))} == {"DTSTAMP", "LAST-MODIFIED"}


def test_an_update_writes_the_line_ends_that_the_file_has() -> None:
    assert b"\r" not in updated(DECORATED, replace(DRAFT, subject="Other"))
    assert b"\n" not in updated(written(), replace(DRAFT, subject="Other")).replace(b"\r\n", b"")


def test_text_without_our_marks_is_the_users_and_stays_below_ours() -> None:
    lines = [line.raw for line in vevent.content_lines(written()) if line.name != "DESCRIPTION"]
    raw = b"".join([*lines[:-1], b"DESCRIPTION:my own words\r\n", lines[-1]])

    after = vevent.read_texts(raw), parsed(updated(raw, DRAFT))["DESCRIPTION"]

    assert after == (
        ("Intro call", "my own words", "Room 4"),
        f"{vevent.BODY_BEGINS}\n{DRAFT.body}\n{vevent.BODY_ENDS}\nmy own words",
    )


def test_the_html_twin_of_the_description_goes_when_the_body_changes() -> None:
    raw = DECORATED.replace(b"TRANSP:OPAQUE\n", b"X-ALT-DESC;FMTTYPE=text/html:<b>Ada</b>\n")

    assert b"X-ALT-DESC" in updated(raw, replace(DRAFT, subject="Other"))
    assert b"X-ALT-DESC" not in updated(raw, replace(DRAFT, body="Other"))


def test_how_a_booking_shows_is_written_for_outlook_and_for_others() -> None:
    def shown(show_as: ShowAs) -> tuple[str, str, str]:
        event = parsed(written(replace(DRAFT, show_as=show_as)))
        return str(event["X-MICROSOFT-CDO-BUSYSTATUS"]), str(event["TRANSP"]), str(event["STATUS"])

    assert {show_as: shown(show_as) for show_as in ShowAs} == {
        ShowAs.FREE: ("FREE", "TRANSPARENT", "CONFIRMED"),
        ShowAs.TENTATIVE: ("TENTATIVE", "OPAQUE", "TENTATIVE"),
        ShowAs.BUSY: ("BUSY", "OPAQUE", "CONFIRMED"),
        ShowAs.OUT_OF_OFFICE: ("OOF", "OPAQUE", "CONFIRMED"),
        ShowAs.WORKING_ELSEWHERE: ("WORKINGELSEWHERE", "OPAQUE", "CONFIRMED"),
    }


@pytest.mark.parametrize("missing", [vevent.BOOKING, vevent.CONNECTOR, vevent.EPOCH, vevent.REVISION, vevent.DIGEST])
def test_half_a_stamp_is_none(missing: str) -> None:
    whole = properties(parsed(written()))
    assert vevent.read_stamp(whole) == STAMP

    del whole[missing]
    assert vevent.read_stamp(whole) is None


def test_a_stamp_that_makes_no_sense_is_none() -> None:
    whole = properties(parsed(written()))

    assert vevent.read_stamp({**whole, vevent.BOOKING: "not a uuid"}) is None
    assert vevent.read_stamp({**whole, vevent.EPOCH: "three"}) is None


@bounded
@given(drafts, stamps)
def test_our_own_reader_finds_the_booking_and_its_time_in_the_file(draft: Draft, stamp: Stamp) -> None:
    draft = vevent.as_written(draft)
    file = io.BytesIO(vevent.new_file(written(draft, stamp)))
    span = Interval(to_minutes(draft.start), to_minutes_ceil(draft.end))

    (entry,) = entries(file, UTC)
    file.seek(0)
    (busy,) = read_busy(file, span, UTC)

    assert (entry.stamp, entry.current) == (stamp, draft)
    assert isinstance(busy, EventBusy)
    shown = [] if draft.show_as is ShowAs.FREE else [BusyBlock(*span, BusyStatus(int(draft.show_as)))]
    assert list(busy.blocks) == shown


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ("TRANSP:OPAQUE\nX-MICROSOFT-CDO-BUSYSTATUS:OOF", ShowAs.OUT_OF_OFFICE),
        ("TRANSP:TRANSPARENT\nX-MICROSOFT-CDO-BUSYSTATUS:BUSY", ShowAs.FREE),
        ("TRANSP:OPAQUE\nX-MICROSOFT-CDO-BUSYSTATUS:FREE", ShowAs.BUSY),
        ("STATUS:CANCELLED\nTRANSP:OPAQUE", ShowAs.FREE),
        ("STATUS:TENTATIVE", ShowAs.TENTATIVE),
        ("X-MICROSOFT-CDO-BUSYSTATUS:NONSENSE", ShowAs.BUSY),
        ("X-OTHER:1", ShowAs.BUSY),
    ],
)
def test_a_booking_shows_as_the_last_program_that_wrote_it_meant(lines: str, shown: ShowAs) -> None:
    raw = DECORATED.replace(b"TRANSP:OPAQUE", lines.encode())
    (entry,) = entries(io.BytesIO(vevent.new_file(stamped(raw))), UTC)

    assert entry.current is not None
    assert entry.current.show_as is shown


@pytest.mark.parametrize(
    ("lines", "start", "end"),
    [
        ("DTSTART;TZID=Ours:20270301T130000\nDTEND;TZID=Ours:20270301T140000", (1, 9, 30), (1, 10, 30)),
        ("DTSTART;TZID=W. Europe Standard Time:20270301T130000\nDURATION:PT30M", (1, 12, 0), (1, 12, 30)),
        ("DTSTART:20270301T130000\nDTEND:20270301T140000", (1, 18, 0), (1, 19, 0)),
        ("DTSTART;VALUE=DATE:20270302", (2, 5, 0), (3, 5, 0)),
        ("DTSTART;TZID=Nowhere:20270301T130000\nDTEND;TZID=Nowhere:20270301T140000", (1, 18, 0), (1, 19, 0)),
    ],
    ids=["a zone of the file's own", "Windows zone and duration", "floating", "whole day", "unknown zone"],
)
def test_times_that_another_program_wrote_come_out_in_utc(
    lines: str, start: tuple[int, int, int], end: tuple[int, int, int]
) -> None:
    raw = re.sub(rb"DTSTART.*\nDTEND.*", lines.encode(), DECORATED)
    (entry,) = entries(io.BytesIO(vevent.new_file(OURS + stamped(raw))), ZoneInfo("America/New_York"))

    assert entry.current is not None
    assert (entry.current.start, entry.current.end) == (
        datetime(2027, 3, *start, tzinfo=UTC),
        datetime(2027, 3, *end, tzinfo=UTC),
    )


OURS = (
    b"BEGIN:VTIMEZONE\r\nTZID:Ours\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
    b"TZOFFSETFROM:+0330\r\nTZOFFSETTO:+0330\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
)


def test_a_broken_zone_in_the_file_spoils_no_time_in_another() -> None:
    zone = b"BEGIN:VTIMEZONE\r\nTZID:Ours\r\nEND:VTIMEZONE\r\n"
    (entry,) = entries(io.BytesIO(vevent.new_file(zone + stamped(DECORATED))), UTC)

    assert entry.current == DRAFT


def stamped(raw: bytes) -> bytes:
    """With a whole stamp, as `DECORATED` has but the booking's id."""
    return updated(raw, DRAFT)
