"""``dovetail sync``: one sync, now, also while ``dovetail run`` keeps watch."""

from __future__ import annotations

from typing import Annotated

import typer

from dovetail.cli.failures import told_plainly
from dovetail.cli.options import HomeOption, JsonOption
from dovetail.cli.report import progress_bar, tell


def sync(
    confirm_deletions: Annotated[
        bool, typer.Option("--confirm-deletions", help="The many deletions that were held are meant.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sync once: tell the server when you are busy, write its bookings into the calendar."""
    with told_plainly(as_json=as_json):
        from dovetail.connector.profile import find_home
        from dovetail.connector.running import open_connector

        chosen = find_home(home)
        with open_connector(chosen, chosen.paired()) as connector, progress_bar("Reading the calendar") as progress:
            if confirm_deletions:
                connector.confirm_deletions()
            run = connector.sync(progress=progress)
    tell(run, as_json=as_json)
