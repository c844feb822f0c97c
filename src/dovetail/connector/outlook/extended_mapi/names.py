"""Named properties: the ids that one store gave them.

A name that a store has never heard of has no id, and no error says so. It is asked for again later, for another
program may teach it to the store; only writing teaches it ourselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from dovetail.connector.outlook.extended_mapi import numbers
from dovetail.connector.outlook.extended_mapi.calls import call
from dovetail.connector.outlook.extended_mapi.surface import Surface
from dovetail.connector.outlook.field_definition import FIELD_DEFINITIONS
from dovetail.connector.outlook.object_model.stamping import PROPERTY
from dovetail.connector.outlook.properties import PROPERTIES, PS_PUBLIC_STRINGS, Property, PropertyType

STAMP = "stamp"
"""The stamp's text, in the namespace of UserProperties."""

Name = tuple[UUID, int | str]
_MORE = {found.name: found for found in (numbers.BODY, numbers.MESSAGE_FLAGS, FIELD_DEFINITIONS)}


class Names:
    def __init__(self, surface: Surface) -> None:
        self._surface = surface
        self._ids: dict[Name, int] = {}
        self._unheard: set[Name] = set()

    def ask_again(self) -> None:
        """From now on, for what was not known before."""
        self._unheard.clear()

    def tags(self, target: Any, names: Iterable[str], *, create: bool = False) -> dict[str, int]:
        """The tags of properties, by names of `properties` or STAMP: of those that the store knows, unless it is to be
        taught. `target` is any object of the store. Raises OutlookFault."""
        wanted = list(names)
        known = [name for name in map(_name, wanted) if name is not None]
        settled = self._ids.keys() if create else self._ids.keys() | self._unheard
        self._ask(target, [name for name in known if name not in settled], create)
        tags = ((name, self._tag(name)) for name in wanted)
        return {name: tag for name, tag in tags if tag is not None}

    def _ask(self, target: Any, names: list[Name], create: bool) -> None:
        if not names:
            return
        asked = tuple((self._surface.guid(f"{{{guid}}}"), number) for guid, number in names)
        answers = call(target, "GetIDsFromNames", asked, numbers.CREATE if create else 0)
        for name, tag in zip(names, answers, strict=True):
            if tag >> 16 == numbers.NO_ID:
                self._unheard.add(name)
            else:
                self._ids[name] = tag >> 16

    def _tag(self, name: str) -> int | None:
        key, kind = _name(name), PropertyType.STRING if name == STAMP else _property(name).type
        if key is None:
            return _property(name).tag
        return numbers.with_id(self._ids[key], kind) if key in self._ids else None


def _property(name: str) -> Property:
    return _MORE[name] if name in _MORE else PROPERTIES[name]


def _name(name: str) -> Name | None:
    """None for a tagged property."""
    if name == STAMP:
        return PS_PUBLIC_STRINGS, PROPERTY
    found = _property(name)
    return None if found.set is None else (found.set, found.id)
