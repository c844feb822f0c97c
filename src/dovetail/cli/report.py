"""How a sync is shown: a progress bar while it runs (on a terminal only), then words or JSON, and an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from dovetail.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from dovetail.connector.calendars.port import Progress
    from dovetail.connector.sync.runs import RunReport


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """A bar on stderr that takes (done, total); total may be unknown. Nothing where stderr is no terminal."""
    from dovetail.connector.calendars.port import no_progress

    if not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def exit_code(run: RunReport) -> ExitCode:
    """Of a sync that ended so."""
    from dovetail.connector.sync.runs import Outcome

    return {
        Outcome.OK: ExitCode.OK,
        Outcome.DEGRADED: ExitCode.CALENDAR,
        Outcome.HELD: ExitCode.HELD,
        Outcome.UNREACHABLE: ExitCode.UNREACHABLE,
        Outcome.RETRY_LATER: ExitCode.UNREACHABLE,
        Outcome.NOT_THE_SERVER: ExitCode.UNREACHABLE,
        Outcome.BLOCKED: ExitCode.BLOCKED,
        Outcome.WRONG_CREDENTIALS: ExitCode.NOT_PAIRED,
        Outcome.DISCONNECTED: ExitCode.DISCONNECTED,
    }.get(run.outcome, ExitCode.FAILED)


def plain(run: RunReport) -> dict[str, Any]:
    from pydantic import TypeAdapter

    from dovetail.connector.sync.runs import RunReport

    values: dict[str, Any] = TypeAdapter(RunReport).dump_python(run, mode="json")
    return values


def moment(instant: datetime | None) -> str:
    """In the PC's own time."""
    return f"{instant.astimezone():%Y-%m-%d %H:%M:%S}" if instant else "-"


def summary(run: RunReport) -> str:
    """What a sync did, in a line."""
    if not run.outcome.is_done:
        return f"failed: {run.reason}"
    written = run.created + run.updated
    done = f"{_counted(run.items_seen, 'appointment')} seen"
    return f"synced in {run.seconds:.1f} s: {done}" + (f", {_counted(written, 'booking')} written" if written else "")


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def problem_lines(run: RunReport) -> list[str]:
    """One line for each thing that is wrong in the calendars, with what to do."""
    lines = []
    for problem in run.problems:
        parts = (problem.calendar, problem.where, problem.reason)
        lines.append(f"  Problem:     {': '.join(part for part in parts if part)}")
    if run.held:
        lines.append(
            f"  Held:        {run.held} deletions wait: if they are meant, run `dovetail sync --confirm-deletions`."
        )
    return lines


def tell(run: RunReport, *, as_json: bool, **facts: object) -> NoReturn:
    """Print what came of a sync, and end with its exit code. `facts` go into the JSON object."""
    code = exit_code(run)
    if as_json:
        typer.echo(json.dumps({"ok": code == 0, "exit_code": int(code), **facts, **plain(run)}))
    elif run.outcome.is_done:
        typer.echo("\n".join([summary(run).capitalize(), *problem_lines(run)]))
    else:
        typer.echo(f"dovetail: {run.reason}", err=True)
    raise typer.Exit(code)
