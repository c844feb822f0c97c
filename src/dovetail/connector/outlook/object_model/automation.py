"""The only way into Outlook's object model: by name, from a list of members that never bring up the security prompt.

The object model guard asks the User, or refuses, when a program outside Outlook reads a body, a person or a
PropertyAccessor. What is not listed here is not called. The one guarded member is `Body`, read only when the text of a
booking's own item is to be replaced between lines that the User wrote.

Outlook rejects calls while it is busy: they are tried again, for a minute. Late binding only: a target is whatever
object the caller was given, so nothing here needs Windows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault, outcome_of

GUARDED = frozenset(("Body",))
# fmt: off
MEMBERS = frozenset((
    "Add", "AllDayEvent", "AppointmentItem", "BusyStatus", "Columns", "CompareEntryIDs", "Count",
    "CurrentProfileName", "DayOfMonth", "DayOfWeekMask", "DefaultItemType", "Delete", "Deleted", "DisplayName",
    "Duration", "End", "EndOfTable", "EndUTC", "EntryID", "Exceptions", "ExchangeConnectionMode", "ExchangeStoreType",
    "FilePath", "Folders", "GetArray", "GetDefaultFolder", "GetFolderFromID", "GetItemFromID", "GetNamespace",
    "GetRecurrencePattern", "GetRootFolder", "GetRowCount", "GetTable", "ID", "Instance", "Interval", "IsRecurring",
    "Item", "Items", "LastModificationTime", "Location", "Logon", "MessageClass", "Name", "NoEndDate", "OriginalDate",
    "Parent", "PatternEndDate", "PatternStartDate", "RecurrenceType", "Save", "Start", "StartTime", "StartTimeZone",
    "StartUTC", "StoreID", "Stores", "Subject", "UserProperties", "Value",
))
# fmt: on
FIRST_WAIT, LONGEST_WAIT, PATIENCE = 0.1, 5.0, 60.0
"""Seconds between two tries of a rejected call, at first and at most, and in all."""

Answer = TypeVar("Answer")


class Automation:
    """Every method raises OutlookFault. `between` is called before each call into Outlook, `asking` before one that is
    guarded."""

    def __init__(
        self,
        sleep: Callable[[float], None] = time.sleep,
        between: Callable[[], None] = lambda: None,
        asking: Callable[[str], None] = lambda member: None,
    ) -> None:
        self._sleep, self._between, self._asking = sleep, between, asking

    def get(self, target: Any, name: str) -> Any:
        self._must_be_listed(name)
        self._between()
        return self.attempt(lambda: getattr(target, name))

    def put(self, target: Any, name: str, value: object) -> None:
        """Writing is never guarded."""
        if name not in GUARDED:
            self._must_be_listed(name)
        self._between()
        self.attempt(lambda: setattr(target, name, value))

    def call(self, target: Any, name: str, *arguments: object) -> Any:
        self._must_be_listed(name)
        self._between()
        return self.attempt(lambda: getattr(target, name)(*arguments))

    def guarded(self, target: Any, name: str) -> Any:
        """Read one of GUARDED: Outlook may refuse, or ask the User first."""
        if name not in GUARDED:
            raise ValueError(f"{name} is not to be read")
        self._between()
        self._asking(name)
        return self.attempt(lambda: getattr(target, name))

    def attempt(self, action: Callable[[], Answer]) -> Answer:
        """What `action` gives, tried again while Outlook rejects it."""
        wait, left = FIRST_WAIT, PATIENCE
        while True:
            try:
                return action()
            except Exception as error:
                outcome = outcome_of(error)
                if outcome is None:
                    raise
            if outcome is not Outcome.REJECTED or left <= 0:
                raise OutlookFault(outcome)
            self._sleep(wait)
            left, wait = left - wait, min(wait * 2, LONGEST_WAIT)

    def _must_be_listed(self, name: str) -> None:
        if name not in MEMBERS:
            raise ValueError(f"{name} is not on the list of members that need no permission")
