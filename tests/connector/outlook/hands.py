"""The User's hand on Outlook's files: it saves what Outlook saves."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from connector.calendars.contract import NINE, TEN, WINDOW
from connector.calendars.hands import grow_old
from connector.outlook import written, written_pst
from dovetail.connector.calendars.port import Scan, ScanRequest
from dovetail.connector.outlook.data_files import OutlookFiles
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval


class FilesHand:
    """What the reading part of the contract needs, on whatever keeps the appointments of `path`."""

    main: str
    other: str

    def __init__(self, path: Path) -> None:
        self.path = path
        self._away = path.with_name("unplugged")
        self.port = OutlookFiles(path, local=UTC)
        self.saved: dict[str, written.Written] = {}

    def adds(
        self,
        calendar: str,
        start: datetime,
        end: datetime,
        status: BusyStatus = BusyStatus.BUSY,
        *,
        subject: str = "Lunch",
        weeks: int = 1,
    ) -> str:
        return self.saves(calendar, written.appointment(start, end, status, subject=subject, weeks=weeks))

    def saves(self, calendar: str, properties: written.Written) -> str:
        """A new message. Gives its handle."""
        raise NotImplementedError

    def writes(self, handle: str) -> None:
        """What `saved` has of the handle is on the disk."""
        raise NotImplementedError

    def deletes(self, calendar: str, handle: str) -> None:
        raise NotImplementedError

    def changes(self, handle: str, **properties: written.Value) -> None:
        self.saved[handle].update(properties)
        self.writes(handle)

    def moves(self, calendar: str, handle: str, start: datetime, end: datetime) -> None:
        self.changes(handle, PidLidAppointmentStartWhole=start, PidLidAppointmentEndWhole=end)

    def frees(self, calendar: str, handle: str) -> None:
        self.changes(handle, PidLidBusyStatus=0)

    def decorates(self, calendar: str, handle: str) -> None:
        self.changes(handle, PidLidReminderDelta=10, PidLidReminderSet=True)

    def breaks(self, calendar: str, handle: str) -> None:
        self.changes(handle, PidLidRecurring=True, PidLidAppointmentRecur=b"junk")

    def takes_store_away(self) -> None:
        self.path.rename(self._away)

    def puts_store_back(self) -> None:
        self._away.rename(self.path)

    def lets_time_pass(self) -> None:
        raise NotImplementedError


class MsgHand(FilesHand):
    """On a folder with two folders of .msg files in it."""

    main, other = "main", "team"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.files: dict[str, Path] = {}
        for name in (self.main, self.other):
            (path / name).mkdir(parents=True)

    def saves(self, calendar: str, properties: written.Written) -> str:
        before = self._handles(calendar)
        path = self.path / calendar / f"{uuid.uuid4()}.msg"
        path.write_bytes(written.msg(properties))
        (handle,) = self._handles(calendar) - before
        self.files[handle], self.saved[handle] = path, properties
        return handle

    def writes(self, handle: str) -> None:
        self.files[handle].write_bytes(written.msg(self.saved[handle]))

    def deletes(self, calendar: str, handle: str) -> None:
        self.files[handle].unlink()

    def lets_time_pass(self) -> None:
        for path in self.path.rglob("*.msg"):
            grow_old(path)

    def _handles(self, calendar: str) -> set[str]:
        scan = self.port.scan(ScanRequest(calendar, Interval(0, 1)))
        handles = {item.handle for item in scan.items} | {problem.handle for problem in scan.problems}
        return {handle for handle in handles if handle}


class PstHand(FilesHand):
    """On a data file with two calendars."""

    main, other = f"{written_pst.CALENDAR:x}", "8142"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.folders = {
            self.main: written_pst.calendar(int(self.main, 16), "Calendar"),
            self.other: written_pst.calendar(int(self.other, 16), "Team"),
        }
        self._nids = count(0x200004, 0x20)
        self.writes("")

    def saves(self, calendar: str, properties: written.Written) -> str:
        nid = next(self._nids)
        self.saved[f"{nid:x}"] = self.folders[calendar].messages[nid] = properties
        self.writes("")
        return f"{nid:x}"

    def writes(self, handle: str) -> None:
        self.path.write_bytes(written_pst.pst(list(self.folders.values())))

    def deletes(self, calendar: str, handle: str) -> None:
        del self.folders[calendar].messages[int(handle, 16)]
        self.writes("")

    def lets_time_pass(self) -> None:
        grow_old(self.path)


BUSY = BusyBlock(to_minutes(NINE), to_minutes(TEN), BusyStatus.BUSY)


def scan(port: OutlookFiles, calendar: str, known: dict[str, str] | None = None) -> Scan:
    return port.scan(ScanRequest(calendar, WINDOW, known or {}))


def known(seen: Scan) -> dict[str, str]:
    return {item.handle: item.version for item in seen.items}
