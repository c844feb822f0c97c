"""``dovetail run``: the connector in the foreground, until Ctrl-C or SIGTERM.

In auto mode it syncs on the interval, and soon after the calendar changes; in manual mode once at the start. A sync
under way is finished first; a second signal ends the process at once, which costs a re-check at the next start. The
scheduler has a thread of its own, because on Windows a waiting main thread hears no Ctrl-C.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.failures import expected, told_plainly
from dovetail.cli.options import HomeOption
from dovetail.cli.report import moment, problem_lines, summary

if TYPE_CHECKING:
    from dovetail.connector.sync.runs import RunReport
    from dovetail.connector.sync.scheduler import Scheduler

HEARING_SECONDS = 0.5
SIGNALS = [signal.SIGTERM, signal.SIGINT]
if sys.platform == "win32":
    SIGNALS.append(signal.SIGBREAK)


def run(
    home: HomeOption = None,
    every: Annotated[
        float | None, typer.Option(min=1, metavar="SECONDS", help="For trials: sync so often, whatever the interval.")
    ] = None,
) -> None:
    """Keep the calendar and the server in step until Ctrl-C."""
    with told_plainly():
        from dovetail.connector.profile import find_home
        from dovetail.connector.running import open_connector

        chosen = find_home(home)
        with chosen.locked(), open_connector(chosen, chosen.paired()) as connector:
            scheduler = connector.scheduler(every)

            def told(outcome: RunReport | Exception) -> None:
                chosen.note_next_sync(scheduler.next_sync())
                typer.echo(_words(outcome, scheduler.next_sync()))

            with _first_signal_calls(scheduler.stop):
                typer.echo(f"Connected to {connector.profile.server}; Ctrl-C stops.")
                _work(scheduler, told)
        typer.echo("Stopped.")


def _work(scheduler: Scheduler, told: Callable[[RunReport | Exception], None]) -> None:
    with ThreadPoolExecutor(1, "scheduler") as pool:
        work = pool.submit(scheduler.run, told)
        while not wait([work], HEARING_SECONDS).done:
            pass
    work.result()


def _words(outcome: RunReport | Exception, due: datetime | None) -> str:
    """A line for a sync, and what is wrong under it."""
    if isinstance(outcome, Exception):
        failure = expected(outcome)
        reason = failure.reason if failure else f"the program failed ({type(outcome).__name__})."
        return f"{moment(datetime.now(UTC))} not synced: {reason} Next try: {moment(due)}"
    return "\n".join([f"{moment(outcome.started)} {summary(outcome)}", *problem_lines(outcome)])


@contextmanager
def _first_signal_calls(stop: Callable[[], None]) -> Iterator[None]:
    """The second signal does what signals do."""

    def handle(number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        stop()

    before = {each: signal.signal(each, handle) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
