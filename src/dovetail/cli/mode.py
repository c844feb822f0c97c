"""``dovetail mode``: how this PC's connector syncs from now on. One that is running follows at once."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from dovetail.cli.failures import told_plainly
from dovetail.cli.options import HomeOption, JsonOption


def mode(
    wanted: Annotated[
        Literal["real-time", "auto", "manual"] | None,
        typer.Argument(help="At once when something happens, by the clock, or only on demand.", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say or change when this PC syncs."""
    with told_plainly(as_json=as_json):
        from dovetail.connector.profile import find_home
        from dovetail.protocol.messages import SyncMode

        chosen = find_home(home)
        profile = chosen.paired() if wanted is None else chosen.choose_mode(SyncMode(wanted))
        if as_json:
            typer.echo(json.dumps({"ok": True, "mode": profile.mode, "running": chosen.in_use()}))
        else:
            typer.echo(f"Mode: {profile.mode}.")
