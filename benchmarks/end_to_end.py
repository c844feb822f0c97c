"""``end-to-end``: real server, real connector in real-time mode, real HTTPS, a folder calendar; each on this machine.

* booking: a Customer presses *Book*, until the event's file is in the folder; 200 of them, one after the other;
* closing: a file is saved in the folder, until its slot is closed for Customers. The connector waits for 10 s of quiet
  first, so that half a change is not synced; with that a few, and 200 with a wait of 0.2 s, which shows the rest.

Some minutes. The interval is 15 minutes as long as hints come: nothing here is caused by the clock.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.result import Result
from dovetail.demo import programs
from dovetail.demo.appointments import appointment, put
from dovetail.demo.people import Customer, User, value

BOOKINGS = 200
CLOSINGS = ((10.0, 5), (0.2, 200))
"""Seconds of quiet, and how many are measured with it."""
HALF_HOUR = timedelta(minutes=30)


def run() -> Iterator[Result]:
    with tempfile.TemporaryDirectory(prefix="dovetail-bench-") as directory:
        home = Path(directory)
        (home / "calendar").mkdir()
        with programs.server(home) as server:
            bench = Bench(home, server)
            with bench.connector.running():
                yield from told("booking to calendar", bench.live(bench.books))
            for quiet, times in CLOSINGS:
                with bench.hasty(quiet):
                    seconds = bench.live(lambda times=times: bench.closes(times))
                yield from told(f"calendar to closed slot, of it {quiet:g} s of quiet", seconds)
            bench.close()


def told(case: str, seconds: list[float]) -> Iterator[Result]:
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    yield Result("end-to-end", f"{case}: p50 of {len(seconds)}", statistics.median(seconds), "s")
    yield Result("end-to-end", f"{case}: p95 of {len(seconds)}", cuts[18], "s")


class Bench:
    """A User whose page is open day and night, and who has an empty calendar."""

    def __init__(self, home: Path, server: programs.Server) -> None:
        self.home, self.folder = home, home / "calendar"
        self.user = User(server, "bench@example.org", "Bench", "UTC")
        self.user.opens({f"d{day}_0_{part}": "00:00" for day in range(7) for part in ("start", "end")})
        self.customer = Customer(server, "bench")
        self.connector = programs.Connector(home / "connector", home / "connector.log")
        self.connector.pair(server, self.user.connect(), self.folder)

    def close(self) -> None:
        self.user.close()
        self.customer.close()

    @contextmanager
    def hasty(self, quiet: float) -> Iterator[None]:
        command = (programs.DOVETAIL[0], "-m", "benchmarks.hasty_connector", str(quiet))
        home = {"DOVETAIL_HOME": str(self.connector.home)}
        program = programs.start("the connector", command, self.connector.log, home)
        try:
            yield
        finally:
            program.stop()

    def live(self, work: Callable[[], list[float]]) -> list[float]:
        """Once hints come, and the sync that a session begins with is over."""
        programs.wait_until(
            lambda: (
                (self.connector.status()["realtime"] or {}).get("live")
                and self.connector.status()["last_try"]["trigger"] == "server"
            ),
            timeout=30,
            what="real time is there",
        )
        time.sleep(1)
        return work()

    def open_times(self) -> list[datetime]:
        """Far enough ahead to stay open while the bench runs; whole hours, so that none closes another."""
        first = datetime.now(UTC).date() + timedelta(days=2)
        return [at for at in self.customer.slots(first, 40) if at.minute == 0]

    def books(self) -> list[float]:
        seconds = []
        for at in self.open_times()[:BOOKINGS]:
            form = self.customer.times(at.date()).submit(value(at))
            with Arrival(self.folder) as arrival:
                pressed = time.monotonic()
                form.submit("Book", name="Carla Customer", email="carla@example.org")
            seconds.append(arrival.at - pressed)
            time.sleep(0.2)
        return seconds

    def closes(self, times: int) -> list[float]:
        seconds = []
        for at in self.open_times()[:times]:
            saved = time.monotonic()
            put(self.folder, f"own-{at:%Y%m%dT%H%M}", appointment("My own", at, HALF_HOUR))
            programs.wait_until(lambda at=at: not self.is_open(at), timeout=60, what="the slot closes", pause=0.01)
            seconds.append(time.monotonic() - saved)
        return seconds

    def is_open(self, at: datetime) -> bool:
        return at in self.customer.slots(at.date(), 0)


class Arrival:
    """Watches the folder from another thread: an event may be there before the page has answered. `at` is when."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.before = set(folder.glob("*.ics"))
        self.at = 0.0
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        end = time.monotonic() + 60
        while not set(self.folder.glob("*.ics")) - self.before:
            if time.monotonic() > end:
                raise SystemExit("end-to-end: a booking did not arrive")
            time.sleep(0.002)
        self.at = time.monotonic()

    def __enter__(self) -> Arrival:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
