"""One item, opened: its times as MAPI properties for the expansion that all of Outlook's data goes through, its
version, and, where it bears our stamp, the fields that are ours. No other text of it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from dovetail import __version__
from dovetail.connector.calendars.port import Draft, Item, ItemProblem
from dovetail.connector.outlook.appointment_recurrence import NAME
from dovetail.connector.outlook.appointment_zone import START_DISPLAY, zone_of
from dovetail.connector.outlook.binary import MalformedProperty
from dovetail.connector.outlook.object_model.automation import Automation
from dovetail.connector.outlook.object_model.clock import Clock
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault
from dovetail.connector.outlook.object_model.rows import Traits
from dovetail.connector.outlook.object_model.series import read_series
from dovetail.connector.outlook.object_model.stamping import PROPERTY, Mark, read_mark
from dovetail.connector.outlook.occurrences import known_times, occurrences
from dovetail.connector.outlook.properties import Properties, Value
from dovetail.connector.outlook.source import content_digest
from dovetail.connector.outlook.time_zones import ZoneDefinition
from dovetail.protocol.messages import ShowAs
from dovetail.schedule.busy import BusyBlock
from dovetail.schedule.intervals import Interval

VERSION_SECONDS = 60.0
"""How coarse `LastModificationTime` may be: stores round it, and clocks of servers and PCs differ."""

_DOUBT = "One of its changed occurrences could not be read."


@dataclass(frozen=True)
class Reading:
    """An item as it was when opened. `readings`: its properties; several where Outlook does not tell which series."""

    handle: str
    version: str
    readings: tuple[Properties, ...]
    mark: Mark | None
    current: Draft | None
    recurring: bool
    problem: str = ""

    def item(self, calendar: str, window: Interval, clock: Clock) -> Item | ItemProblem:
        try:
            busy = self._blocks(occurrences, window, clock)
        except MalformedProperty as error:
            known = self._blocks(lambda *given: known_times(*given) or (), window, clock) or None
            return self._problem("times_malformed", f"Its times cannot be understood: {error}.", known)
        if self.problem:
            return self._problem("occurrence_unreadable", self.problem, busy)
        stamp = self.mark.stamp if self.mark else None
        return Item(calendar, self.handle, self.version, busy, stamp, self.current)

    def _blocks(
        self, expand: Callable[[Properties, Interval, Any], tuple[BusyBlock, ...]], window: Interval, clock: Clock
    ) -> tuple[BusyBlock, ...]:
        return tuple(sorted({block for one in self.readings for block in expand(one, window, clock.local)}))

    def _problem(self, code: str, reason: str, busy: tuple[BusyBlock, ...] | None) -> ItemProblem:
        return ItemProblem(self.handle, "An appointment in Outlook", code, reason, busy)


def settled(traits: Traits) -> str:
    """The version of what cannot change any more without its showing."""
    return f"{traits.token()}-{__version__}"


def holds(version: str, reading: Reading) -> bool:
    """Whether a version is still that of the item; one that was young then tells by its content."""
    token, young, digest = version.partition("~")
    now, _, digest_now = reading.version.partition("~")
    return token == now and (not young or digest == (digest_now or _digest(reading)))


def read_traits(com: Automation, item: Any, clock: Clock) -> Traits:
    """What the item's row says. Raises OutlookFault."""
    changed, start, end = (clock.from_local(com.get(item, name)) for name in ("LastModificationTime", "Start", "End"))
    return Traits(changed, start, end, bool(com.get(item, "IsRecurring")))


def read_appointment(com: Automation, item: Any, clock: Clock, now: datetime) -> Reading:
    """Raises OutlookFault."""
    traits = read_traits(com, item, clock)
    recurring = traits.recurring
    problem, readings = _readings(com, item, recurring, clock)
    mark = read_mark(_stamp_text(com, item))
    current = None if mark is None else read_owned(com, item, mark.body, clock)
    reading = Reading(com.get(item, "EntryID"), settled(traits), readings, mark, current, recurring, problem)
    if traits.is_settled(now, VERSION_SECONDS):
        return reading
    return replace(reading, version=f"{reading.version}~{_digest(reading)}")


def read_owned(com: Automation, item: Any, body: str, clock: Clock) -> Draft:
    """The owned fields of an item that is ours, as Outlook holds them; `body` stands for the one that is guarded."""
    start, end = (clock.from_utc(com.get(item, name)) for name in ("StartUTC", "EndUTC"))
    if start is None or end is None:
        raise OutlookFault(Outcome.OTHER)
    shown = com.get(item, "BusyStatus")
    return Draft(
        start=start,
        end=end,
        subject=com.get(item, "Subject") or "",
        body=body,
        location=com.get(item, "Location") or "",
        show_as=ShowAs(shown) if shown in set(ShowAs) else ShowAs.BUSY,
    )


def stamp_property(com: Automation, item: Any) -> Any | None:
    """Ours among the UserProperties, looked for one by one: `Find` is guarded."""
    properties = com.get(item, "UserProperties")
    for number in range(1, com.get(properties, "Count") + 1):
        found = com.call(properties, "Item", number)
        if com.get(found, "Name") == PROPERTY:
            return found
    return None


def _stamp_text(com: Automation, item: Any) -> object:
    found = stamp_property(com, item)
    return None if found is None else com.get(found, "Value")


def _readings(com: Automation, item: Any, recurring: bool, clock: Clock) -> tuple[str, tuple[Properties, ...]]:
    """What is wrong with them, and the properties of the item's times."""
    properties: dict[str, Value] = {
        "PidLidAppointmentSubType": bool(com.get(item, "AllDayEvent")),
        "PidLidBusyStatus": int(com.get(item, "BusyStatus")),
        "PidLidRecurring": recurring,
    }
    for name, member in (("PidLidAppointmentStartWhole", "StartUTC"), ("PidLidAppointmentEndWhole", "EndUTC")):
        at = clock.from_utc(com.get(item, member))
        if at is not None:
            properties[name] = at
    if not recurring and not properties["PidLidAppointmentSubType"]:
        return "", (properties,)
    definition = _zone_definition(com, item)
    if definition is not None:
        properties[START_DISPLAY] = definition.to_bytes()
    if not recurring:
        return "", (properties,)
    try:
        zone = clock.local if definition is None else zone_of(definition, START_DISPLAY)
    except MalformedProperty:
        zone = clock.local
    try:
        series = read_series(com, item, zone, clock)
    except MalformedProperty:
        return "", (properties,)
    readings = tuple({**properties, NAME: reading.to_bytes()} for reading in series.readings)
    return _DOUBT if series.in_doubt else "", readings


def _zone_definition(com: Automation, item: Any) -> ZoneDefinition | None:
    """By its name alone: the object model does not tell the rules of other years."""
    zone = com.get(item, "StartTimeZone")
    return None if zone is None else ZoneDefinition(str(com.get(zone, "ID")), ())


def _digest(reading: Reading) -> str:
    owned = reading.current.digest() if reading.current else ""
    mark = reading.mark.to_text() if reading.mark else ""
    return content_digest({}, f"{[content_digest(one) for one in reading.readings]} {owned} {mark}")
