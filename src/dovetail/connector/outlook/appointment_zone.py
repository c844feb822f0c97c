"""The time zone in which an appointment's wall clock is told (MS-OXOCAL 2.2.1.39 to 2.2.1.43).

A series names its zone twice: a definition with a name and the rules of many years, and a registration with one rule
and no name. Where both are there and disagree, the registration holds. A definition whose name CLDR knows is that IANA
zone, for laws change after an item was saved. One whose name nobody knows goes by the rules it brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from dovetail.connector.outlook.binary import MalformedProperty
from dovetail.connector.outlook.properties import Properties
from dovetail.connector.outlook.time_zones import (
    Biases,
    RuleFlag,
    ZoneDefinition,
    ZoneRegistration,
    ZoneRule,
    read_zone_definition,
    read_zone_registration,
)
from dovetail.connector.outlook.zone_rules import RuleZone
from dovetail.schedule.zones import UnknownZone, zone

RECUR = "PidLidAppointmentTimeZoneDefinitionRecur"
START_DISPLAY = "PidLidAppointmentTimeZoneDefinitionStartDisplay"
STRUCT = "PidLidTimeZoneStruct"
START_WHOLE = "PidLidAppointmentStartWhole"
ZONE_PROPERTIES = (RECUR, START_DISPLAY, STRUCT, START_WHOLE)


def series_zone(properties: Properties, first: datetime, local: tzinfo) -> tzinfo:
    """The zone of a series whose first occurrence starts at wall clock `first`. Raises MalformedProperty.

    An item that names none is taken to be in `local`, the zone of the PC, unless the instant of its first occurrence
    says that it is not: then that offset is all there is.
    """
    definition = _definition(properties, RECUR)
    registration = _registration(properties)
    if definition is not None and (registration is None or agree(definition, registration)):
        return zone_of(definition, RECUR)
    if registration is not None:
        return RuleZone([(0, registration.biases)])
    shown = _definition(properties, START_DISPLAY)
    if shown is not None:
        return zone_of(shown, START_DISPLAY)
    start = properties.get(START_WHOLE)
    if isinstance(start, datetime):
        offset = first - start.replace(tzinfo=None, second=0, microsecond=0)
        if abs(offset) < timedelta(days=1) and first.replace(tzinfo=local).utcoffset() != offset:
            return timezone(offset)
    return local


def display_zone(properties: Properties) -> tzinfo | None:
    """The zone in which the start of a single appointment is shown; None if it names none. Raises MalformedProperty."""
    shown = _definition(properties, START_DISPLAY)
    return None if shown is None else zone_of(shown, START_DISPLAY)


def zone_of(definition: ZoneDefinition, name: str) -> tzinfo:
    """The zone of a definition that is the value of property `name`. Raises MalformedProperty."""
    rules = _rules(definition)
    try:
        return zone(definition.name or "")
    except UnknownZone:
        if not rules:
            raise MalformedProperty(name, 0, "a zone with an unknown name and no rules") from None
    return RuleZone((rule.year, rule.biases) for rule in rules)


def agree(definition: ZoneDefinition, registration: ZoneRegistration) -> bool:
    """Whether the rule that the definition marks as the registration's is so; with no mark, whether one of them is."""
    rules = _rules(definition)
    for mark in (RuleFlag.RECUR_CURRENT, RuleFlag.EFFECTIVE):
        marked = [rule for rule in rules if rule.flags & mark]
        if marked:
            rules = marked
            break
    return not rules or any(_same(rule.biases, registration.biases) for rule in rules)


def is_utc(at: tzinfo) -> bool:
    """Whether a zone is UTC itself, as servers write it on items that have no zone of their own."""
    if isinstance(at, ZoneInfo):
        return at.key in ("UTC", "Etc/UTC")
    return isinstance(at, RuleZone) and at.is_utc


def _same(one: Biases, other: Biases) -> bool:
    if not (_has_daylight_time(one) or _has_daylight_time(other)):
        return one.bias + one.standard_bias == other.bias + other.standard_bias
    return one == other


def _has_daylight_time(biases: Biases) -> bool:
    return bool(biases.standard_date.month and biases.daylight_date.month)


def _rules(definition: ZoneDefinition) -> Sequence[ZoneRule]:
    return [rule for rule in definition.rules if isinstance(rule, ZoneRule)]


def _definition(properties: Properties, name: str) -> ZoneDefinition | None:
    value = properties.get(name)
    return read_zone_definition(value, name) if isinstance(value, bytes) and value else None


def _registration(properties: Properties) -> ZoneRegistration | None:
    value = properties.get(STRUCT)
    return read_zone_registration(value, STRUCT) if isinstance(value, bytes) and value else None
