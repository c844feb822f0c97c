"""The User's regional settings, as Windows applies them (GetDateFormatEx)."""

from __future__ import annotations

import ctypes
import sys
from ctypes import wintypes
from datetime import date

assert sys.platform == "win32"

_DATE_SHORTDATE = 1
_LONGEST = 128


class _SystemTime(ctypes.Structure):
    _fields_ = [
        (name, wintypes.WORD)
        for name in ("year", "month", "day_of_week", "day", "hour", "minute", "second", "milliseconds")
    ]


def short_date(day: date) -> str:
    """A day in the short format and the calendar of the User's locale, as set at this moment."""
    at = _SystemTime(year=day.year, month=day.month, day=day.day)
    text = ctypes.create_unicode_buffer(_LONGEST)
    if not ctypes.windll.kernel32.GetDateFormatEx(None, _DATE_SHORTDATE, ctypes.byref(at), None, text, _LONGEST, None):
        raise ctypes.WinError()
    return text.value
