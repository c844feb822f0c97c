"""Hints that a calendar may have changed, by notifications of its contents table: they get lost, or come late.

A notification comes on a thread of MAPI's own. pywin32 drops a sink's callback and context there without holding the
interpreter's lock, which ends the process if nobody else refers to them. So there is one callback for all, a function
of this module; contexts are texts, and stand in a registry; and sinks are used again, and kept as long as the process
lives. The callback does nothing but set a flag; a thread of ours waits until it is quiet, and tells.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from dovetail.connector.outlook.extended_mapi import numbers
from dovetail.connector.outlook.extended_mapi.calls import call
from dovetail.connector.outlook.extended_mapi.session import ENTRY_ID
from dovetail.connector.outlook.extended_mapi.surface import Surface
from dovetail.connector.outlook.object_model.faults import OutlookFault
from dovetail.connector.outlook.properties import PROPERTIES

QUIET, LONGEST = 0.3, 3.0
"""Seconds without a notification before it is told, and the most that it may take."""


@dataclass
class _Kept:
    """A sink and its context, both for as long as the process lives. `ring`: what it rings now, None while unused."""

    mapi: Any
    context: str
    sink: Any = None
    ring: Callable[[], None] | None = None


_registry: dict[str, _Kept] = {}
_lock = threading.Lock()


def notified(notifications: object, context: str) -> None:
    """The one callback. It makes no call into MAPI, and does not fail."""
    kept = _registry.get(context)
    ring = kept.ring if kept is not None else None
    if ring is not None:
        ring()


@contextmanager
def watching(surface: Surface, folders: list[Any], changed: Callable[[], None]) -> Iterator[None]:
    """While entered, `changed` is called from a thread of its own soon after something changed in one of the open
    folders. One that cannot be watched is not."""
    rung, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=_tell, args=(rung, stop, changed), name="dovetail-mapi-watch", daemon=True)
    thread.start()
    advised: list[tuple[Any, int, _Kept]] = []
    try:
        for folder in folders:
            with suppress(OutlookFault):
                advised.append(_advise(surface, folder, rung.set))
        yield
    finally:
        for table, connection, kept in advised:
            with suppress(OutlookFault):
                call(table, "Unadvise", connection)
            kept.ring = None
        stop.set()
        rung.set()
        thread.join(timeout=5)


def _advise(surface: Surface, folder: Any, ring: Callable[[], None]) -> tuple[Any, int, _Kept]:
    """A table without a filter: what a filter hides is changed in silence."""
    table = call(folder, "GetContentsTable", numbers.UNICODE)
    call(table, "SetColumns", (ENTRY_ID, PROPERTIES["PidTagLastModificationTime"].tag), 0)
    kept = _unused_sink(surface.mapi, ring)
    try:
        return table, call(table, "Advise", numbers.TABLE_MODIFIED, kept.sink), kept
    except OutlookFault:
        kept.ring = None
        raise


def _unused_sink(mapi: Any, ring: Callable[[], None]) -> _Kept:
    with _lock:
        kept = next((kept for kept in _registry.values() if kept.mapi is mapi and kept.ring is None), None)
        if kept is None:
            context = f"dovetail-{len(_registry)}"
            kept = _registry[context] = _Kept(mapi, context)
            kept.sink = call(mapi, "HrAllocAdviseSink", notified, context)
        kept.ring = ring
        return kept


def _tell(rung: threading.Event, stop: threading.Event, changed: Callable[[], None]) -> None:
    while True:
        rung.wait()
        latest = time.monotonic() + LONGEST
        while rung.is_set() and not stop.is_set() and time.monotonic() < latest:
            rung.clear()
            stop.wait(QUIET)
        if stop.is_set():
            return
        rung.clear()
        changed()
