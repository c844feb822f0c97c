"""``dovetail disconnect``: end the connection. The server erases what it holds, and this PC forgets the pairing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.exit_codes import ExitCode
from dovetail.cli.failures import Failure, told_plainly
from dovetail.cli.options import HomeOption, JsonOption, is_terminal

if TYPE_CHECKING:
    from dovetail.connector.link.https import Receipt


def disconnect(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    here_only: Annotated[
        bool, typer.Option("--here-only", help="Forget the pairing on this PC without asking the server.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """End the connection: the server erases your busy times and calendar names. Your calendar is not touched."""
    with told_plainly(as_json=as_json):
        from dovetail.connector import pairing
        from dovetail.connector.profile import find_home

        chosen = find_home(home)
        with chosen.locked():
            profile = chosen.paired()
            if not yes:
                _ask(profile.server)
            if here_only:
                chosen.forget(profile)
                receipt = None
            else:
                receipt = pairing.end(chosen, profile)
        if as_json:
            shown = receipt.model_dump(mode="json") if receipt else None
            typer.echo(json.dumps({"ok": True, "server": profile.server, "receipt": shown}))
        else:
            typer.echo(_told(receipt, profile.server))


def _ask(server: str) -> None:
    if not is_terminal():
        raise Failure("Nobody can be asked here: add --yes to disconnect.", ExitCode.USAGE)
    if not typer.confirm(f"Disconnect from {server}? It erases what it knows of your calendar.", err=True):
        raise Failure("Nothing was changed.")


def _told(receipt: Receipt | None, server: str) -> str:
    if receipt is None:
        return (
            "This PC has forgotten the pairing. The server was not asked, or does not know this PC any more: if the"
            f" Calendar connection page on {server} still shows a connection, press Disconnect there."
        )
    counts = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(receipt.erased.items()))
    return (
        f"Disconnected from {server}. It erased, at {receipt.at:%Y-%m-%d %H:%M:%S %Z}: {counts or 'nothing'}."
        " Your calendar was not touched."
    )
