from __future__ import annotations

from pathlib import Path

import pytest

from connector.calendars.contract import CalendarContract
from connector.calendars.hands import FileHand


@pytest.fixture
def hand(tmp_path: Path) -> FileHand:
    return FileHand(tmp_path / "calendar.ics")


class TestContract(CalendarContract):
    pass
