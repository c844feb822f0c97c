"""The User's hand on the model Outlook in its own process, as the contract of all calendars wants it."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pythoncom
from win32com.client import dynamic

from dovetail.connector.calendars.port import CalendarPort
from dovetail.connector.outlook.object_model.running import CLOSING_SECONDS
from windows.registering import OUTLOOK, USER, register

PROGRAM = Path(__file__).with_name("outlook_program.py")
STARTING_SECONDS = 30.0


class OutlookUser:
    """Opens and closes Outlook, and does in it what OutlookHand does."""

    def __init__(self, mailbox: Path) -> None:
        self.log = mailbox.with_suffix(".log")
        program = Path(sys.executable).with_name("outlook.exe")
        if not program.exists():
            shutil.copyfile(sys.executable, program)
        self._command = [str(program), "-X", "utf8", str(PROGRAM), str(mailbox)]
        self._process: subprocess.Popen[bytes] | None = None
        register(self._command)

    def opens_outlook(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + STARTING_SECONDS
        while not is_running():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, "the model Outlook does not start"
            time.sleep(0.05)

    def closes_outlook(self) -> None:
        dynamic.Dispatch(pythoncom.GetActiveObject(OUTLOOK).QueryInterface(pythoncom.IID_IDispatch)).Quit()
        deadline = time.monotonic() + STARTING_SECONDS
        while is_running():
            assert time.monotonic() < deadline, "the model Outlook does not quit"
            time.sleep(0.05)
        if self._process is not None:
            self._process.wait(STARTING_SECONDS)
            self._process = None

    def does(self, name: str, *arguments: Any) -> Any:
        made = pythoncom.CoCreateInstance(USER, None, pythoncom.CLSCTX_LOCAL_SERVER, pythoncom.IID_IDispatch)
        answer = pickle.loads(bytes.fromhex(dynamic.Dispatch(made).Do(name, pickle.dumps(arguments).hex())))
        if isinstance(answer, Exception):
            raise answer
        return answer


class RemoteHand:
    """A Hand on a fresh mailbox in the model Outlook, seen through `port`."""

    def __init__(self, user: OutlookUser, port: CalendarPort) -> None:
        self.user, self.port = user, port
        self.main, self.other = user.does("reset")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments, **named: self.user.does(name, arguments, named)

    def lets_time_pass(self) -> None:
        self.user.does("lets_time_pass")

    def takes_store_away(self) -> None:
        self.user.closes_outlook()

    def puts_store_back(self) -> None:
        time.sleep(CLOSING_SECONDS)
        self.user.opens_outlook()

    def mail_properties(self, calendar: str, handle: str) -> list[str]:
        return list(self.user.does("mail_properties", (calendar, handle), {}))

    def adds(self, calendar: str, start: datetime, end: datetime, *rest: Any, **named: Any) -> str:
        return str(self.user.does("adds", (calendar, start, end, *rest), named))


def is_running() -> bool:
    try:
        pythoncom.GetActiveObject(OUTLOOK)
    except pythoncom.com_error:
        return False
    return True
