"""A model Outlook as a program: attached to while it runs, started by whoever asks, with an event when it quits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from connector.outlook.model_outlook import ModelOutlook
from connector.outlook.model_store import transport_error


class ModelLauncher:
    """`refuses`: an error that starting it ends with. `hidden`: it runs, and cannot be attached to yet."""

    def __init__(self, outlook: ModelOutlook) -> None:
        self.outlook = outlook
        self.started = 0
        self.refuses: Exception | None = None
        self.hidden = False

    def attach(self) -> Any:
        if self.hidden:
            raise transport_error(0x800401E3)
        return self.outlook.connect()

    def is_running(self) -> bool:
        return self.outlook.running

    def start(self) -> Any:
        if self.refuses is not None:
            raise self.refuses
        self.started += not self.outlook.running
        self.outlook.start()
        return self.outlook.connect()

    @contextmanager
    def quits(self, application: Any, told: Callable[[], None]) -> Iterator[None]:
        self.outlook.quitting.append(told)
        try:
            yield
        finally:
            self.outlook.quitting.remove(told)
