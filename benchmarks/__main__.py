"""Measure Dovetail beside its peers: ``python -m benchmarks [--json] [NAME …]``.

Without ``--json`` a table; with it one JSON object a line: name, case, value, unit, peer, peer_value, ratio. A ratio is
how many times better ours is: 5 means a fifth of the peer's time, memory or bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib import import_module

from rich.console import Console
from rich.table import Table

from benchmarks.result import Result

NAMES = ("slots", "ics", "sync", "hints", "end-to-end", "outlook-formats", "outlook-scan", "outlook-scan-com")


def results(name: str) -> Iterator[Result]:
    run: Callable[[], Iterator[Result]] = import_module(f"benchmarks.{name.replace('-', '_')}").run
    return run()


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure Dovetail beside its peers.")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}")
    table = Table("benchmark", "case", "ours", "peer's", "ratio", "peer")
    progress = Console(stderr=True)
    for name in arguments.names or NAMES:
        for result in results(name):
            if arguments.json:
                print(json.dumps(asdict(result) | {"ratio": result.ratio}), flush=True)
            else:
                progress.print(f"{result.name}: {result.case} done", style="dim")
                table.add_row(*result.row())
    if not arguments.json:
        Console(file=sys.stdout).print(table)


if __name__ == "__main__":
    main()
