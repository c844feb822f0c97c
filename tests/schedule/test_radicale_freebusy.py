"""Free/busy of generated calendars, equal to what a real Radicale answers over CalDAV (RFC 4791 7.10)."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import httpx
import pytest

from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import from_minutes
from dovetail.schedule.intervals import Interval, clip
from dovetail.schedule.values import read_time
from schedule.calendars import read, window
from schedule.generated import items

pytestmark = pytest.mark.peer

WITHIN = window("2026-03-01", "2026-12-01")
SINGLES, SERIES = 1000, 200
CALENDARS = 60  # the busy time of all items together would leave no gap to look at
SHOWN = {"BUSY": BusyStatus.BUSY, "BUSY-TENTATIVE": BusyStatus.TENTATIVE}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Radicale's collections of one owner: one item a file."""
    owner = tmp_path_factory.mktemp("radicale") / "collection-root" / "owner"
    for number in range(CALENDARS):
        (owner / str(number)).mkdir(parents=True)
        (owner / str(number) / ".Radicale.props").write_text(json.dumps({"tag": "VCALENDAR"}))
    for number, (uid, text) in enumerate(items(Random(20260301), SINGLES, SERIES)):
        # Radicale 3.9 shows a moved all-day occurrence at both its places; recurring-ical-events stands in for those.
        if "RECURRENCE-ID;VALUE=DATE" not in text:
            (owner / str(number % CALENDARS) / f"{uid}.ics").write_bytes(text.encode())
    return owner


@pytest.fixture(scope="module")
def radicale(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Radicale on that storage."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path_factory.mktemp("config") / "config"
    config.write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = none\n[rights]\ntype = authenticated\n"
        f"[storage]\nfilesystem_folder = {folder.parents[1]}\n[reporting]\nmax_freebusy_occurrence = 100000\n"
        "[logging]\nlevel = error\n"
    )
    server = subprocess.Popen([sys.executable, "-m", "radicale", "--config", str(config)])
    try:
        yield _once_up(f"http://127.0.0.1:{port}", server)
    finally:
        server.terminate()
        server.wait(20)


def _once_up(address: str, server: subprocess.Popen[bytes]) -> str:
    for _ in range(150):
        try:
            httpx.get(f"{address}/.web/", trust_env=False)
        except httpx.TransportError:
            assert server.poll() is None, "Radicale did not start"
            time.sleep(0.2)
        else:
            return address
    raise AssertionError("Radicale does not answer")


def asked(radicale: str, calendar: str) -> dict[BusyStatus, list[Interval]]:
    start, end = (f"{from_minutes(minute):%Y%m%dT%H%M%SZ}" for minute in WITHIN)
    answer = httpx.request(
        "REPORT",
        f"{radicale}/owner/{calendar}/",
        auth=("owner", "owner"),
        timeout=180,
        trust_env=False,
        content=f'<free-busy-query xmlns="urn:ietf:params:xml:ns:caldav"><time-range start="{start}" end="{end}"/>'
        "</free-busy-query>",
    )
    assert answer.status_code == 200, answer.text[:500]
    found: dict[BusyStatus, list[Interval]] = {status: [] for status in SHOWN.values()}
    for line in answer.text.replace("\r\n ", "").splitlines():
        if line.startswith("FREEBUSY"):
            head, _, periods = line.partition(":")
            kind = head.partition("FBTYPE=")[2]
            if kind in SHOWN:
                found[SHOWN[kind]] += [_period(text) for text in periods.split(",")]
    return found


def _period(text: str) -> Interval:
    start, end = (read_time(part).at(from_minutes(0).tzinfo) for part in text.split("/"))  # type: ignore[arg-type]
    return Interval(round(start.timestamp()) // 60, round(end.timestamp()) // 60)


def ours(calendar: Path) -> list[BusyBlock]:
    return [
        block
        for path in calendar.glob("*.ics")
        for result in read(path.read_bytes(), WITHIN, local="UTC")
        for block in result.blocks
    ]


def test_a_thousand_events_and_two_hundred_series_block_what_radicale_says(folder: Path, radicale: str) -> None:
    compared = 0
    for calendar in folder.iterdir():
        blocks = ours(calendar)
        for status, peer in asked(radicale, calendar.name).items():
            found = clip((Interval(b.start, b.end) for b in blocks if b.status is status), WITHIN)
            assert found == clip(peer, WITHIN), calendar.name
            compared += len(found)
    assert compared > 2_500


def test_one_file_with_all_events_blocks_the_same(folder: Path) -> None:
    texts = [path.read_bytes() for path in folder.glob("*/*.ics")]
    parts = [text.partition(b"-//test//EN")[2].rpartition(b"END:VCALENDAR")[0] for text in texts]
    results = read(b"BEGIN:VCALENDAR%bEND:VCALENDAR\r\n" % b"".join(parts), WITHIN, local="UTC")
    assert len(results) == len(texts) > SINGLES + 100
    one_by_one = [block for calendar in folder.iterdir() for block in ours(calendar)]
    assert sorted(block for result in results for block in result.blocks) == sorted(one_by_one)
