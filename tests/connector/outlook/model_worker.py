"""What runs in a worker process in the tests: a model Outlook, the adapter on it, and the User's hand."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connector.outlook.model_launcher import ModelLauncher
from connector.outlook.model_outlook import ModelOutlook
from connector.outlook.outlook_hand import OutlookHand
from dovetail.connector.outlook.object_model.running import RunningOutlook
from dovetail.connector.outlook.worker.calendar import WorkerCalendar
from dovetail.connector.outlook.worker.process import Manners


class ModelInWorker:
    """A calendar port, and beside it what a test does: each `begins` is a new mailbox."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._clock = 0.0
        self.begins()

    def begins(self) -> tuple[str, str]:
        outlook = ModelOutlook()
        running = RunningOutlook(ModelLauncher(outlook), found=self._manners.found, monotonic=lambda: self._clock)
        self._hand = OutlookHand(outlook, connect=running.connect, between=self._between, asking=self._manners.asking)
        running.gone = self._gone
        self._must_be_there = running.must_be_there
        self.port = self._hand.port
        return self.places()

    def places(self) -> tuple[str, str]:
        return self._hand.main, self._hand.other

    def does(self, name: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """What the User does."""
        if name == "puts_store_back":
            self._clock += 60
        return getattr(self._hand, name)(*arguments, **options)

    def adds_many(self, number: int) -> None:
        start = self._hand.mailbox.time
        for hours in range(number):
            begin = start + timedelta(hours=hours)
            self._hand.adds(self._hand.main, begin, begin + timedelta(minutes=30))

    def hangs(self, seconds: float) -> None:
        time.sleep(seconds)

    def rests(self, seconds: float) -> None:
        self._manners.rest(seconds)

    def crashes(self) -> None:
        os._exit(3)

    def pid(self) -> int:
        return os.getpid()

    def starts_the_program(self, seconds: float) -> None:
        self._manners.starting()
        time.sleep(seconds)

    def reads_a_guarded_text(self, seconds: float) -> None:
        """Which brings up a question that nobody answers."""
        self._manners.asking("Body")
        time.sleep(seconds)

    def trips(self) -> None:
        raise KeyError("Oncologist, second opinion")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.port, name)

    def _between(self) -> None:
        self._manners.breathe()
        self._must_be_there()

    def _gone(self) -> None:
        self._manners.closed()
        self.port.close()


class DiesInScan(ModelInWorker):
    """Ends with its process in the middle of the first scan, and leaves a mark not to do so again."""

    mark: Path

    def scan(self, request: Any, progress: Any) -> Any:
        def dies(done: int, total: int | None) -> None:
            if done == 2 and not self.mark.exists():
                self.mark.touch()
                os._exit(9)
            progress(done, total)

        return self.port.scan(request, dies)


def build(manners: Manners) -> Any:
    return ModelInWorker(manners)


def build_dying(mark: Path, manners: Manners) -> Any:
    found = DiesInScan(manners)
    found.mark = mark
    for number in range(5):
        hand = found._hand
        start = datetime(2027, 3, 10 + number, 9, tzinfo=hand.mailbox.time.tzinfo)
        hand.adds(hand.main, start, start.replace(hour=10))
    return found


class WorkerHand:
    """The User's hand on the Outlook that a worker holds."""

    def __init__(self, port: WorkerCalendar, *, anew: bool = True) -> None:
        self.port = port
        self.main, self.other = self.tells("begins" if anew else "places")

    def tells(self, method: str, *arguments: Any) -> Any:
        """The process to do something that no port can."""
        return self.port._call(method, *arguments)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments, **options: self.tells("does", name, arguments, options)
