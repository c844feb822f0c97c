"""The only way into MAPI: by name, from a list of methods that do through pywin32 what they are documented to do.

Left out on purpose: FindRow (pywin32 passes garbage in its bookmark), SortTable and all bookmarks, HexFromBin and
BinFromHex, MAPIUninitialize (sinks live as long as the process, see `watching`), and every method that sends.
"""

from __future__ import annotations

from typing import Any

from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault, outcome_of

# fmt: off
METHODS = frozenset((
    "Advise", "Commit", "CompareEntryIDs", "CopyMessages", "CreateMessage", "DeleteMessages", "GetAttachmentTable",
    "GetContentsTable", "GetHierarchyTable", "GetIDsFromNames", "GetMsgStoresTable", "GetProps", "GetReceiveFolder",
    "GetRowCount", "HrAllocAdviseSink", "Logoff", "MAPIInitialize", "MAPILogonEx", "OpenAttach", "OpenEntry",
    "OpenMsgStore", "OpenProperty", "QueryRows", "Read", "Restrict", "SaveChanges", "SetColumns", "SetProps",
    "Unadvise", "Write",
))
# fmt: on
_OUTCOMES = {
    0x80040102: Outcome.OTHER,  # NO_SUPPORT: it says no more than that
    0x8004010B: Outcome.REJECTED,  # BUSY
    0x80040401: Outcome.OFFLINE,  # TIMEOUT
    0x80040108: Outcome.DEAD,  # INVALID_OBJECT: its store was closed
    0x80040200: Outcome.DEAD,  # END_OF_SESSION
    0x80040605: Outcome.DEAD,  # NOT_INITIALIZED
    0x80040900: Outcome.STORE,  # NAMED_PROP_QUOTA_EXCEEDED
}


def call(target: Any, name: str, *arguments: object) -> Any:
    """Raises OutlookFault for what MAPI refuses. What pywin32 itself refuses is our own mistake, and comes through."""
    if name not in METHODS:
        raise ValueError(f"{name} is not on the list of methods that can be relied on")
    try:
        return getattr(target, name)(*arguments)
    except Exception as error:
        hresult = getattr(error, "hresult", None)
        if not isinstance(hresult, int):
            raise
        outcome = _OUTCOMES.get(hresult & 0xFFFFFFFF) or outcome_of(error)
    raise OutlookFault(outcome or Outcome.OTHER)
