"""``dovetail admin``: Django's management commands for the server's data, as they are. What one of them changes wakes
connectors, and throws out revoked ones, by way of the server that runs."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from dovetail.cli.failures import told_plainly
from dovetail.cli.options import DataOption, use_data


def admin(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(help="A management command and its arguments; `help` lists them.", metavar="COMMAND…"),
    ] = None,
    data: DataOption = None,
) -> None:
    """Run one of Django's management commands on the server's data, such as `migrate` or `createsuperuser`."""
    use_data(data)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dovetail.server.settings")
    with told_plainly():
        from django.core.management import execute_from_command_line

        from dovetail.server.realtime import between, bus

        bus.use(between.bus())
        execute_from_command_line(["dovetail admin", *(arguments or ["help"])])
