"""Which way into Outlook is taken: Extended MAPI where it is open, the object model otherwise; and the sentence why.

Extended MAPI loads Outlook's own libraries, so both programs must have as many bits; otherwise even to try brings up a
dialogue. Whether a profile can be opened shows at the first use. The choice holds as long as the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from uuid import UUID

from dovetail.connector.calendars.port import (
    CalendarError,
    CalendarInfo,
    CalendarPort,
    Capabilities,
    Draft,
    Item,
    Probe,
    Progress,
    Scan,
    ScanRequest,
    Stamp,
    Way,
    no_progress,
)
from dovetail.connector.outlook.diagnosis import Facts
from dovetail.connector.outlook.extended_mapi.calendar import ExtendedMapiCalendar
from dovetail.connector.outlook.extended_mapi.surface import Surface, pywin32
from dovetail.connector.outlook.object_model.calendar import ObjectModelCalendar
from dovetail.schedule.intervals import Interval

EXTENDED_MAPI, OBJECT_MODEL = "extended-mapi", "object-model"


def by_the_open_way(
    by_object_model: ObjectModelCalendar,
    facts: Callable[[], Facts],
    *,
    profile: str = "",
    is_running: Callable[[], bool],
    between: Callable[[], None] = lambda: None,
    surface: Callable[[], Surface] = pywin32,
) -> OutlookCalendar:
    """The calendars of a PC's Outlook. `surface` raises ImportError where pywin32 has no Extended MAPI."""

    def must_run() -> None:
        if not is_running():
            by_object_model.list_calendars()  # starts it where that is allowed, or says what to do

    def by_mapi() -> ExtendedMapiCalendar:
        through = while_it_answers(by_object_model)
        return ExtendedMapiCalendar(
            surface(), profile=profile, object_model=through, must_run=must_run, between=between
        )

    def chosen() -> tuple[CalendarPort, Way]:
        told = facts()
        return choose(told.office_bits, told.python_bits, by_mapi, by_object_model)

    return OutlookCalendar(chosen, by_object_model)


def choose(
    office_bits: int | None,
    python_bits: int,
    by_mapi: Callable[[], ExtendedMapiCalendar],
    by_object_model: CalendarPort,
) -> tuple[CalendarPort, Way]:
    """`by_mapi` raises ImportError where pywin32 has no Extended MAPI."""

    def otherwise(reason: str) -> tuple[CalendarPort, Way]:
        return by_object_model, Way(OBJECT_MODEL, reason)

    if office_bits is None:
        return otherwise("It is not known how many bits Outlook has, and Extended MAPI is not tried on a guess.")
    if office_bits != python_bits:
        return otherwise(
            f"Outlook is a {office_bits}-bit program and Dovetail a {python_bits}-bit one: Extended MAPI is closed."
        )
    try:
        port = by_mapi()
        port.log_on()
    except ImportError:
        return otherwise("Extended MAPI is not installed: it comes with dovetail-calendar[outlook].")
    except CalendarError as error:
        return otherwise(f"Extended MAPI could not open the profile: {error.reason}")
    return port, Way(EXTENDED_MAPI, f"Outlook and Dovetail are {python_bits}-bit programs, and the profile opens.")


def while_it_answers(port: CalendarPort) -> Callable[[], CalendarPort | None]:
    """The adapter to write through; None while Outlook does not answer it."""

    def answering() -> CalendarPort | None:
        try:
            port.list_calendars()
        except CalendarError:
            return None
        return port

    return answering


class OutlookCalendar:
    """Implements CalendarPort by the way that is open. `choose` is asked at the first use, in the thread of the port.
    `by_object_model` is at hand either way: what is written may go through it, and calendars are made through it."""

    def __init__(self, choose: Callable[[], tuple[CalendarPort, Way]], by_object_model: ObjectModelCalendar) -> None:
        self._choose, self._by_object_model = choose, by_object_model
        self._chosen: tuple[CalendarPort, Way] | None = None

    def capabilities(self) -> Capabilities:
        port, way = self._choice()
        return replace(port.capabilities(), ways=(way,))

    def list_calendars(self) -> list[CalendarInfo]:
        return self._port().list_calendars()

    def scan(self, request: ScanRequest, progress: Progress = no_progress) -> Scan:
        return self._port().scan(request, progress)

    def probe(self, calendar: str, handle: str, window: Interval) -> Probe:
        return self._port().probe(calendar, handle, window)

    def find_by_booking(self, calendar: str, booking: UUID, window: Interval) -> list[Item]:
        return self._port().find_by_booking(calendar, booking, window)

    def create(self, calendar: str, draft: Draft, stamp: Stamp) -> Item:
        return self._port().create(calendar, draft, stamp)

    def update(self, calendar: str, handle: str, version: str, draft: Draft, stamp: Stamp) -> Item:
        return self._port().update(calendar, handle, version, draft, stamp)

    def delete(self, calendar: str, handle: str, version: str, stamp: Stamp) -> None:
        self._port().delete(calendar, handle, version, stamp)

    def watch(self, changed: Callable[[], None]) -> AbstractContextManager[None]:
        return self._port().watch(changed)

    def make_scratch(self) -> str:
        return self._by_object_model.make_scratch()

    def remove_scratch(self, calendar: str, bookings: Iterable[UUID]) -> None:
        self._by_object_model.remove_scratch(calendar, bookings)

    def close(self) -> None:
        if self._chosen is not None:
            self._chosen[0].close()
        self._by_object_model.close()

    # ------------------------------------------------------------------------------------------------------------------

    def _port(self) -> CalendarPort:
        return self._choice()[0]

    def _choice(self) -> tuple[CalendarPort, Way]:
        if self._chosen is None:
            self._chosen = self._choose()
        return self._chosen
