"""Tables, read in slices from where they stand to their end: a slice may be short, only an empty one ends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dovetail.connector.outlook.extended_mapi.calls import call
from dovetail.connector.outlook.extended_mapi.values import row_values
from dovetail.connector.outlook.properties import Value

AT_ONCE = 500
Restriction = tuple[int, Any]


def rows_of(table: Any, columns: Mapping[str, int]) -> Iterator[dict[str, Value]]:
    """The values of each row by the names of its columns. Raises OutlookFault."""
    call(table, "SetColumns", tuple(columns.values()), 0)
    while block := call(table, "QueryRows", AT_ONCE, 0):
        for row in block:
            yield row_values(columns, row)


def count(table: Any) -> int:
    """Rows that the table has, restricted as it is."""
    rows: int = call(table, "GetRowCount", 0)
    return rows
