"""The User's hand on a model Outlook: appointments made, moved, copied and deleted in its own window."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.calendars.contract import WINDOW
from connector.outlook import written
from connector.outlook.model_outlook import ModelOutlook
from connector.outlook.model_store import BODY, KEYWORDS, Folder, Message
from dovetail.connector.calendars.port import CalendarError, Scan, ScanRequest
from dovetail.connector.outlook.object_model.calendar import ObjectModelCalendar
from dovetail.schedule.busy import BusyStatus

MAIL = ("PidLidAllAttendeesString", "PidLidToAttendeesString", "PidLidCcAttendeesString", "PidLidResponseStatus")


class OutlookHand:
    """The User's hand on Outlook's own window."""

    def __init__(self, outlook: ModelOutlook, **manners: Any) -> None:
        self.outlook, self.mailbox = outlook, outlook.mailbox
        store = self.mailbox.add_store("ada@example.org")
        self.folders = [store.add("Calendar"), store.add("Team")]
        self.main, self.other = (f"{store.id}:{folder.entry_id}" for folder in self.folders)
        self.waited: list[float] = []
        usual = {"connect": outlook.connect, "listen": outlook.listen, "sleep": self.waited.append}
        usual["format_date"] = lambda day: outlook.locale.format(day)
        self.port = ObjectModelCalendar(**{**usual, **manners}, local=self.mailbox.local, now=lambda: self.mailbox.time)

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
        properties = written.appointment(start, end, status, subject=subject, weeks=weeks)
        return self.mailbox.add(self.folder(calendar), properties).entry_id

    def moves(self, calendar: str, handle: str, start: datetime, end: datetime) -> None:
        times = (start.astimezone(UTC), end.astimezone(UTC))
        self.changes(handle, PidLidAppointmentStartWhole=times[0], PidLidAppointmentEndWhole=times[1])

    def frees(self, calendar: str, handle: str) -> None:
        self.changes(handle, PidLidBusyStatus=0)

    def decorates(self, calendar: str, handle: str) -> None:
        body = f"Park in the yard\r\n{self.message(handle).properties.get(BODY, '')}\r\nBring coffee"
        self.changes(handle, PidNameKeywords="Sales", PidLidReminderDelta=10, PidTagBody=body)

    def decorations(self, calendar: str, handle: str) -> Mapping[str, str]:
        properties = self.message(handle).properties
        lines = str(properties[BODY]).split("\r\n")
        return {
            "category": str(properties[KEYWORDS]),
            "reminder": str(properties["PidLidReminderDelta"]),
            "notes": f"{lines[0]} … {lines[-1]}",
        }

    def copies(self, calendar: str, handle: str, to: str | None = None) -> str:
        return self.mailbox.copy(self.message(handle), self.folder(to or calendar)).entry_id

    def deletes(self, calendar: str, handle: str) -> None:
        self.mailbox.delete(self.message(handle))

    def breaks(self, calendar: str, handle: str) -> None:
        self.message(handle).broken = True

    def takes_store_away(self) -> None:
        self.outlook.close()

    def puts_store_back(self) -> None:
        self.outlook.start()

    def lets_time_pass(self) -> None:
        self.mailbox.time += timedelta(minutes=5)

    def mail_properties(self, calendar: str, handle: str) -> list[str]:
        properties = self.message(handle).properties
        found = [name for name in MAIL if name in properties]
        return found + ["PidLidAppointmentStateFlags"] * bool(properties.get("PidLidAppointmentStateFlags"))

    def fingerprint(self, calendar: str, handle: str) -> object:
        message = self.message(handle)
        return dict(message.properties), dict(message.user), message.saves, message.folder.entry_id

    def changes(self, handle: str, **properties: written.Value) -> None:
        message = self.message(handle)
        message.properties.update(properties)
        self.mailbox.saved(message)

    def message(self, handle: str) -> Message:
        found = self.mailbox.message(handle)
        assert found is not None
        return found

    def folder(self, calendar: str) -> Folder:
        return self.folders[calendar == self.other]


def scan(hand: OutlookHand, known: dict[str, str] | None = None) -> Scan:
    return hand.port.scan(ScanRequest(hand.main, WINDOW, known or {}))


def settled(hand: OutlookHand) -> dict[str, str]:
    """What a scan knows once the clock has ticked."""
    hand.lets_time_pass()
    return {item.handle: item.version for item in scan(hand).items}


def is_completely_scanned(hand: OutlookHand) -> bool:
    """False also where the scan says that it cannot be done at the moment."""
    try:
        return scan(hand).complete
    except CalendarError as error:
        return not error.transient


def opened(hand: OutlookHand) -> int:
    return hand.outlook.log.count(("NameSpace", "GetItemFromID"))
