"""A small .pst for tests (MS-PST, Unicode): folders with messages, all properties in heaps of one block.

libpff reads it as any other. Outlook would miss the allocation maps.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connector.outlook.written import fixed_value, name_streams, property_id, variable_value
from dovetail.connector.outlook.properties import PROPERTIES, PropertyType, Value

STORE, NAMES, ROOT = 0x21, 0x61, 0x122
TOP, DELETED, CALENDAR = 0x8022, 0x8062, 0x8122
_DATA_START = 0x4600
_STRING, _STRING8, _INTEGER, _BINARY = 0x1F, 0x1E, 0x03, 0x102
_HIERARCHY, _CONTENTS, _ASSOCIATED = 0x0D, 0x0E, 0x0F
_STORE_ID = bytes(range(16))

Raw = Mapping[int, tuple[int, bytes]]  # property id to type and value


@dataclass
class PstFolder:
    """A folder by its node id, with its messages by theirs. `kind` is its container class, in Unicode or not."""

    nid: int
    name: str
    parent: int
    kind: str = ""
    messages: dict[int, Mapping[str, Value]] = field(default_factory=dict)
    is_unicode: bool = True


def calendar(nid: int, name: str, parent: int = TOP) -> PstFolder:
    return PstFolder(nid, name, parent, "IPF.Appointment")


def pst(
    folders: Sequence[PstFolder],
    default: int = CALENDAR,
    lost: frozenset[int] = frozenset(),
    phantoms: frozenset[int] = frozenset(),
) -> bytes:
    """The content of a data file: the folders below `TOP`, or in the wastebasket `DELETED`.

    The messages in `lost` are missing from the tables of contents; those in `phantoms` are there alone.
    """
    nodes: dict[int, tuple[int, Raw]] = {
        STORE: (0, {0x35E0: (_BINARY, _entry_id(TOP)), 0x35E3: (_BINARY, _entry_id(DELETED))}),
        NAMES: (0, _name_map()),
        ROOT: (ROOT, {**_folder("", ""), 0x36D0: (_BINARY, _entry_id(default))}),
        TOP: (ROOT, _folder("Top of Personal Folders", "")),
        DELETED: (TOP, _folder("Deleted Items", "IPF.Note")),
    }
    for folder in folders:
        nodes[folder.nid] = folder.parent, _folder(folder.name, folder.kind, len(folder.messages), folder.is_unicode)
        for nid, properties in folder.messages.items():
            nodes[nid] = folder.nid, dict(_raw(name, value) for name, value in properties.items())
    heaps = {nid: (parent, _property_context(values)) for nid, (parent, values) in nodes.items()}
    for nid in (ROOT, TOP, DELETED, *(folder.nid for folder in folders)):
        below = [folder for folder, (parent, _) in nodes.items() if parent == nid != folder]
        for kind, rows in ((_HIERARCHY, _folders(below)), (_CONTENTS, _messages(below, lost)), (_ASSOCIATED, [])):
            heaps[nid & ~0x1F | kind] = 0, _table_context(rows)
    file = _File()
    entries = []
    for nid, (parent, heap) in sorted(item for item in heaps.items() if item[0] not in phantoms):
        entries.append((nid, struct.pack("<QQQII", nid, file.block(heap), 0, parent, 0)))
    return file.finished(entries)


def _folders(nids: list[int]) -> list[int]:
    return [nid for nid in nids if nid & 0x1F in (0x02, 0x03)]


def _messages(nids: list[int], lost: frozenset[int]) -> list[int]:
    return [nid for nid in nids if nid & 0x1F == 0x04 and nid not in lost]


def _entry_id(nid: int) -> bytes:
    return bytes(4) + _STORE_ID + nid.to_bytes(4, "little")


def _folder(name: str, kind: str, messages: int = 0, is_unicode: bool = True) -> Raw:
    told: dict[int, tuple[int, bytes]] = {
        0x3001: (_STRING, name.encode("utf-16-le")),
        0x3602: (_INTEGER, messages.to_bytes(4, "little")),
    }
    stored = (_STRING, kind.encode("utf-16-le")) if is_unicode else (_STRING8, kind.encode())
    return told | ({0x3613: stored} if kind else {})


def _name_map() -> Raw:
    guids, entries = name_streams()
    return {
        0x0001: (_INTEGER, (251).to_bytes(4, "little")),
        0x0002: (_BINARY, guids),
        0x0003: (_BINARY, entries),
        0x0004: (_BINARY, b""),
    }


def _raw(name: str, value: Value) -> tuple[int, tuple[int, bytes]]:
    found = PROPERTIES[name]
    if found.type in (PropertyType.STRING, PropertyType.BINARY):
        return property_id(found), (found.type, variable_value(value))
    size = 8 if found.type is PropertyType.TIME else 4
    return property_id(found), (found.type, fixed_value(value)[:size])


class _Heap:
    """A heap-on-node in one block (MS-PST 2.3.1)."""

    def __init__(self, kind: int) -> None:
        self._kind = kind
        self._parts: list[bytes] = []

    def add(self, data: bytes) -> int:
        """Gives the id of the part."""
        self._parts.append(data)
        return len(self._parts) << 5

    def tree(self, key: int, size: int, records: bytes) -> int:
        """A B-tree of one level (MS-PST 2.3.2)."""
        at = self.add(records) if records else 0
        return self.add(struct.pack("<BBBBI", 0xB5, key, size, 0, at))

    def finished(self, root: int) -> bytes:
        starts = [12]
        for data in self._parts:
            starts.append(starts[-1] + len(data))
        parts = b"".join(self._parts) + bytes(starts[-1] % 2)
        header = struct.pack("<HBBI4s", 12 + len(parts), 0xEC, self._kind, root, bytes(4))
        whole = header + parts + struct.pack(f"<HH{len(starts)}H", len(self._parts), 0, *starts)
        assert len(whole) <= 8176, "one block holds no more"
        return whole


def _property_context(values: Raw) -> bytes:
    """A B-tree of properties, with the values that do not fit into it beside it (MS-PST 2.3.3)."""
    heap = _Heap(0xBC)
    records = b""
    for number, (kind, data) in sorted(values.items()):
        inline = data.ljust(4, b"\0") if kind in (PropertyType.INTEGER, PropertyType.BOOLEAN) else None
        reference = inline or (heap.add(data) if data else 0).to_bytes(4, "little")
        records += struct.pack("<HH4s", number, kind, reference)
    return heap.finished(heap.tree(2, 6, records))


def _table_context(rows: list[int]) -> bytes:
    """A table of node ids and nothing else (MS-PST 2.3.4)."""
    heap = _Heap(0x7C)
    index = heap.tree(4, 4, b"".join(struct.pack("<II", nid, at) for at, nid in enumerate(rows)))
    matrix = heap.add(b"".join(struct.pack("<IIB", nid, 1, 0xC0) for nid in rows)) if rows else 0
    columns = struct.pack("<IHBBIHBB", 0x67F20003, 0, 4, 0, 0x67F30003, 4, 4, 1)
    return heap.finished(heap.add(struct.pack("<BB4HIII", 0x7C, 2, 8, 8, 8, 9, index, matrix, 0) + columns))


class _File:
    def __init__(self) -> None:
        self._data = bytearray(_DATA_START)
        self._blocks: list[tuple[int, bytes]] = []
        self._next_bid = 4

    def block(self, data: bytes) -> int:
        """A block of its own (MS-PST 2.2.2.8)."""
        bid, at = self._bid(), len(self._data)
        trailer = struct.pack("<HHIQ", len(data), _signature(at, bid), _crc(data), bid)
        self._data += data + bytes(-(len(data) + 16) % 64) + trailer
        self._blocks.append((bid, struct.pack("<QQHHI", bid, at, len(data), 2, 0)))
        return bid

    def finished(self, nodes: list[tuple[int, bytes]]) -> bytes:
        node_tree = self._tree(0x81, nodes)
        block_tree = self._tree(0x80, self._blocks)
        root = struct.pack("<IQQQQ16s16sBBH", 0, len(self._data), 0x4400, 0, 0, node_tree, block_tree, 0, 0, 0)
        body = struct.pack(
            "<HHHBBIIQQI128sQ72sI128s128sBB2sQ",
            *(0x4D53, 23, 19, 1, 1, 0, 0, 0, self._next_bid, 1),
            bytes(128),
            0,
            root,
            0,
            bytes(128),
            bytes(128),
            *(0x80, 0, bytes(2), self._next_bid),
        )
        header = struct.pack("<4sI", b"!BDN", _crc(body[:471])) + body + struct.pack("<I36s", _crc(body), bytes(36))
        self._data[: len(header)] = header
        return bytes(self._data)

    def _tree(self, kind: int, entries: list[tuple[int, bytes]], level: int = 0) -> bytes:
        """The reference (id and place) of a B-tree's root page (MS-PST 2.2.2.7.7)."""
        size = len(entries[0][1])
        most = 488 // size
        pages = []
        for first in range(0, len(entries), most):
            some = entries[first : first + most]
            bid = self._bid()
            self._data += bytes(-len(self._data) % 512)
            at = len(self._data)
            body = b"".join(entry for _, entry in some).ljust(488, b"\0")
            body += struct.pack("<BBBBI", len(some), most, size, level, 0)
            self._data += body + struct.pack("<BBHIQ", kind, kind, _signature(at, bid), _crc(body), bid)
            pages.append((some[0][0], struct.pack("<QQQ", some[0][0], bid, at)))
        return pages[0][1][8:] if len(pages) == 1 else self._tree(kind, pages, level + 1)

    def _bid(self) -> int:
        bid, self._next_bid = self._next_bid, self._next_bid + 4
        return bid


def _signature(at: int, bid: int) -> int:
    mixed = (at ^ bid) & 0xFFFFFFFF
    return (mixed >> 16 ^ mixed) & 0xFFFF


def _crc(data: bytes) -> int:
    """MS-PST 5.3: the usual polynomial, begun with 0 and not inverted."""
    return zlib.crc32(data, 0xFFFFFFFF) ^ 0xFFFFFFFF
