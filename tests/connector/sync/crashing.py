"""A journal that dies at its steps, before or after what it does is on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from dovetail.connector.calendars.memory import Died
from dovetail.connector.sync.journal import Journal

POINTS = (
    "plan.before",
    "plan.after",
    "acted.before",
    "acted.after",
    "gave_up.before",
    "commit.before",
    "commit.inside",
    "commit.after",
    "record.before",
)


class CrashingJournal(Journal):
    """Dies at `dying_at`. What was inside a transaction then is not on the disk, as after a loss of power."""

    dying_at: ClassVar[str] = ""

    def _opened(self) -> Any:
        db = super()._opened()
        db.execute("PRAGMA synchronous=OFF")  # the machine is not cut from its power, and time is short
        return db

    def plan(self, *args: Any) -> None:
        with self._passing("plan"):
            super().plan(*args)

    def acted(self, *args: Any) -> None:
        with self._passing("acted"):
            super().acted(*args)

    def gave_up(self, *args: Any) -> None:
        with self._passing("gave_up"):
            super().gave_up(*args)

    def commit(self, *args: Any, **kwargs: Any) -> None:
        with self._passing("commit"):
            super().commit(*args, **kwargs)

    def record(self, *args: Any) -> None:
        with self._passing("record"):
            super().record(*args)

    def _differ(self, table: str, *args: Any) -> None:
        if table == "link" and self.dying_at == "commit.inside":
            raise Died("commit.inside")
        super()._differ(table, *args)

    @contextmanager
    def _passing(self, name: str) -> Iterator[None]:
        if self.dying_at == f"{name}.before":
            raise Died(name)
        yield
        if self.dying_at == f"{name}.after":
            raise Died(name)
