"""Python objects shown to other processes as COM shows Outlook's: late bound, with errors and events of Outlook's kind.

What a model object's class defines is a member; nothing else has a name. A method cannot be read as a property. Errors
of the model arrive as DISP_E_EXCEPTION with Outlook's code in the exception info. No type information is given: it
would be that of a part of Outlook, written from memory.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pythoncom
import winerror
from pywintypes import IID
from win32com.olectl import CONNECT_E_NOCONNECTION
from win32com.server.exception import COMException
from win32com.server.policy import BasicWrapPolicy
from win32com.server.util import wrap

from connector.outlook.model_outlook import Dispatch
from connector.outlook.model_store import ComError

APPLICATION_EVENTS = IID("{0006302C-0000-0000-C000-000000000046}")
ITEMS_EVENTS = IID("{00063077-0000-0000-C000-000000000046}")
_SOURCES = {"Application": APPLICATION_EVENTS, "Items": ITEMS_EVENTS}
_PUTS = pythoncom.DISPATCH_PROPERTYPUT | pythoncom.DISPATCH_PROPERTYPUTREF


class Presented:
    """One object of the model. `listens` connects its events as long as somebody refers to it."""

    def __init__(self, dispatch: Dispatch, listens: Callable[[Any, ConnectionPoint], None]) -> None:
        self.dispatch, self._listens = dispatch, listens
        self.target = dispatch._target
        self.source = _SOURCES.get(type(self.target).__name__)
        self._com_interfaces_ = [pythoncom.IID_IConnectionPointContainer] if self.source else []
        self._point: ConnectionPoint | None = None

    def has(self, name: str) -> bool:
        return not name.startswith("_") and (name in vars(self.target) or hasattr(type(self.target), name))

    def invoke(self, name: str, flags: int, arguments: tuple[Any, ...]) -> Any:
        try:
            if flags & _PUTS:
                setattr(self.dispatch, name, _plain(arguments[0]))
                return None
            if callable(getattr(type(self.target), name, None)):
                if not flags & pythoncom.DISPATCH_METHOD:
                    raise COMException(scode=winerror.DISP_E_MEMBERNOTFOUND)
                return self._shown(getattr(self.dispatch, name)(*map(_plain, arguments)))
            return self._shown(getattr(self.dispatch, name))
        except ComError as error:
            _, source, text, _, _, code = error.excepinfo or (0, "", error.strerror, None, 0, error.hresult)
            raise COMException(str(text), scode=code, source=str(source)) from None

    def FindConnectionPoint(self, interface: Any) -> Any:  # noqa: N802 - IConnectionPointContainer's
        if interface != self.source:
            raise COMException(scode=CONNECT_E_NOCONNECTION)
        if self._point is None:
            self._point = ConnectionPoint()
            self._listens(weakref.ref(self), self._point)
        return wrap(self._point, pythoncom.IID_IConnectionPoint)

    def EnumConnectionPoints(self) -> None:  # noqa: N802
        raise COMException(scode=winerror.E_NOTIMPL)

    def _shown(self, value: Any) -> Any:
        if isinstance(value, Dispatch):
            return wrap(Presented(value, self._listens), usePolicy=Policy)
        if isinstance(value, tuple):
            return list(value)  # an array: pywin32 takes a tuple for a value and further out parameters
        return value


class Policy(BasicWrapPolicy):
    """Gives numbers to the names of a Presented as they are asked for."""

    _GATEWAY = ("FindConnectionPoint", "EnumConnectionPoints")

    def _wrap_(self, presented: Presented) -> None:
        super()._wrap_(presented)
        self._names: dict[int, str] = {}
        for name in self._GATEWAY:
            self._number(name)

    def _getdispid_(self, name: str, fdex: int) -> int:
        known: int | None = self._name_to_dispid_.get(name.lower())
        if known is not None:
            return known
        if not self._obj_.has(name):
            raise COMException(scode=winerror.DISP_E_UNKNOWNNAME)
        return self._number(name)

    def _invokeex_(self, dispid: int, lcid: int, flags: int, arguments: Any, kwargs: Any, provider: Any) -> Any:
        name = self._names.get(dispid)
        if name is None:
            raise COMException(scode=winerror.DISP_E_MEMBERNOTFOUND)
        if name in self._GATEWAY:
            return getattr(self._obj_, name)(*arguments)
        return self._obj_.invoke(name, flags, arguments)

    def _number(self, name: str) -> int:
        number = 1 + len(self._names)
        self._names[number], self._name_to_dispid_[name.lower()] = name, number
        return number


class ConnectionPoint:
    """Who wants to hear the events of one object."""

    _public_methods_ = (
        *("EnumConnections", "Unadvise", "Advise", "GetConnectionPointContainer", "GetConnectionInterface"),
    )
    _com_interfaces_ = (pythoncom.IID_IConnectionPoint,)

    def __init__(self) -> None:
        self._sinks: dict[int, Any] = {}
        self._cookie = 0

    def Advise(self, unknown: Any) -> int:  # noqa: N802
        self._cookie += 1
        # Outlook asks for the interface of its events itself; Wine carries that only where a type library tells of it.
        self._sinks[self._cookie] = unknown.QueryInterface(pythoncom.IID_IDispatch)
        return self._cookie

    def Unadvise(self, cookie: int) -> None:  # noqa: N802
        if self._sinks.pop(cookie, None) is None:
            raise COMException(scode=CONNECT_E_NOCONNECTION)

    def fire(self, event: int, *arguments: Any) -> None:
        """Waits for each listener, as Outlook does; one that has gone is dropped."""
        for cookie, sink in tuple(self._sinks.items()):
            try:
                sink.Invoke(event, 0, pythoncom.DISPATCH_METHOD, False, *arguments)
            except pythoncom.com_error:
                self._sinks.pop(cookie, None)


def _plain(value: Any) -> Any:
    """Without pywin32's own kind of datetime, which is tagged as UTC."""
    if isinstance(value, datetime):
        return datetime(
            value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond, tzinfo=UTC
        )
    return value
