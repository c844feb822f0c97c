"""How a model Outlook reads the dates in a filter: by the User's regional settings, as VarDateFromStr does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

LONG_AGO = date(1900, 1, 1)


@dataclass(frozen=True)
class Locale:
    """`order` of day, month and year as letters; `years_ahead` of a calendar that counts from another year."""

    order: str = "dmy"
    separator: str = "."
    two_digits: bool = False
    years_ahead: int = 0

    def format(self, day: date) -> str:
        year = day.year + self.years_ahead
        parts = {
            "d": f"{day.day:02}",
            "m": f"{day.month:02}",
            "y": f"{year % 100:02}" if self.two_digits else f"{year}",
        }
        return self.separator.join(parts[letter] for letter in self.order)

    def read(self, text: str) -> date:
        """In this order; in another one where that gives no day. Raises ValueError."""
        numbers = [int(part) for part in re.split(r"[^0-9]+", text)]
        if len(numbers) != 3:
            raise ValueError(text)
        swapped = self.order.replace("d", "-").replace("m", "d").replace("-", "m")
        for order in (self.order, swapped, "ymd", "dmy", "mdy"):
            parts = dict(zip(order, numbers, strict=True))
            year = parts["y"] + 2000 if parts["y"] < 50 else parts["y"] + 1900 if parts["y"] < 100 else parts["y"]
            try:
                return date(year - self.years_ahead, parts["m"], parts["d"])
            except ValueError:
                continue
        raise ValueError(text)


GERMAN, AMERICAN, BRITISH = Locale(), Locale("mdy", "/"), Locale("dmy", "/")
SWEDISH, THAI, HUNGARIAN = Locale("ymd", "-"), Locale("dmy", "/", years_ahead=543), Locale("ymd", ". ")
SHORT_YEARS = Locale("dmy", ".", two_digits=True)
LOCALES = (GERMAN, AMERICAN, BRITISH, SWEDISH, THAI, HUNGARIAN, SHORT_YEARS)


@dataclass(frozen=True)
class Misreading(Locale):
    """Reads well, and then makes something else of it."""

    off: timedelta = timedelta()

    def read(self, text: str) -> date:
        return super().read(text) + self.off
