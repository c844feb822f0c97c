"""The matrix of ways and cases, printed at the end of a run from what its tests recorded."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

_MARKS = {"passed": "ok", "failed": "FAILED", "skipped": "not run"}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    cells: dict[str, dict[str, str]] = defaultdict(dict)
    for outcome, mark in _MARKS.items():
        for report in terminalreporter.stats.get(outcome, []):
            found = dict(getattr(report, "user_properties", ()))
            if "way" in found and (report.when == "call" or outcome != "passed"):
                cells[found["way"]][found["case"]] = found.get("note") or mark
    if not cells:
        return
    cases = list(dict.fromkeys(case for row in cells.values() for case in row))
    rows = [["", *cases], *([way, *(row.get(case, "-") for case in cases)] for way, row in cells.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    terminalreporter.section("the network matrix")
    for row in rows:
        terminalreporter.write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
