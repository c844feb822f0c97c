"""``dovetail connect``: pair this PC with a User's connection on the server, and sync for the first time.

1. check what was typed, 2. open the calendar, 3. sign in, 4. keep the tokenized form, 5. first sync. The token is
asked for, or read from standard input or ``DOVETAIL_TOKEN``; there is no option for it, because any program on the PC
can read the arguments of another, and shells remember them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from dovetail.cli.exit_codes import ExitCode
from dovetail.cli.failures import Failure, told_plainly
from dovetail.cli.options import HomeOption, JsonOption, is_terminal
from dovetail.cli.report import progress_bar, tell

TOKEN_VARIABLE = "DOVETAIL_TOKEN"  # noqa: S105 - the name of a variable
NO_BOOKINGS = (
    "Bookings cannot be written to any of these calendars. They can block your time: tick them as busy on the Calendar"
    " connection page."
)


def connect(
    server: Annotated[str | None, typer.Option(metavar="ADDRESS", help="The server, such as book.example.org.")] = None,
    connector_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The Connector ID shown on the Calendar connection page.")
    ] = None,
    calendar: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC",
            help="Where a calendar is: outlook for those of Outlook on this PC; folder:PATH for a folder of .ics files,"
            " or one; outlook-file:PATH for an Outlook data file or a folder of .msg, to read alone. Repeat for more.",
        ),
    ] = None,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help=f"Read the security token from standard input, not {TOKEN_VARIABLE}.")
    ] = False,
    ca_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CA certificate (PEM) to trust besides the system's.")
    ] = None,
    pin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="sha256/HASH", help="Accept this public key of the server's alone. Repeat for its next one."
        ),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            metavar="WAY",
            help="system (the default), none, http://HOST:PORT, https://…, socks5://HOST:PORT or pac:URL.",
        ),
    ] = None,
    mode: Annotated[
        Literal["real-time", "auto", "manual"],
        typer.Option(help="Sync at once when something happens, by the clock, or only on demand."),
    ] = "auto",
    interval: Annotated[int, typer.Option(min=1, max=60, metavar="MINUTES", help="How often by the clock.")] = 5,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pair this PC with your Calendar connection page."""
    with told_plainly(as_json=as_json):
        from dovetail.connector.calendar_spec import numbered, read_spec
        from dovetail.connector.link.address import read_address
        from dovetail.connector.link.routes import SYSTEM, read_mode
        from dovetail.connector.link.tls import read_pin
        from dovetail.connector.pairing import pair
        from dovetail.connector.profile import Profile, find_home
        from dovetail.connector.running import open_connector
        from dovetail.protocol.credential import read_connector_id, tokenize
        from dovetail.protocol.messages import SyncMode

        wanted = Profile(
            server=read_address(server or _ask("Server", "--server")),
            connector_id=read_connector_id(connector_id or _ask("Connector ID", "--id")),
            calendars=numbered(map(read_spec, calendar or [_ask("Calendar", "--calendar")]), {}),
            ca_file=ca_file and ca_file.absolute(),
            pins=tuple(map(read_pin, pin or ())),
            proxy=read_mode(proxy or SYSTEM),
            mode=SyncMode(mode),
            interval_minutes=interval,
            epoch=0,
        )
        tokenized = tokenize(_token(token_stdin))
        chosen = find_home(home)
        with chosen.locked():
            profile, place = pair(chosen, wanted, tokenized)
            if not as_json:
                typer.echo(f"Connected to {profile.server}. The credential is kept in {place.words}.")
            with open_connector(chosen, profile) as connector, progress_bar("Reading the calendar") as progress:
                run = connector.sync(progress=progress)
                takes_bookings = connector.takes_bookings()
            if not as_json and not takes_bookings:
                typer.echo(NO_BOOKINGS)
    tell(
        run,
        as_json=as_json,
        server=profile.server,
        connector_id=profile.connector_id,
        credential=place.words,
        takes_bookings=takes_bookings,
    )


def _ask(label: str, option: str) -> str:
    if not is_terminal():
        raise Failure(f"{option} is missing.", ExitCode.USAGE)
    return str(typer.prompt(label, err=True))


def _token(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline()
    given = os.environ.pop(TOKEN_VARIABLE, None)
    if given is not None:
        return given
    if not is_terminal():
        raise Failure(f"The security token is missing: use --token-stdin or {TOKEN_VARIABLE}.", ExitCode.USAGE)
    return str(typer.prompt("Security token", hide_input=True, err=True))
