"""A connector that is killed while it writes a booking: ``python -m dovetail.demo.dying_connector before|after``.

``before``: it has journalled its intent and not written yet. ``after``: the item is in the calendar and that is not
journalled. The program is the real one; only the calendar it opens ends the process at that moment.
"""

from __future__ import annotations

import os
import sys
from typing import Any, cast

from dovetail.cli import main
from dovetail.connector.calendar_spec import KINDS
from dovetail.connector.calendars.port import CalendarPort, Draft, Item, Stamp

DEAD = 86
"""Its exit code."""


class DeadlyCalendar:
    def __init__(self, calendar: CalendarPort, moment: str) -> None:
        self._calendar, self._moment = calendar, moment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calendar, name)

    def create(self, calendar: str, draft: Draft, stamp: Stamp) -> Item:
        if self._moment == "after":
            self._calendar.create(calendar, draft, stamp)
        os._exit(DEAD)


if __name__ == "__main__":
    moment, open_folder = sys.argv.pop(1), KINDS["folder"]
    KINDS["folder"] = lambda path: cast(CalendarPort, DeadlyCalendar(open_folder(path), moment))
    sys.argv[1:] = ["sync"]
    main()
