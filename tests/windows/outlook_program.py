"""The model Outlook as a program of its own: `python outlook_program.py MAILBOX`. COM starts it, or the User does.

It keeps its mailbox in the file MAILBOX while it does not run, has one thread (a single-threaded apartment), is listed
as running, tells its listeners before it quits, and quits whoever still refers to it.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "src")]
sys.coinit_flags = 2  # single-threaded, before pythoncom is imported

import pythoncom  # noqa: E402
import tzlocal  # noqa: E402
import win32api  # noqa: E402
from pywintypes import IID  # noqa: E402
from win32com.server import policy  # noqa: E402
from win32com.server.policy import DesignatedWrapPolicy  # noqa: E402
from win32com.server.util import wrap  # noqa: E402

from connector.calendars.contract import NINE  # noqa: E402
from connector.outlook.model_objects import END, START  # noqa: E402
from connector.outlook.model_outlook import ModelOutlook  # noqa: E402
from connector.outlook.model_store import CHANGED, Folder, Mailbox, Message  # noqa: E402
from connector.outlook.outlook_hand import OutlookHand  # noqa: E402
from dovetail.connector.outlook.object_model.appointment import settled  # noqa: E402
from dovetail.connector.outlook.object_model.rows import Traits  # noqa: E402
from windows.presenting import ConnectionPoint, Policy, Presented  # noqa: E402
from windows.registering import OUTLOOK, USER  # noqa: E402

_QUIT = 0xF007
_ADDED, _CHANGED, _REMOVED = 0xF001, 0xF002, 0xF003


class TodaysMailbox(Mailbox):
    """On the clock of the machine."""

    @property
    def time(self) -> datetime:
        return datetime.now(UTC)

    @time.setter
    def time(self, value: datetime) -> None:
        """Time passes by itself."""


class Program(ModelOutlook):
    def __init__(self, file: Path) -> None:
        super().__init__(TodaysMailbox(tzlocal.get_localzone()))
        self._file = file
        self._points: list[ConnectionPoint] = []
        self._thread = win32api.GetCurrentThreadId()
        self.most_open = 500
        self.hand = self.reset()
        if file.exists():
            self.mailbox = self.hand.mailbox = pickle.loads(file.read_bytes())
            self.hand.folders = self.mailbox.stores[0].root.folders[1:3]

    def reset(self) -> OutlookHand:
        self.mailbox.stores.clear()
        self.log.clear()
        self.hand = OutlookHand(self)
        return self.hand

    def application(self) -> Any:
        return wrap(Presented(self.connect(), self.listens), usePolicy=Policy)

    def listens(self, presented: Callable[[], Presented | None], point: ConnectionPoint) -> None:
        target = presented().target
        if not hasattr(target, "kept"):
            self._points.append(point)
            return
        folder: Folder = target.kept
        before = _saves(folder)

        def told() -> None:
            nonlocal before
            if (of := presented()) is None:
                folder.listeners.remove(told)
                return
            before, was = _saves(folder), before
            for entry_id in before.keys() - was.keys():
                point.fire(_ADDED, self._item(of, entry_id))
            for entry_id in before.keys() & was.keys():
                if before[entry_id] != was[entry_id]:
                    point.fire(_CHANGED, self._item(of, entry_id))
            for _ in was.keys() - before.keys():
                point.fire(_REMOVED)

        folder.listeners.append(told)

    def close(self) -> None:
        for point in self._points:
            point.fire(_QUIT)
        super().close()
        for store in self.mailbox.stores:
            for folder in (store.root, *store.all_folders()):
                folder.listeners.clear()
        self._file.write_bytes(pickle.dumps(self.mailbox))
        win32api.PostThreadMessage(self._thread, 0x12, 0, 0)  # WM_QUIT

    def _item(self, of: Presented, entry_id: str) -> Any:
        message = self.mailbox.message(entry_id)
        return None if message is None else of._shown(self.present(self.item_of(message)))


class User:
    """Calls a method of the User's hand on the model, with pickled arguments."""

    _public_methods_ = ("Do",)

    def __init__(self, program: Program) -> None:
        self._program = program

    def Do(self, name: str, arguments: str) -> str:  # noqa: N802
        try:
            answer: object = self._do(name, *pickle.loads(bytes.fromhex(arguments)))
        except Exception as error:
            answer = error
        return pickle.dumps(answer).hex()

    def _do(self, name: str, *arguments: Any) -> object:
        if name == "reset":
            hand = self._program.reset()
            return hand.main, hand.other
        if name == "log":
            return list(self._program.log)
        if name == "clear_log":
            return self._program.log.clear()
        if name == "lets_time_pass":
            return _age(self._program.mailbox)
        if name == "fill":
            return _fill(self._program, *arguments)
        if name == "folders":
            return sorted(folder.name for store in self._program.mailbox.stores for folder in store.all_folders())
        if name == "appointments":
            return [_told(message) for message in self._program.hand.folders[0].messages.values()]
        return getattr(self._program.hand, name)(*arguments[0], **arguments[1])


def _told(message: Message) -> dict[str, Any]:
    properties = message.properties
    return {
        "handle": message.entry_id,
        "subject": properties.get("PidTagSubject"),
        "start": properties[START],
        "busy": properties["PidLidBusyStatus"],
    }


def _fill(program: Program, calendar: str, number: int) -> dict[str, str]:
    """With half hours in a row, written long ago; their handles and the versions by which a scan knows them."""
    for half_hour in (NINE + count * timedelta(minutes=30) for count in range(number)):
        program.hand.adds(calendar, half_hour, half_hour + timedelta(minutes=30))
    _age(program.mailbox)
    return {handle: _version(message) for handle, message in program.hand.folder(calendar).messages.items()}


def _version(message: Message) -> str:
    changed, start, end = (message.properties[name] for name in (CHANGED, START, END))
    assert isinstance(changed, datetime)
    assert isinstance(start, datetime)
    assert isinstance(end, datetime)
    return settled(Traits(changed, start, end, recurring=False))


def _saves(folder: Folder) -> dict[str, int]:
    return {entry_id: message.saves for entry_id, message in folder.messages.items()}


def _age(mailbox: Mailbox) -> None:
    """All that there is was written five minutes earlier."""
    for store in mailbox.stores:
        for folder in store.all_folders():
            for message in folder.messages.values():
                changed = message.properties[CHANGED]
                assert isinstance(changed, datetime)
                message.properties[CHANGED] = changed - timedelta(minutes=5)


def main(file: Path) -> None:
    program = Program(file)
    classes = {
        IID(OUTLOOK): program.application,
        IID(USER): lambda: wrap(User(program), usePolicy=DesignatedWrapPolicy),
    }
    # pythoncom's own factory looks the class up by this function; it would start from a name in the registry.
    policy.CreateInstance = lambda class_id, interface: classes[class_id]().QueryInterface(interface)
    factories = [
        pythoncom.CoRegisterClassObject(
            class_id, pythoncom.MakePyFactory(class_id), pythoncom.CLSCTX_LOCAL_SERVER, pythoncom.REGCLS_MULTIPLEUSE
        )
        for class_id in classes
    ]
    listed = pythoncom.RegisterActiveObject(program.application(), IID(OUTLOOK), 0)
    pythoncom.PumpMessages()
    pythoncom.RevokeActiveObject(listed)
    for factory in factories:
        pythoncom.CoRevokeClassObject(factory)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.flush()
    win32api.TerminateProcess(-1, 0)
