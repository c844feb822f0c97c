"""``dovetail run``: the connector in the foreground, until Ctrl-C or SIGTERM.

In auto mode it syncs on the interval, and soon after the calendar changes; in real-time mode also when the server has
something; in manual mode once at the start. A sync under way is finished first; a second signal ends the process at
once, which costs a re-check at the next start.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.failures import expected, told_plainly
from dovetail.cli.options import HomeOption
from dovetail.cli.report import moment, problem_lines, summary

if TYPE_CHECKING:
    from dovetail.connector.realtime.state import RealtimeState
    from dovetail.connector.sync.runs import RunReport

SIGNALS = [signal.SIGTERM, signal.SIGINT]
if sys.platform == "win32":
    SIGNALS.append(signal.SIGBREAK)


def run(
    home: HomeOption = None,
    every: Annotated[
        float | None,
        typer.Option(min=1, metavar="SECONDS", help="For trials: sync, and look for a better way, so often."),
    ] = None,
) -> None:
    """Keep the calendar and the server in step until Ctrl-C."""
    with told_plainly():
        from dovetail.connector.profile import find_home
        from dovetail.connector.running import open_connector
        from dovetail.connector.working import Work

        chosen = find_home(home)
        with chosen.locked(), open_connector(chosen, chosen.paired()) as connector:
            interval = connector.profile.interval_minutes

            def told(outcome: RunReport | Exception, due: datetime | None) -> None:
                chosen.note_next_sync(due)
                typer.echo(_words(outcome, due))

            def noted(state: RealtimeState) -> None:
                if state.phase.is_told:
                    typer.echo(f"{moment(state.since)} syncs: {state.line(interval)}")

            work = Work(chosen, connector, told, noted, every)
            with _first_signal_calls(work.stop):
                typer.echo(f"Connected to {connector.profile.server}; Ctrl-C stops.")
                work.run()
        typer.echo("Stopped.")


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
