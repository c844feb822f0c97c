"""PidLidGlobalObjectId: the id that all copies of one meeting share (MS-OXOCAL 2.2.1.27).

It is not unique in a mailbox (a copied item keeps it), so nothing here identifies an item by it. It carries the date
of the occurrence an exception was made from, and the UID of an item that came from an iCalendar file.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from dovetail.connector.outlook.binary import Cursor, block

CLASS_ID = bytes.fromhex("040000008200E00074C5B7101A82E008")
_FOREIGN = b"vCal-Uid\x01\0\0\0"


@dataclass(frozen=True)
class GlobalObjectId:
    """`year`, `month` and `day` are the original date of an exception, 0 in a series or a single appointment.
    `creation_time` counts 100 ns since 1601-01-01T00:00Z."""

    creation_time: int
    data: bytes
    year: int = 0
    month: int = 0
    day: int = 0
    reserved: bytes = bytes(8)
    trailing: bytes = field(default=b"", repr=False)

    def to_bytes(self) -> bytes:
        return b"".join(
            (
                CLASS_ID,
                self.year.to_bytes(2, "big"),
                bytes((self.month, self.day)),
                self.creation_time.to_bytes(8, "little"),
                self.reserved,
                block(self.data),
                self.trailing,
            )
        )

    def clean(self) -> GlobalObjectId:
        """The id of the series: PidLidCleanGlobalObjectId."""
        return replace(self, year=0, month=0, day=0)

    @property
    def uid(self) -> str:
        """The UID in iCalendar (MS-OXCICAL): what a foreign item brought with it, or the whole clean id in hex."""
        if self.data.startswith(_FOREIGN):
            return self.data[len(_FOREIGN) :].removesuffix(b"\0").decode("utf-8", "replace")
        return self.clean().to_bytes().hex().upper()


def read_global_object_id(data: bytes, name: str = "PidLidGlobalObjectId") -> GlobalObjectId:
    """Read the value of PidLidGlobalObjectId or PidLidCleanGlobalObjectId. Raises MalformedProperty."""
    cursor = Cursor(name, data)
    if cursor.take(16) != CLASS_ID:
        raise cursor.malformed("not the class of a global object id", back=16)
    year = int.from_bytes(cursor.take(2), "big")
    month = cursor.expect(cursor.u8(), range(13), "month", 1)
    day = cursor.expect(cursor.u8(), range(32), "day", 1)
    creation_time = int.from_bytes(cursor.take(8), "little")
    return GlobalObjectId(
        creation_time=creation_time,
        year=year,
        month=month,
        day=day,
        reserved=cursor.take(8),
        data=cursor.block(),
        trailing=cursor.rest(),
    )
