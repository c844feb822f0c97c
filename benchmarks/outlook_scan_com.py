"""``outlook-scan-com``: a calendar of 2,000 items in which nothing changed, looked at over real COM: a Windows Python
under Wine, whose calls each go to another process. `make test-windows` builds what it runs in; where that is missing
it says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

from benchmarks.result import Result

ROOT = Path(__file__).parents[1]


def run() -> Iterator[Result]:
    if not (ROOT / "build" / "windows" / "inputs").exists():
        print("outlook-scan-com: not run, for there is no Windows Python: make test-windows builds it", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "measured"
        done = subprocess.run(
            [ROOT / "scripts" / "test-windows", "-q", "-k", "two_thousand_items"],
            env={**os.environ, "DOVETAIL_MEASURED": str(PureWindowsPath("Z:/", *file.parts[1:]))},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode or not file.exists():
            raise SystemExit(f"outlook-scan-com: the scan under Wine failed:\n{done.stdout}")
        measured = json.loads(file.read_text())
    case = f"{measured['items']:,} items over COM (Wine), nothing changed"
    yield Result("outlook-scan-com", f"{case}: calls", measured["calls"], "calls")
    yield Result("outlook-scan-com", f"{case}: time", measured["seconds"], "s")
