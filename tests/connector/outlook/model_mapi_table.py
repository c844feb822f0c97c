"""A model of IMAPITable through pywin32: slices that end when they want to, cut columns, what must not be called."""

# ruff: noqa: N802 - the names are MAPI's
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from connector.outlook import model_mapi_values as values
from connector.outlook.model_mapi_values import long, unsigned

if TYPE_CHECKING:
    from connector.outlook.model_mapi import ModelMapi

Cell = Callable[[int], Any]
"""The whole value of a row by its tag, None where it has none."""

_LT, _LE, _GT, _GE, _EQ, _NE = range(6)


class Table:
    def __init__(
        self, model: ModelMapi, rows: Sequence[Cell], listeners: list[Callable[[], None]] | None = None
    ) -> None:
        self._model, self._all, self._rows = model, list(rows), list(rows)
        self._columns: tuple[int, ...] = ()
        self._at, self._finds = 0, 0
        self._listeners = listeners
        self._connections: dict[int, Callable[[], None]] = {}

    def SetColumns(self, tags: Sequence[int], flags: int) -> None:
        self._columns = tuple(unsigned(tag) for tag in tags)
        long(flags)

    def Restrict(self, restriction: Any, flags: int) -> None:
        long(flags)
        if restriction is not None:
            self._model.parse(restriction)
            if self._model.cannot_restrict:
                raise values.mapi_error(values.TOO_COMPLEX)
        self._rows = [row for row in self._all if restriction is None or matches(restriction, row)]
        self._at = 0

    def SortTable(self, order: Any, flags: int) -> None:
        """The wrapper reads tags as signed, and forgets to say that one did not fit."""
        for tag, _ in order[0]:
            if tag >= 1 << 31:
                raise SystemError("<built-in function SortTable> returned a result with an exception set")

    def GetRowCount(self, flags: int) -> int:
        assert flags == 0
        return len(self._rows)

    def QueryRows(self, number: int, flags: int) -> tuple[tuple[tuple[int, object], ...], ...]:
        """Fewer than asked for, sometimes; and sometimes none, without an error."""
        long(number)
        end = min(self._at + max(number * 2 // 3, 1), len(self._rows))
        if self._model.loses_rows_after is not None:
            end = min(end, self._model.loses_rows_after)
        slice_, self._at = self._rows[self._at : end], max(end, self._at)
        return tuple(tuple(self._cell(row, tag) for tag in self._columns) for row in slice_)

    def FindRow(self, restriction: Any, bookmark: int, flags: int) -> None:
        """The upper half of the bookmark is garbage: the first call may go well."""
        self._finds += 1
        if self._finds > 1:
            raise values.mapi_error(values.INVALID_BOOKMARK)

    def Advise(self, mask: int, sink: Any) -> int:
        assert mask == 0x100
        assert self._listeners is not None
        number = len(self._connections) + 1
        self._connections[number] = lambda: self._model.deliver(sink)
        self._listeners.append(self._connections[number])
        return number

    def Unadvise(self, connection: int) -> None:
        assert self._listeners is not None
        self._listeners.remove(self._connections.pop(unsigned(connection)))

    def _cell(self, row: Cell, tag: int) -> tuple[int, object]:
        return values.out_of_mapi(tag, row(tag), values.IN_A_TABLE, cuts=True)


def matches(restriction: Any, row: Cell) -> bool:
    """A property that is missing matches nothing, not even "unequal"."""
    kind, what = restriction
    if kind == 0:
        return all(matches(one, row) for one in what)
    if kind == 1:
        return any(matches(one, row) for one in what)
    if kind == 2:
        (one,) = what
        return not matches(one, row)
    if kind == 3:
        fuzzy, tag, (_, text) = what
        assert fuzzy == 0x10002
        found = row(tag)
        return found is not None and found.casefold().startswith(text.casefold())
    if kind == 4:
        relation, tag, (_, value) = what
        found = row(tag)
        return found is not None and _compares(relation, found, value)
    assert kind == 8
    return row(what[0]) is not None


def _compares(relation: int, found: Any, value: Any) -> bool:
    return {
        _LT: lambda: found < value,
        _LE: lambda: found <= value,
        _GT: lambda: found > value,
        _GE: lambda: found >= value,
        _EQ: lambda: found == value,
        _NE: lambda: found != value,
    }[relation]()
