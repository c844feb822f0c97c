"""What Dovetail writes on a booking's item: the owned fields as Outlook can hold them, and the stamp.

The stamp is one text among the item's UserProperties, so that a filter on its beginning finds the items of a booking.
It holds the text of the booking too: an item's body is guarded, and is not read to learn what we wrote there ourselves.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC
from uuid import UUID

from dovetail.connector.calendars.port import Draft, Stamp

PROPERTY = "Dovetail booking"
_MARK = "dovetail/1"
_LONGEST_LINE = 255
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff]")
_DASL = "http://schemas.microsoft.com/mapi/string/{00020329-0000-0000-C000-000000000046}/Dovetail%20booking"


@dataclass(frozen=True)
class Mark:
    """The stamp and the booking's text, as the property holds them."""

    stamp: Stamp
    body: str

    def to_text(self) -> str:
        stamp = self.stamp
        rest = [stamp.connector_id, stamp.epoch, stamp.revision, stamp.digest, stamp.handle, self.body]
        return f"{_MARK} {stamp.booking} {json.dumps(rest)}"


def read_mark(text: object) -> Mark | None:
    """None for what is no whole stamp: that is not ours."""
    try:
        mark, booking, rest = str(text).split(" ", 2)
        connector_id, epoch, revision, digest, handle, body = json.loads(rest)
        if mark != _MARK:
            return None
        stamp = Stamp(UUID(booking), str(connector_id), int(epoch), int(revision), str(digest), str(handle))
    except (ValueError, TypeError):
        return None
    return Mark(stamp, str(body))


def beginning(booking: UUID) -> str:
    """What the text of every stamp of this booking begins with."""
    return f"{_MARK} {booking} "


def bears(booking: UUID) -> str:
    """A DASL filter for items with the stamp of this booking. It has no date in it, so no locale can spoil it."""
    return f"@SQL=\"{_DASL}\" like '{beginning(booking)}%'"


def as_written(draft: Draft) -> Draft:
    """The draft as Outlook holds it: whole minutes of UTC, subject and location on one line of at most 255 UTF-16
    units, no control characters, one kind of line end."""
    return replace(
        draft,
        start=draft.start.astimezone(UTC).replace(second=0, microsecond=0),
        end=draft.end.astimezone(UTC).replace(second=0, microsecond=0),
        subject=_line(draft.subject),
        body=_CONTROL.sub("", "\n".join(draft.body.splitlines())).rstrip("\n"),
        location=_line(draft.location),
    )


def _line(text: str) -> str:
    line = _CONTROL.sub("", " ".join(text.split()))
    return line.encode("utf-16-le")[: 2 * _LONGEST_LINE].decode("utf-16-le", "ignore").strip()
