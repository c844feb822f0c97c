"""What can go wrong in a call into Outlook, told by the number alone, and never by its text: that is localised, and may
quote an appointment.

A call that fails inside Outlook comes back as DISP_E_EXCEPTION with the code in the exception info; Outlook scrambles
the high bits of its MAPI codes, so those are known by their low word. Codes of COM itself are taken as they are: their
low words mean other things. An AttributeError of a late-bound object means that its Outlook has gone.
"""

from __future__ import annotations

from enum import Enum

from dovetail.connector.calendars.port import CalendarError


class Outcome(Enum):
    """The few ways in which a call fails, each with what to tell the User."""

    REJECTED = "Outlook is busy. Is a dialog of it open?"
    DEAD = "Outlook was closed."
    NOT_RUNNING = "Outlook is not running: open it."
    GONE = "Outlook does not find this any more."
    CHANGED = "The item was changed in Outlook meanwhile."
    REFUSED = "Outlook refuses access to this."
    OFFLINE = "Outlook cannot reach the mailbox. Is the network there?"
    TOO_MANY = "Outlook has too many items open."
    NOT_INSTALLED = "Classic Outlook is not installed, or its registration is broken: repair Office."
    ELEVATION = (
        "Outlook and Dovetail do not run with the same rights: run both as the same user, neither as administrator."
    )
    BUG = "Dovetail used Outlook in a wrong way: please report this."
    STORE = "Outlook says that the mailbox or data file is full or damaged."
    OTHER = "Outlook could not do it."


PERMANENT = frozenset((Outcome.REFUSED, Outcome.NOT_INSTALLED, Outcome.STORE, Outcome.BUG))


class OutlookFault(CalendarError):
    """A call failed. Holds nothing of what Outlook said but the outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value, transient=outcome not in PERMANENT)
        self.outcome = outcome


_DISP_E_EXCEPTION = 0x80020009
_MAPI = {
    0x80040107: Outcome.GONE,  # INVALID_ENTRYID
    0x8004010A: Outcome.GONE,  # OBJECT_DELETED
    0x8004010F: Outcome.GONE,  # NOT_FOUND
    0x80040201: Outcome.GONE,  # UNKNOWN_ENTRYID
    0x80040109: Outcome.CHANGED,  # OBJECT_CHANGED
    0x80040111: Outcome.OFFLINE,  # LOGON_FAILED
    0x80040115: Outcome.OFFLINE,  # NETWORK_ERROR
    0x8004011D: Outcome.OFFLINE,  # FAILONEPROVIDER
    0x80040126: Outcome.OFFLINE,  # OFFLINE
    0x80040305: Outcome.TOO_MANY,  # TOO_BIG
    0x80040600: Outcome.STORE,  # CORRUPT_STORE
    0x80040604: Outcome.STORE,  # COLLISION
    0x8004060C: Outcome.STORE,  # STORE_FULL
}
_COM = {
    0x80010001: Outcome.REJECTED,  # RPC_E_CALL_REJECTED
    0x8001010A: Outcome.REJECTED,  # RPC_E_SERVERCALL_RETRYLATER
    0x800706BA: Outcome.DEAD,  # RPC server unavailable
    0x800706BE: Outcome.DEAD,  # RPC call failed
    0x80010105: Outcome.DEAD,  # RPC_E_SERVERFAULT
    0x80010108: Outcome.DEAD,  # RPC_E_DISCONNECTED
    0x800401E3: Outcome.NOT_RUNNING,  # MK_E_UNAVAILABLE
    0x80080005: Outcome.ELEVATION,  # CO_E_SERVER_EXEC_FAILURE
    0x800702E4: Outcome.ELEVATION,  # ERROR_ELEVATION_REQUIRED
    0x8001010E: Outcome.BUG,  # RPC_E_WRONG_THREAD
    0x800401F0: Outcome.BUG,  # CO_E_NOTINITIALIZED
    0x80040102: Outcome.REFUSED,  # MAPI_E_NO_SUPPORT: another answer of the guard
    0x80004004: Outcome.REFUSED,  # E_ABORT: the guard's answer
    0x80070005: Outcome.REFUSED,  # E_ACCESSDENIED
    0x80040154: Outcome.NOT_INSTALLED,  # REGDB_E_CLASSNOTREG
    0x80040155: Outcome.NOT_INSTALLED,  # REGDB_E_IIDNOTREG
    0x800401F3: Outcome.NOT_INSTALLED,  # CO_E_CLASSSTRING
    0x8002801D: Outcome.NOT_INSTALLED,  # TYPE_E_LIBNOTREGISTERED
    0x80029C4A: Outcome.NOT_INSTALLED,  # TYPE_E_CANTLOADLIBRARY
}
_BY_CODE = _MAPI | _COM
_BY_LOW_WORD = {code & 0xFFFF: outcome for code, outcome in _MAPI.items()}
_NEVER_SCRAMBLED = frozenset((0x8000, 0x8001, 0x8002, 0x8007))


def outcome_of(error: Exception) -> Outcome | None:
    """None for what is no failure of a call into Outlook."""
    if isinstance(error, AttributeError):
        return Outcome.DEAD
    hresult = getattr(error, "hresult", None)
    if not isinstance(hresult, int):
        return None
    code = hresult & 0xFFFFFFFF
    if code == _DISP_E_EXCEPTION:
        info = getattr(error, "excepinfo", None)
        code = (info[5] if info else 0) & 0xFFFFFFFF
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code >> 16 in _NEVER_SCRAMBLED:
        return Outcome.OTHER
    return _BY_LOW_WORD.get(code & 0xFFFF, Outcome.OTHER)
