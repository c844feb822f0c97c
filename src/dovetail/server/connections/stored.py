"""What the server holds of a connector's reports, as digests: the other half of :mod:`dovetail.protocol.report`."""

from __future__ import annotations

from collections.abc import Mapping

from dovetail.protocol.messages import KnownDigests
from dovetail.protocol.report import root_digest
from dovetail.schedule.busymap import ChunkKey
from dovetail.server.connections.models import BusyChunk, Connection


def chunk_digests(connection: Connection) -> dict[ChunkKey, str]:
    rows = BusyChunk.objects.filter(calendar__connection=connection)
    return {(key, index): digest for key, index, digest in rows.values_list("calendar__key", "index", "digest")}


def root_of(connection: Connection, chunks: Mapping[ChunkKey, str]) -> str:
    return root_digest(connection.calendars_digest, connection.items_digest, chunks)


def recompute_root(connection: Connection) -> None:
    """After the server itself has changed what it holds; `connection` is not saved."""
    connection.root = root_of(connection, chunk_digests(connection))


def known_digests(connection: Connection) -> KnownDigests:
    return KnownDigests(
        calendars=connection.calendars_digest,
        items=connection.items_digest,
        chunks={f"{key}/{index}": digest for (key, index), digest in chunk_digests(connection).items()},
    )
