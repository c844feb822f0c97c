"""What `dovetail doctor outlook` finds out on this PC, whatever runs on it.

Outlook is asked only where it is registered; it is never started for this. The report holds no
name of a calendar, an account or a person, so that it may be pasted into a ticket.
"""

from __future__ import annotations

import importlib.util
import platform
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from dovetail import __version__
from dovetail.connector.calendars.port import CalendarError
from dovetail.connector.outlook.diagnosis import FINE, Code, Facts, Finding, diagnose
from dovetail.connector.outlook.opening import open_outlook, read_facts
from dovetail.connector.outlook.self_test import ScratchPort, SelfTest, run_self_test
from dovetail.protocol.messages import Access

_FILE_READERS = ("pypff", "olefile")
_UNFIT = Finding(
    Code.UNFIT,
    "Dovetail can reach Outlook, and what it wrote did not come out as it should.",
    "Report this with the lines below.",
)


@dataclass(frozen=True)
class Kind:
    """How many calendars there are of one kind, and why they are of it."""

    access: str
    count: int
    reason: str


@dataclass(frozen=True)
class Report:
    """`ok`: Outlook's calendars can be listed, and the self-test went well if there was one. `calendars` is None where
    they could not be listed."""

    ok: bool
    code: str
    verdict: str
    to_do: str
    notes: tuple[Finding, ...]
    facts: Facts
    data_files: bool
    calendars: tuple[Kind, ...] | None
    self_test: SelfTest | None
    version: str
    system: str
    at: datetime


def examine(
    *,
    self_test: bool = False,
    facts: Callable[[], Facts] = read_facts,
    open_port: Callable[[], ScratchPort] = open_outlook,
) -> Report:
    """Never raises for what may be wrong with an Outlook."""
    found = facts()
    diagnosis = diagnose(found)
    finding = diagnosis.finding
    kinds: tuple[Kind, ...] | None = None
    trial: SelfTest | None = None
    if found.registered:
        try:
            with closing(open_port()) as port:
                kinds = _kinds(port)
                finding = FINE
                trial = run_self_test(port) if self_test else None
        except CalendarError as error:
            if finding is FINE:
                finding = Finding(Code.SILENT, error.reason, "Close Outlook, open it again, and try once more.")
    if trial is not None and not trial.ok:
        finding = _UNFIT
    return Report(
        ok=kinds is not None and (trial.ok if trial else not self_test),
        code=finding.code.value,
        verdict=finding.verdict,
        to_do=finding.to_do,
        notes=diagnosis.notes,
        facts=found,
        data_files=all(importlib.util.find_spec(name) for name in _FILE_READERS),
        calendars=kinds,
        self_test=trial,
        version=__version__,
        system=f"{platform.system()} {platform.release()}",
        at=datetime.now(UTC),
    )


def _kinds(port: ScratchPort) -> tuple[Kind, ...]:
    counted = Counter((info.access, info.reason) for info in port.list_calendars())
    order = list(Access)
    return tuple(
        Kind(access.value, count, reason)
        for (access, reason), count in sorted(counted.items(), key=lambda one: (order.index(one[0][0]), one[0][1]))
    )
