"""``dovetail demo``: server and connector on this machine, for a newcomer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dovetail.cli.failures import told_plainly
from dovetail.cli.options import JsonOption


def demo(
    check: Annotated[
        bool, typer.Option("--check", help="Run the whole story by itself and say whether it held.")
    ] = False,
    calendar: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Run it on a copy of this folder of .ics files, or .ics file; or beside this Outlook data file (.pst,"
            " .ost) or folder of .msg files.",
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the data afterwards.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Try Dovetail on this machine: a server, a calendar and a connector."""
    with told_plainly(as_json=as_json):
        from dovetail.demo import main

        code = main(check=check, calendar=calendar, keep=keep, as_json=as_json)
    raise typer.Exit(code)
