"""The command ``dovetail``: one subcommand a module, heavy imports inside the functions that need them."""

from __future__ import annotations


def main() -> None:
    """Entry point of the installed command."""
    from dovetail.cli.app import app

    app(prog_name="dovetail")
