"""A filter that leaves out of a table what lies far from the window, and the proof that it leaves out nothing else.

Outlook reads the dates in a filter as the User's regional settings have them; there is no other way to write one. Read
wrongly, they yield other days, or no rows and no error. So the filter is built to be hard to misread: dates without a
time of day, on days after the twelfth, which swapping day and month cannot make into another day, and two days wide of
the window, because Outlook may take them for local or for UTC. Series are never left out: their rows tell when they
began.

And it is not believed: for each calendar, and whenever its text changes, the table is first read without it. Only if
it then yields all rows that may meet the window, at least one single appointment among them, and spares some others, is
it used from the next scan on. Whoever uses it looks for what it should have shown; see `calendar`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, timedelta

from dovetail.connector.outlook.object_model.rows import Traits
from dovetail.schedule.instants import from_minutes
from dovetail.schedule.intervals import Interval

FormatDate = Callable[[date], str]
"""A day as the User's regional settings write it in short. Asked anew each time: the User may change them."""

SLACK = timedelta(days=2)
_log = logging.getLogger(__name__)
_PLAIN_FROM = 13
_APPOINTMENT = "http://schemas.microsoft.com/mapi/id/{00062002-0000-0000-C000-000000000046}"
_START, _END, _RECURRING = (f'"{_APPOINTMENT}/{tag}"' for tag in ("820D0040", "820E0040", "8223000B"))


def filter_text(window: Interval, format_date: FormatDate) -> str:
    """DASL; all series, and what touches the days around the window."""
    first = _plain_day(from_minutes(window.start) - SLACK, -1)
    last = _plain_day(from_minutes(window.end) + SLACK, +1)
    touches = f"{_START} < '{_quoted(format_date(last))}' AND {_END} > '{_quoted(format_date(first))}'"
    return f"@SQL={_RECURRING} = 1 OR ({touches})"


class WindowFilters:
    """What is known of the filters of each calendar. Without `format_date` none is ever used."""

    def __init__(self, format_date: FormatDate | None) -> None:
        self._format_date = format_date
        self._proved: dict[str, str] = {}
        self._useless: dict[str, str] = {}

    def proved(self, calendar: str, window: Interval) -> str:
        """The filter to use; empty: none."""
        text = self._text(window)
        return text if text and self._proved.get(calendar) == text else ""

    def to_prove(self, calendar: str, window: Interval) -> str:
        """A filter of which nothing is known yet; empty: none."""
        text = self._text(window)
        return text if text not in (self._proved.get(calendar), self._useless.get(calendar)) else ""

    def judge(
        self, calendar: str, text: str, window: Interval, rows: Mapping[str, Traits], shown: Collection[str]
    ) -> None:
        """`rows` of appointments were read without the filter, `shown` are those that it yields."""
        needed = {row for row, traits in rows.items() if traits.may_meet(window)}
        single = {row for row in needed if not rows[row].recurring}
        if not needed <= set(shown):
            _log.warning("Outlook shows too little of a calendar that is filtered by date: it is read whole instead.")
        fits = bool(single) and needed <= set(shown) and len(set(rows) & set(shown)) < len(rows)
        (self._proved if fits else self._useless)[calendar] = text

    def distrust(self, calendar: str) -> None:
        """It left out what it should have shown."""
        text = self._proved.pop(calendar, None)
        if text is not None:
            self._useless[calendar] = text

    def forget(self) -> None:
        """Another run of Outlook."""
        self._proved.clear()
        self._useless.clear()

    def _text(self, window: Interval) -> str:
        return filter_text(window, self._format_date) if self._format_date is not None else ""


def _plain_day(at: datetime, step: int) -> date:
    """The nearest day in that direction that no swap of day and month makes another one."""
    day = at.astimezone(UTC).date()
    while day.day < _PLAIN_FROM:
        day += timedelta(days=step)
    return day


def _quoted(text: str) -> str:
    return text.replace("'", "''")
