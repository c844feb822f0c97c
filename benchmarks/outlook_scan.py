"""``outlook-scan``: a calendar of 5,000 and of 20,000 items in the tests' model of Outlook, 60 days of it scanned: at
first, with nothing changed, with one item changed. Ours is the way through Extended MAPI; in the peer's column stands
our own other way, the object model.

Calls are those into Outlook. Time and memory include the model's: it is the calls that cost on a PC, and there each of
the object model's goes to another process. Peak memory is the kernel's high-water mark, in a process for each way, set
back before each scan. A scan in which nothing changed must open no item, or the run stops.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.result import Result
from dovetail.connector.calendars.port import Scan, ScanRequest
from dovetail.schedule.instants import to_minutes
from dovetail.schedule.intervals import Interval

SIZES = (5_000, 20_000)
DAYS = 60
CASES = ("first scan", "nothing changed", "one item changed")
MAPI, OBJECT_MODEL = "extended-mapi", "object-model"
_TESTS = Path(__file__).parents[1] / "tests"


def run() -> Iterator[Result]:
    for size in SIZES:
        ours, theirs = (measured(way, size) for way in (MAPI, OBJECT_MODEL))
        for case, mine, others in zip(CASES, ours, theirs, strict=True):
            for what, unit in (("calls", "calls"), ("time", "s"), ("peak memory", "MB")):
                yield Result(
                    "outlook-scan", f"{size:,} items, {case}: {what}", mine[what], unit, "object model", others[what]
                )


def measured(way: str, size: int) -> list[dict[str, float]]:
    """In a process of its own."""
    command = [sys.executable, "-m", "benchmarks.outlook_scan", way, str(size)]
    path = os.pathsep.join((str(_TESTS), *sys.path))
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"outlook-scan: the scan through the {way} ended with exit code {done.returncode}")
    found: list[dict[str, float]] = json.loads(done.stdout)
    return found


def three_scans(way: str, size: int) -> Iterator[dict[str, float]]:
    from connector.outlook.mapi_hand import MapiHand

    hand = MapiHand()
    start = hand.mailbox.time.replace(hour=0, minute=0, second=0)
    fill(hand, size, start)
    hand.lets_time_pass()
    port: Any = hand.port if way == MAPI else hand.by_object_model
    log = hand.mapi.log if way == MAPI else hand.outlook.log
    window = Interval(to_minutes(start), to_minutes(start + timedelta(days=DAYS)))
    known: dict[str, str] = {}
    for case in CASES:
        log.clear()
        _forget_peak()
        began = time.process_time()
        scan: Scan = port.scan(ScanRequest(hand.main, window, known))
        seconds = time.process_time() - began
        yield {"calls": len(log), "time": seconds, "peak memory": _peak_mb()}
        if not scan.complete or scan.problems:
            raise SystemExit(f"outlook-scan: {case} was not complete")
        if case == CASES[1] and (scan.items or _opened(log)):
            raise SystemExit("outlook-scan: items were opened though nothing had changed")
        if case == CASES[2] and len(scan.items) != 1:
            raise SystemExit("outlook-scan: the one change was not seen")
        known |= {item.handle: item.version for item in scan.items}
        if case == CASES[1]:
            hand.frees(hand.main, next(iter(known)))
            hand.lets_time_pass()


def fill(hand: Any, size: int, start: datetime) -> None:
    """Within a year from 90 days before `start`; every twentieth recurs."""
    chance = random.Random(size)
    for number in range(size):
        at = start + timedelta(days=chance.randrange(-90, 275), minutes=15 * chance.randrange(24, 76))
        weeks = chance.randrange(2, 30) if number % 20 == 0 else 1
        hand.adds(hand.main, at.astimezone(UTC), at + timedelta(minutes=chance.choice((15, 30, 60))), weeks=weeks)


def _opened(log: list[tuple[str, str]]) -> bool:
    return any(kind in ("Message", "AppointmentItem") or name == "GetItemFromID" for kind, name in log)


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    print(json.dumps(list(three_scans(sys.argv[1], int(sys.argv[2])))))
