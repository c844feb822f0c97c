"""The commands, in the order a newcomer meets them."""

from __future__ import annotations

from typing import Annotated

import typer

from dovetail import __version__
from dovetail.cli.admin import admin
from dovetail.cli.connect import connect
from dovetail.cli.demo import demo
from dovetail.cli.disconnect import disconnect
from dovetail.cli.doctor_outlook import doctor
from dovetail.cli.mode import mode
from dovetail.cli.proxy import proxy
from dovetail.cli.run import run
from dovetail.cli.serve import serve
from dovetail.cli.status import status
from dovetail.cli.sync import sync

# No pretty exceptions: they show local variables, and those may hold a credential.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dovetail {__version__}")
        raise typer.Exit


@app.callback(epilog="Exit codes and files: see docs/commands.md.")
def dovetail(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Dovetail: scheduling for people whose calendar lives in desktop Outlook."""


app.command()(demo)
app.command()(serve)
app.command()(connect)
app.command()(sync)
app.command()(run)
app.command()(status)
app.command()(mode)
app.command()(disconnect)
app.command()(proxy)
app.add_typer(doctor, name="doctor")
app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(admin)
