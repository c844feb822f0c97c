"""Text made to hurt: whatever is read, there are answers, in bounded time and memory, and no exception."""

import subprocess
import sys
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.schedule.busy import BusyBlock
from dovetail.schedule.ics import EventBusy, Problem
from schedule.calendars import JUNE, calendar, event, read
from schedule.generated import items

SAMPLES = [text for _, text in items(Random(1), singles=3, series=12)]
WORDS = [
    "BEGIN:VEVENT",
    "END:VEVENT",
    "BEGIN:VALARM",
    "END:VALARM",
    "BEGIN:VTIMEZONE",
    "END:VTIMEZONE",
    "BEGIN:STANDARD",
    "END:STANDARD",
    "TZID:Custom",
    "TZOFFSETFROM:+9900",
    "TZOFFSETFROM:+0100",
    "TZOFFSETTO:-2359",
    "UID:a",
    "UID:b",
    "SEQUENCE:99999999999999",
    ":",
    ";=:",
    "DTSTART:00010101T000000",
    "DTSTART:99991231T235959Z",
    "DTSTART;TZID=Custom:20260605T100000",
    "DTSTART:20260605",
    "DTEND:00010101",
    "DTEND:99991231T235959",
    "DURATION:P99999W",
    "DURATION:-P1D",
    "RRULE:FREQ=HOURLY",
    "RRULE:FREQ=YEARLY;BYDAY=53MO",
    "RRULE:FREQ=DAILY;COUNT=999999999",
    "RRULE:FREQ=WEEKLY;BYMONTHDAY=31;BYMONTH=2",
    "EXDATE:20260606T100000Z",
    "RDATE:20260607/P1D",
    "RDATE:99991231T235959/99991231T235959",
    "RECURRENCE-ID;RANGE=THISANDFUTURE:00010101T000000Z",
    "RECURRENCE-ID:20260606T100000Z",
]


def check(results: list[EventBusy | Problem]) -> None:
    for result in results:
        assert all(isinstance(b, BusyBlock) and b.start < b.end for b in result.blocks)
        assert all(b.start < JUNE.end and b.end > JUNE.start for b in result.blocks)


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=20), max_size=40))
@settings(deadline=None, max_examples=400)
def test_any_lines_are_answered(lines: list[str]) -> None:
    check(read("\r\n".join(["BEGIN:VCALENDAR", *lines]).encode("utf-8", "surrogatepass")))


@given(
    st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=6)), min_size=1, max_size=8)
)
@settings(deadline=None, max_examples=400)
def test_a_calendar_with_bytes_changed_anywhere_is_answered(text: str, changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(text.encode())
    for at, piece in changes:
        at %= len(data)
        data[at : at + len(piece)] = piece
    check(read(bytes(data)))


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=200)
def test_any_bytes_are_answered(data: bytes) -> None:
    check(read(data))


HOURLY = event("DTSTART:20000101T000000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY")
DARK = event("DTSTART:18000101T000000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=99999")
NEVER = event("DTSTART:19000101T000000Z", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
ZONES = "BEGIN:VTIMEZONE\nTZID:{}\n" + (
    "BEGIN:STANDARD\nDTSTART:00020101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\n"
    "RRULE:FREQ=YEARLY;BYYEARDAY=366\nEND:STANDARD\n" * 100 + "END:VTIMEZONE"
)
MANY_OF_ONE = [event("DTSTART:20260601T100000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY")] * 500 + [
    event(f"RECURRENCE-ID;RANGE=THISANDFUTURE:20260601T{n // 60:02}{n % 60:02}00Z", "DTSTART:20260602T100000Z")
    for n in range(1440)
]


VERSIONS = [event("DTSTART:20260601T100000Z", "DURATION:PT1H")] * 3000 + [
    event(f"RECURRENCE-ID:20260601T{n // 60:02}{n % 60:02}00Z\nDTSTART:20260602T100000Z") for n in range(1440)
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "parts",
    [
        [HOURLY.replace("one", str(n)) for n in range(2000)],
        [DARK.replace("one", str(n)) for n in range(500)],
        [NEVER.replace("one", str(n)) for n in range(2000)],
        [ZONES.format(n) for n in range(50)],
        MANY_OF_ONE,
        VERSIONS * 3,
        ["BEGIN:VEVENT\n" * 20_000],
        ["BEGIN:X\n" * 200_000],
        [event("BEGIN:VALARM\n" * 100_000, "DTSTART:20260605T100000Z")],
        [event("DTSTART" + ";A=B" * 15_000 + ":20260605")],
        [event("RRULE:" + ";" * 60_000, "DTSTART:20260605")],
    ],
    ids=[
        "hourly",
        "long counts",
        "never",
        "zones",
        "one uid",
        "versions",
        "events",
        "components",
        "alarms",
        "parameters",
        "rule",
    ],
)
def test_a_small_file_made_to_be_slow_comes_to_an_end(parts: list[str]) -> None:
    check(read(calendar(*parts)))


PROGRAM = """
import sys
from dovetail.schedule.ics import read_busy
from dovetail.schedule.intervals import Interval
from dovetail.schedule.zones import zone

class Endless:
    "A stream of 100 MB that is nowhere as a whole."
    def __init__(self, head, body, size):
        self.head, self.body, self.left, self.line, self.number = head, body, size, b"", 0
    def readline(self, size):
        if not self.line:
            if self.head:
                self.line, self.head = self.head, b""
            elif self.left > 0:
                self.line = self.body.replace(b"%N", b"%d" % self.number)
                self.number += 1
                self.left -= len(self.line)
        end = min(self.line.find(b"\\n") + 1 or size, size)
        piece, self.line = self.line[:end], self.line[end:]
        return piece

case = {
    "long line": Endless(b"BEGIN:VCALENDAR\\nBEGIN:VEVENT\\nDESCRIPTION:", b"x" * 60_000, 100 * 2**20),
    "long wanted line": Endless(b"BEGIN:VCALENDAR\\nBEGIN:VEVENT\\nDTSTART:", b"x" * 60_000, 100 * 2**20),
    "folded": Endless(b"BEGIN:VCALENDAR\\nBEGIN:VEVENT\\nATTACH:", b"x" * 70 + b"\\n ", 20 * 2**20),
    "exceptions": Endless(b"BEGIN:VCALENDAR\\n", b"BEGIN:VEVENT\\nUID:%N\\nDTSTART:20260605T100000Z\\n"
        + b"EXDATE:" + b",".join(b"202606%02dT%02d%02d00Z" % (d, h, m) for d in range(1, 30) for h in range(24)
        for m in (0, 7, 14)) + b"\\nEND:VEVENT\\n", 20 * 2**20),
    "events": Endless(b"BEGIN:VCALENDAR\\n", b"BEGIN:VEVENT\\nUID:%N\\nDTSTART:20260605\\nEND:VEVENT\\n", 12 * 2**20),
}[sys.argv[1]]
count = sum(1 for _ in read_busy(case, Interval(29_671_200, 29_714_400), zone("UTC")))
peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))  # maxrss begins as the parent's
print(count, int(peak.split()[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is measured with getrusage")
@pytest.mark.parametrize("case", ["long line", "long wanted line", "folded", "exceptions", "events"])
def test_a_huge_file_stays_far_below_300_megabytes(case: str) -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM, case], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout.split()[1]) < 250
