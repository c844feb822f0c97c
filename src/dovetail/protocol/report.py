"""The digests that let both ends agree on what the connector has reported.

Each end computes them from its own data: equal roots mean equal data, whatever messages were lost or repeated.
A calendar list, an item list and each busy chunk have a SHA-256 over a canonical text; the root is the SHA-256 over
those. Order never matters, empty chunks do not exist.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from dovetail.protocol.messages import CalendarReport, ItemReport
from dovetail.schedule.busymap import ChunkKey


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _list_digest(rows: Iterable[CalendarReport] | Iterable[ItemReport]) -> str:
    texts = sorted(json.dumps(row.model_dump(mode="json"), sort_keys=True) for row in rows)
    return _sha256("\n".join(texts))


def calendars_digest(calendars: Iterable[CalendarReport]) -> str:
    return _list_digest(calendars)


def items_digest(items: Iterable[ItemReport]) -> str:
    return _list_digest(items)


def root_digest(calendars: str, items: str, chunks: Mapping[ChunkKey, str]) -> str:
    """`calendars` and `items` are section digests, `chunks` maps (calendar key, chunk index) to chunk digests."""
    lines = [f"{calendar}/{index}:{digest}" for (calendar, index), digest in sorted(chunks.items())]
    return _sha256("\n".join([calendars, items, *lines]))


NO_CALENDARS = calendars_digest(())
NO_ITEMS = items_digest(())
EMPTY_ROOT = root_digest(NO_CALENDARS, NO_ITEMS, {})
