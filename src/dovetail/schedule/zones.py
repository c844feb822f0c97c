"""Time zones by the names calendars use: IANA's, and Windows' as CLDR maps them.

Calendar programs also write a vendor's prefix before the IANA name
(`/freeassociation.sourceforge.net/Europe/Berlin`, `tzone://Microsoft/Utc`); the longest suffix that names a
zone is taken. Zones that a file defines itself (VTIMEZONE) are `recurrence`'s business.
"""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from tzlocal.windows_tz import win_tz


class UnknownZone(ValueError):
    """No zone has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown time zone {name[:80]!r}")
        self.name = name


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of an IANA or Windows name, capitals or not. Raises UnknownZone."""
    parts = name.strip().strip('"').strip("/").split("/")
    for first in range(min(len(parts), 8)):
        known = _by_lower_name().get("/".join(parts[first:]).lower())
        if known is not None:
            return ZoneInfo(known)
    raise UnknownZone(name)


@lru_cache(maxsize=1)
def _by_lower_name() -> dict[str, str]:
    names = {windows.lower(): iana for windows, iana in win_tz.items()}
    names.update((iana.lower(), iana) for iana in available_timezones() if _loads(iana))
    names["z"] = "UTC"
    return names


def _loads(iana: str) -> bool:
    """Some systems list links whose files they do not ship."""
    try:
        ZoneInfo(iana)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
