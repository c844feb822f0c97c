"""Zones that a file defines, against the same zones as IANA knows them."""

import pytest

from schedule.calendars import busy, event, window
from schedule.generated import DEFINITIONS, definition

CHANGES = {
    "Europe/Berlin": ["20260329", "20261025"],
    "America/New_York": ["20260308", "20261101"],
    "Australia/Sydney": ["20260405", "20261004"],
    "Asia/Kathmandu": ["20260405"],
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_defined_zone_reads_the_clock_as_the_known_one_does_also_when_it_changes(name: str) -> None:
    defined = definition(name).replace(name, "Head office").replace("\r\n", "\n")
    times = [f"{day}T{hour:02}{minute:02}00" for day in CHANGES[name] for hour in range(6) for minute in (0, 30)]
    known, own = (
        [event(f"DTSTART;TZID={zone}:{time}", "DURATION:PT1M", uid=time) for time in times]
        for zone in (name, "Head office")
    )
    year = window("2026-01-01", "2027-01-01")
    assert busy(defined, *own, within=year) == busy(*known, within=year)
