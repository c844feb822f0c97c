"""What keeps Dovetail from the Outlook on a PC, in plain words and with one thing to do.

Told from facts that can be had without touching Outlook, so that it can be said before the first use and without making
anything worse. Where the facts are from: `windows.facts`. Nothing in a finding is private.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from dovetail.connector.calendars.port import CalendarError
from dovetail.connector.outlook.object_model.faults import Outcome


@dataclass(frozen=True)
class Facts:
    """`running` is classic Outlook in this User's session. None is what could not be found out."""

    system: str
    registered: bool = False
    program_exists: bool | None = None
    running: bool = False
    running_elevated: bool | None = None
    elevated: bool = False
    dialog_open: bool = False
    new_installed: bool = False
    new_preferred: bool = False
    profiles: int | None = None
    office_bits: int | None = None
    python_bits: int = 64
    interactive: bool = True


class Code(Enum):
    FINE = "fine"
    NO_WINDOWS = "no_windows"
    SERVICE = "service"
    NONE = "no_outlook"
    NEW_ONLY = "new_outlook_only"
    NEW_PREFERRED = "new_outlook_preferred"
    REGISTRATION = "registration_broken"
    ELEVATION = "elevation_mismatch"
    PROFILE = "no_profile"
    DIALOG = "dialog_open"
    PROMPT = "security_prompt"
    CLOSED = "not_running"
    BITNESS = "bitness_mismatch"
    SILENT = "does_not_answer"
    UNFIT = "self_test_failed"


_PERMANENT = frozenset((Code.NO_WINDOWS, Code.SERVICE, Code.NONE, Code.NEW_ONLY, Code.REGISTRATION))


@dataclass(frozen=True)
class Finding:
    code: Code
    verdict: str
    to_do: str

    def error(self) -> CalendarError:
        return CalendarError(f"{self.verdict} {self.to_do}", transient=self.code not in _PERMANENT)


@dataclass(frozen=True)
class Diagnosis:
    """`notes`: what costs something and stops nothing."""

    finding: Finding
    notes: tuple[Finding, ...] = field(default=())


FINE = Finding(Code.FINE, "Classic Outlook runs, and Dovetail can reach it.", "Nothing.")
_NO_WINDOWS = (
    "Classic Outlook runs on Windows only; on this PC Outlook's own calendars cannot be reached.",
    "Use Outlook's data files (outlook-file:PATH), or run the connector on the PC with Outlook.",
)
_SERVICE = (
    "Dovetail runs as a service, where Outlook cannot be used.",
    "Run it as the user who is signed in.",
)
_NONE = (
    "Outlook is not installed on this PC.",
    "Install classic Outlook, or use another calendar: folder:PATH or outlook-file:PATH.",
)
_NEW_ONLY = (
    "Only the new Outlook is on this PC, and no other program can reach its calendars.",
    "Install classic Outlook and set up the same account in it.",
)
_NEW_PREFERRED = (
    "The new Outlook is switched on, and classic Outlook is not running.",
    "Open classic Outlook: search for “Outlook (classic)” in the Start menu.",
)
_REGISTRATION = (
    "Classic Outlook is there, but Windows does not know how to reach it: Office's registration is broken.",
    "Repair Office: Settings > Apps > Microsoft 365 or Office > Modify > Quick Repair.",
)
_OUTLOOK_ELEVATED = (
    "Outlook runs as administrator and Dovetail does not, so Windows keeps them apart.",
    "Close Outlook and open it without “Run as administrator”.",
)
_WE_ARE_ELEVATED = (
    "Dovetail runs as administrator and Outlook does not, so Windows keeps them apart.",
    "Run Dovetail without administrator rights.",
)
_PROFILE = (
    "Outlook has no profile yet: it was never set up for this user.",
    "Open Outlook once and add your account.",
)
_DIALOG = ("Outlook shows a question and waits for the answer.", "Answer it in Outlook's window.")
_PROMPT = (
    "Outlook asks you whether a program may read an appointment's text, or waits because it may not.",
    "Answer the question. Outlook asks no more once its Trust Center, under Programmatic Access, finds the virus"
    " scanner active.",
)
_CLOSED = ("Outlook is not running.", "Open Outlook.")


def diagnose(facts: Facts, outcome: Outcome | None = None) -> Diagnosis:
    """`outcome`: how an attempt to reach Outlook ended, if there was one."""
    return Diagnosis(_finding(facts, outcome), tuple(_notes(facts)))


def explain_silence(facts: Facts, seconds: float, *, asked: bool) -> str:
    """For a call that had to be given up; `asked`: it was about to read what Outlook may ask about."""
    if asked:
        return _told(Code.PROMPT, _PROMPT).error().reason
    if facts.dialog_open:
        return _told(Code.DIALOG, _DIALOG).error().reason
    return (
        f"Outlook did not answer for {seconds:.0f} seconds. It is tried again at the next sync; if that does not help,"
        " close Outlook and open it again."
    )


def _finding(facts: Facts, outcome: Outcome | None) -> Finding:
    if facts.system != "Windows":
        return _told(Code.NO_WINDOWS, _NO_WINDOWS)
    if not facts.interactive:
        return _told(Code.SERVICE, _SERVICE)
    if not facts.registered or facts.program_exists is False or outcome is Outcome.NOT_INSTALLED:
        return _absence(facts)
    if outcome in (Outcome.ELEVATION, Outcome.REFUSED) or _are_apart(facts):
        return _told(Code.ELEVATION, _WE_ARE_ELEVATED if facts.elevated else _OUTLOOK_ELEVATED)
    if facts.profiles == 0:
        return _told(Code.PROFILE, _PROFILE)
    if facts.dialog_open:
        return _told(Code.DIALOG, _DIALOG)
    if not facts.running or outcome is Outcome.NOT_RUNNING:
        return _told(Code.NEW_PREFERRED, _NEW_PREFERRED) if facts.new_preferred else _told(Code.CLOSED, _CLOSED)
    return FINE


def _absence(facts: Facts) -> Finding:
    """No way to classic Outlook is registered, or it leads nowhere."""
    if facts.running or facts.program_exists or facts.registered:
        return _told(Code.REGISTRATION, _REGISTRATION)
    if facts.new_installed or facts.new_preferred:
        return _told(Code.NEW_ONLY, _NEW_ONLY)
    return _told(Code.NONE, _NONE)


def _are_apart(facts: Facts) -> bool:
    return facts.running and facts.running_elevated is not None and facts.running_elevated != facts.elevated


def _notes(facts: Facts) -> list[Finding]:
    if facts.system != "Windows" or facts.office_bits in (None, facts.python_bits):
        return []
    return [
        Finding(
            Code.BITNESS,
            f"Outlook is a {facts.office_bits}-bit program and Dovetail a {facts.python_bits}-bit one. So the faster"
            " way in (Extended MAPI) is closed; the object model is used.",
            f"Install the {facts.office_bits}-bit Dovetail if syncing is slow; else nothing.",
        )
    ]


def _told(code: Code, sentences: tuple[str, str]) -> Finding:
    return Finding(code, *sentences)
