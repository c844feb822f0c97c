"""A calendar's busy time cut into weeks, each with a digest, so that two sides can find what differs.

A chunk is seven UTC days; its index is the minute divided by `CHUNK_MINUTES`, so both sides cut alike
without agreeing on anything. A chunk without busy time does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from dovetail.schedule.busy import BusyBlock, merge_busy
from dovetail.schedule.intervals import Interval

CHUNK_MINUTES = 7 * 24 * 60
ChunkKey = tuple[str, int]  # calendar key, chunk index


@dataclass(frozen=True)
class BusyMap:
    """Canonical busy blocks (`merge_busy`) by calendar and week."""

    chunks: Mapping[ChunkKey, tuple[BusyBlock, ...]]

    @classmethod
    def reduce(cls, by_calendar: Mapping[str, Iterable[BusyBlock]], window: Interval) -> BusyMap:
        """Merge each calendar's blocks and keep what lies in `window`."""
        chunks: dict[ChunkKey, list[BusyBlock]] = {}
        for calendar, blocks in by_calendar.items():
            for block in merge_busy(_clipped(blocks, window)):
                for index, piece in _by_chunk(block):
                    chunks.setdefault((calendar, index), []).append(piece)
        return cls({key: tuple(pieces) for key, pieces in chunks.items()})

    def digests(self) -> dict[ChunkKey, str]:
        """`chunk_digest` of every chunk."""
        return {key: chunk_digest(blocks) for key, blocks in self.chunks.items()}


def chunk_digest(blocks: Sequence[BusyBlock]) -> str:
    """SHA-256, in hex, of one line `start end status` per block. The blocks are canonical."""
    text = "".join(f"{start} {end} {status:d}\n" for start, end, status in blocks)
    return sha256(text.encode("ascii")).hexdigest()


def _clipped(blocks: Iterable[BusyBlock], window: Interval) -> Iterable[BusyBlock]:
    for start, end, status in blocks:
        if start < window.end and end > window.start:
            yield BusyBlock(max(start, window.start), min(end, window.end), status)


def _by_chunk(block: BusyBlock) -> Iterable[tuple[int, BusyBlock]]:
    start, end, status = block
    while start < end:
        index = start // CHUNK_MINUTES
        cut = min(end, (index + 1) * CHUNK_MINUTES)
        yield index, BusyBlock(start, cut, status)
        start = cut
