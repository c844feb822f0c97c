"""A model Outlook as a program: attached to while it runs, started by whoever asks, with an event when it quits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from connector.outlook.model_outlook import ModelOutlook


class ModelLauncher:
    """`refuses`: an error that starting it ends with. `lingers`: after its Quit it can still be attached to."""

    def __init__(self, outlook: ModelOutlook) -> None:
        self.outlook = outlook
        self.started = 0
        self.refuses: Exception | None = None
        self.profile = "Outlook"

    def attach(self) -> Any:
        return self.outlook.connect()

    def start(self) -> Any:
        if self.refuses is not None:
            raise self.refuses
        self.started += 1
        self.outlook.start()
        return self.outlook.connect()

    @contextmanager
    def quits(self, application: Any, told: Callable[[], None]) -> Iterator[None]:
        self.outlook.quitting.append(told)
        try:
            yield
        finally:
            self.outlook.quitting.remove(told)
