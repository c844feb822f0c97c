"""How calendars were last reached that can be reached in several ways: kept beside the profile, for `status`."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from dovetail.connector.atomic import write_private
from dovetail.connector.calendars.port import Way

FILE_NAME = "ways.json"
_WAYS = TypeAdapter(tuple[Way, ...])


def write_ways(file: Path, ways: tuple[Way, ...]) -> None:
    """No file where there was no choice. Raises OSError."""
    if ways:
        write_private(file, _WAYS.dump_json(ways, indent=2).decode() + "\n")
    else:
        file.unlink(missing_ok=True)


def read_ways(file: Path) -> tuple[Way, ...]:
    """None where nothing was kept."""
    try:
        return _WAYS.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return ()
