"""``dovetail run``: the connector in the foreground, until Ctrl-C or SIGTERM.

In auto mode it syncs on the interval; in manual mode it keeps watch and syncs when it is told to. A sync under way is
finished first; a second signal ends the process at once, which costs a re-check at the next start.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import typer

from dovetail.cli.failures import told_plainly
from dovetail.cli.options import HomeOption
from dovetail.cli.report import moment, problem_lines, summary

if TYPE_CHECKING:
    from dovetail.connector.sync.runs import RunReport

SIGNALS = [signal.SIGTERM, signal.SIGINT]
if sys.platform == "win32":
    SIGNALS.append(signal.SIGBREAK)


def run(home: HomeOption = None) -> None:
    """Keep the calendar and the server in step until Ctrl-C."""
    with told_plainly():
        from dovetail.connector.profile import find_home
        from dovetail.connector.running import open_connector

        chosen = find_home(home)
        with chosen.locked(), open_connector(chosen, chosen.paired()) as connector, _stopped_by_signals() as stop:
            typer.echo(f"Connected to {connector.profile.server}; Ctrl-C stops.")
            connector.run(stop, _say)
        typer.echo("Stopped.")


def _say(run: RunReport) -> None:
    """A line for a sync, and what is wrong under it."""
    typer.echo("\n".join([f"{moment(run.started)} {summary(run)}", *problem_lines(run)]))


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that the first signal sets; the second one does what signals do."""
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        stop.set()

    before = {each: signal.signal(each, handle) for each in SIGNALS}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
