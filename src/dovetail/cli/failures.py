"""Expected failures in one plain sentence on stderr, with the exit code that belongs to each; no traceback.

With ``--json`` the sentence goes to stdout as well, in the one JSON object that the command prints.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from dovetail.cli.exit_codes import ExitCode

EXTRAS = {
    "connector": (
        "httpx",
        "keyring",
        "truststore",
        "filelock",
        "quickjs",
        "spnego",
        "python_socks",
        "slixmpp",
        "websockets",
    ),
    "server": ("django", "uvicorn", "ninja"),
}


class Failure(Exception):
    """A command's own reason not to do it. `reason` is a sentence for the one who typed the command."""

    def __init__(self, reason: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


@contextmanager
def told_plainly(*, as_json: bool = False) -> Iterator[None]:
    """Turn an expected failure into its sentence and exit code. A defect keeps its traceback."""
    try:
        yield
    except Exception as error:
        failure = expected(error)
        if failure is None:
            raise
        typer.echo(f"dovetail: {failure.reason}", err=True)
        if as_json:
            typer.echo(json.dumps({"ok": False, "exit_code": int(failure.code), "error": failure.reason}))
        raise typer.Exit(failure.code) from None


def expected(error: Exception) -> Failure | None:
    """What `error` means to the one who typed the command; None for a defect."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, ModuleNotFoundError):
        return _missing_part(error)
    return _of_connector(error) or _of_server(error)


def _missing_part(error: ModuleNotFoundError) -> Failure | None:
    for extra, modules in EXTRAS.items():
        if error.name and error.name.partition(".")[0] in modules:
            return Failure(f"This needs the {extra}'s part: run pip install 'dovetail-calendar[{extra}]'.")
    return None


def _of_connector(error: Exception) -> Failure | None:
    try:
        from dovetail.connector import calendar_spec, profile
        from dovetail.connector.calendars.port import CalendarError
        from dovetail.connector.link import address, port, routes, tls
        from dovetail.protocol import credential
    except ModuleNotFoundError:
        return None
    typed_wrong = (
        address.BadAddress,
        routes.BadProxy,
        tls.BadCaFile,
        tls.BadPin,
        calendar_spec.BadCalendarSpec,
        credential.BadConnectorId,
        credential.BadToken,
    )
    codes: tuple[tuple[type[Exception] | tuple[type[Exception], ...], ExitCode], ...] = (
        (typed_wrong, ExitCode.USAGE),
        ((profile.NotPaired, port.WrongCredentials), ExitCode.NOT_PAIRED),
        (port.Blocked, ExitCode.BLOCKED),
        (port.Disconnected, ExitCode.DISCONNECTED),
        ((port.Unreachable, port.RetryLater, port.NotTheServer), ExitCode.UNREACHABLE),
        (CalendarError, ExitCode.CALENDAR),
        (profile.ProfileInUse, ExitCode.IN_USE),
        ((profile.ProfileError, port.LinkError), ExitCode.FAILED),
    )
    for kinds, code in codes:
        if isinstance(error, kinds):
            return Failure(getattr(error, "reason", str(error)), code)
    return None


def _of_server(error: Exception) -> Failure | None:
    try:
        from dovetail.server.web.listen import ListenError
        from dovetail.server.web.tls import CertificateError
    except ModuleNotFoundError:
        return None
    return Failure(str(error)) if isinstance(error, ListenError | CertificateError) else None
