"""Outlook as Windows reaches it: attached to or started, its events, and the message loop that they come through.

Late binding only: no generated type library, whose cache is a well-known way to break. The ids of the event interfaces
and of their members are those of Outlook's type library, which have not changed since 2002.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pythoncom
import pywintypes
import win32event
from win32com.client import dynamic
from win32com.server.util import wrap

from dovetail.connector.outlook.windows import facts

assert sys.platform == "win32"

PROGRAM = "Outlook.Application"
_APPLICATION_EVENTS = "{0006302C-0000-0000-C000-000000000046}"  # ApplicationEvents_11
_ITEMS_EVENTS = "{00063077-0000-0000-C000-000000000046}"
_QUIT = 0xF007
_ADD, _CHANGE, _REMOVE = 0xF001, 0xF002, 0xF003


class MessagePump:
    """A single-threaded apartment, entered by whoever makes this, in its thread."""

    def __init__(self) -> None:
        pythoncom.CoInitializeEx(pythoncom.COINIT_APARTMENTTHREADED)
        self._woken = win32event.CreateEvent(None, False, False, None)

    def wait(self, seconds: float | None) -> None:
        """Until woken, or a message came and was served; for ever with None."""
        left = win32event.INFINITE if seconds is None else math.ceil(max(seconds, 0.0) * 1000)
        win32event.MsgWaitForMultipleObjects((self._woken,), False, left, win32event.QS_ALLINPUT)
        pythoncom.PumpWaitingMessages()

    def wake(self) -> None:
        """From any thread."""
        win32event.SetEvent(self._woken)

    def close(self) -> None:
        pythoncom.CoUninitialize()


class Launcher:
    """Finds or starts classic Outlook. Every method raises COM errors as they come."""

    def attach(self) -> Any:
        """The Application that runs."""
        found = pythoncom.GetActiveObject(PROGRAM)
        return dynamic.Dispatch(found.QueryInterface(pythoncom.IID_IDispatch))

    def is_running(self) -> bool:
        return facts.outlook_runs()

    def start(self) -> Any:
        """The one that runs, or a new one without a window, which ends with the last reference to it."""
        made = pythoncom.CoCreateInstance(PROGRAM, None, pythoncom.CLSCTX_LOCAL_SERVER, pythoncom.IID_IDispatch)
        return dynamic.Dispatch(made)

    @contextmanager
    def quits(self, application: Any, told: Callable[[], None]) -> Iterator[None]:
        with _events(application, _APPLICATION_EVENTS, {_QUIT: "quit"}, told):
            yield


@contextmanager
def listen(items: Any, changed: Callable[[], None]) -> Iterator[None]:
    """While entered, `changed` is called on the events of an Items object, which is kept alive."""
    with _events(items, _ITEMS_EVENTS, {_ADD: "added", _CHANGE: "changed", _REMOVE: "removed"}, changed):
        yield


@contextmanager
def _events(source: Any, interface: str, members: dict[int, str], told: Callable[[], None]) -> Iterator[None]:
    container = source._oleobj_.QueryInterface(pythoncom.IID_IConnectionPointContainer)
    point = container.FindConnectionPoint(pywintypes.IID(interface))
    cookie = point.Advise(wrap(_Sink(interface, members, told)))
    try:
        yield
    finally:
        with suppress(pythoncom.com_error):  # Outlook has gone meanwhile
            point.Unadvise(cookie)


class _Sink:
    """Takes the events of one interface. A handler holds Outlook up: it only passes on that something happened."""

    _public_methods_: tuple[str, ...] = ()

    def __init__(self, interface: str, members: dict[int, str], told: Callable[[], None]) -> None:
        self._com_interfaces_ = [interface]
        self._members, self._told = members, told

    def _invokeex_(self, dispid: int, *rest: object) -> None:
        if dispid in self._members:
            self._told()
