"""The calendars of the Outlook on this PC: which way in is taken, put together in a worker process of its own."""

from __future__ import annotations

import platform
import sys
from functools import partial

from dovetail.connector.calendars.port import CalendarError, CalendarPort
from dovetail.connector.outlook.diagnosis import Code, Facts, diagnose, explain_silence
from dovetail.connector.outlook.worker.calendar import Silence, WorkerCalendar
from dovetail.connector.outlook.worker.process import Manners

WINDOWS_ONLY = (
    "Outlook's own calendars can be reached on Windows only, where classic Outlook runs. On this PC its data files can"
    " be read: outlook-file:PATH."
)

_IN_THE_WAY = frozenset(Code) - {Code.FINE, Code.CLOSED, Code.NEW_PREFERRED, Code.DIALOG}


def read_facts() -> Facts:
    """What this PC says of its Outlook."""
    if sys.platform == "win32":
        from dovetail.connector.outlook.windows import facts

        return facts.read_facts()
    return Facts(platform.system())


def open_outlook(profile: str = "", *, may_start: bool = False) -> WorkerCalendar:
    """The calendars of an Outlook profile, the default one if none is named. `may_start`: start Outlook where it does
    not run and the User did not close it. Raises CalendarError."""
    if sys.platform != "win32":
        raise CalendarError(WINDOWS_ONLY, transient=False)
    return WorkerCalendar(lambda closed: partial(in_worker, profile, may_start, closed), explain=_explain)


def _explain(silence: Silence) -> str:
    return explain_silence(read_facts(), silence.seconds, asked=silence.asked)


def in_worker(profile: str, may_start: bool, closed: bool, manners: Manners) -> CalendarPort:
    """The calendar that a worker holds. Raises CalendarError."""
    if sys.platform != "win32":
        raise CalendarError(WINDOWS_ONLY, transient=False)
    from dovetail.connector.outlook.choice import by_the_open_way
    from dovetail.connector.outlook.object_model.calendar import ObjectModelCalendar
    from dovetail.connector.outlook.object_model.running import RunningOutlook

    try:
        from dovetail.connector.outlook.windows import com, facts, regional
    except ImportError as error:
        raise CalendarError(
            "Outlook needs more than is installed here: install dovetail-calendar[outlook].", transient=False
        ) from error

    def may_be_started() -> None:
        finding = diagnose(facts.read_facts()).finding
        if finding.code in _IN_THE_WAY:
            raise finding.error()

    launcher = com.Launcher()
    outlook = RunningOutlook(
        launcher,
        profile=profile,
        may_start=may_start,
        closed=closed,
        may_be_started=may_be_started,
        explain=lambda outcome: diagnose(facts.read_facts(), outcome).finding.error(),
        starting=manners.starting,
        found=manners.found,
    )

    def between() -> None:
        manners.breathe()
        outlook.must_be_there()

    port = ObjectModelCalendar(
        outlook.connect,
        listen=com.listen,
        format_date=regional.short_date,
        sleep=manners.rest,
        between=between,
        asking=manners.asking,
    )

    def gone() -> None:
        manners.closed()
        port.close()

    outlook.gone = gone
    return by_the_open_way(
        port, facts.read_facts, profile=profile, is_running=launcher.is_running, between=manners.breathe
    )
