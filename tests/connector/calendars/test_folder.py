from __future__ import annotations

from pathlib import Path

import pytest

from connector.calendars.contract import CalendarContract
from connector.calendars.hands import FolderHand


@pytest.fixture
def hand(tmp_path: Path) -> FolderHand:
    return FolderHand(tmp_path / "calendars")


class TestContract(CalendarContract):
    pass
