"""Options that several commands share."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", metavar="DIR", envvar="DOVETAIL_HOME", help="Where the connector keeps its profile and journal."
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", envvar="DOVETAIL_DATA", help="Where the server keeps its database and secret key."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")]


def use_data(data: Path | None) -> None:
    """Tell Django's settings, which read the environment, where the server's data lies."""
    if data is not None:
        os.environ["DOVETAIL_DATA"] = str(data.absolute())


def is_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()
