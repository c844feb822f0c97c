from __future__ import annotations

import io
import tracemalloc
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.connector.calendars.splice import MAX_PART, End, Part, copy_with, parts

FILE = b"""BEGIN:VCALENDAR
PRODID:-//Other//EN
BEGIN:VTIMEZONE
TZID:X
BEGIN:STANDARD
END:STANDARD
END:VTIMEZONE
begin:vevent
SUMMARY:BEGIN:VEVENT
DESCRIPTION:first
 BEGIN:VEVENT
BEGIN:VALARM
END:VALARM
end:vevent
X-LATE:1
END:VCALENDAR
BEGIN:VCALENDAR
BEGIN:VTODO
END:VTODO
END:VCALENDAR
"""


def cut(content: bytes) -> list[Part | End]:
    return list(parts(io.BytesIO(content)))


def test_a_file_is_cut_into_the_components_inside_its_calendars() -> None:
    found = cut(FILE)

    assert [part.kind if isinstance(part, Part) else "end" for part in found] == [
        "VTIMEZONE",
        "VEVENT",
        "end",
        "VTODO",
        "end",
    ]
    for part in found:
        if isinstance(part, Part):
            assert part.raw == FILE[part.start : part.end]
        else:
            assert FILE[part.start :].startswith(b"END:VCALENDAR")


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1), st.binary(max_size=50))
def test_one_component_is_replaced_and_every_other_byte_stays(which: int, new: bytes) -> None:
    part = [part for part in cut(FILE) if isinstance(part, Part)][which]
    target = io.BytesIO()

    copy_with(io.BytesIO(FILE), part.start, part.end, new, target)

    assert target.getvalue() == FILE[: part.start] + new + FILE[part.end :]


def test_a_component_that_never_ends_has_no_kind() -> None:
    half = FILE[: FILE.index(b"end:vevent")]

    assert cut(half)[1:] == [Part("", FILE.index(b"begin:vevent"), len(half), None)]
    assert [part.raw for part in cut(b"BEGIN:VCALENDAR\n" + b"BEGIN:A\n" * 1000) if isinstance(part, Part)] == [None]


def test_what_is_no_calendar_has_no_parts() -> None:
    assert cut(b"") == cut(b"\x00\xff" * 1000) == cut(b"END:VEVENT\nEND:VCALENDAR\n" * 3) == []


def test_a_component_of_any_size_costs_bounded_memory() -> None:
    class Endless(io.RawIOBase):
        left = 20

        def seekable(self) -> bool:
            return True

        def seek(self, position: int, whence: int = 0) -> int:
            return 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            self.left -= 1
            head = b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nX:" if self.left == 19 else b""
            tail = b"\nEND:VEVENT\nEND:VCALENDAR\n" if self.left == 0 else b""
            view = memoryview(buffer)
            size = len(view) if self.left >= 0 else 0
            view[:size] = head + b"x" * (size - len(head) - len(tail)) + tail if size else b""
            return size

    tracemalloc.start()
    try:
        found = list(parts(io.BufferedReader(Endless(), 2 * 1024 * 1024)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert [part.raw for part in found if isinstance(part, Part)] == [None]
    assert peak < 3 * MAX_PART
