"""``dovetail doctor network``: test the way to the server, and say what is in it.

Works before pairing (``--server``) and after. The report holds no secret and may be pasted into a ticket.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.exit_codes import ExitCode
from dovetail.cli.failures import Failure, told_plainly
from dovetail.cli.options import HomeOption, JsonOption

if TYPE_CHECKING:
    from dovetail.connector.link.doctor import Ports, Report
    from dovetail.protocol.messages import Settings

doctor = typer.Typer(no_args_is_help=True, help="Find out what is wrong.", rich_markup_mode=None)


@doctor.callback()
def _only_subcommands() -> None:
    """Find out what is wrong."""


@doctor.command()
def network(
    server: Annotated[str | None, typer.Option(metavar="ADDRESS", help="The server, if this PC is not paired.")] = None,
    proxy: Annotated[
        str | None, typer.Option(metavar="WAY", help="As for `connect`, instead of what the profile says.")
    ] = None,
    ca_file: Annotated[Path | None, typer.Option(metavar="FILE", help="CA certificate to trust as well.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Test every way to the server, and say in plain words what blocks it."""
    with told_plainly(as_json=as_json):
        from dovetail.connector.link.address import read_address
        from dovetail.connector.link.doctor import diagnose
        from dovetail.connector.link.routes import SYSTEM, read_mode
        from dovetail.connector.profile import find_home
        from dovetail.connector.running import last_settings

        chosen = find_home(home)
        paired = chosen.read()
        if server is not None:
            origin = read_address(server)
        elif paired is not None:
            origin = paired.server
        else:
            raise Failure("This PC is not paired: name the server with --server ADDRESS.", ExitCode.USAGE)
        way = read_mode(proxy) if proxy is not None else paired.proxy if paired else SYSTEM
        trusted = ca_file.absolute() if ca_file is not None else paired.ca_file if paired else None
        own = paired if paired is not None and paired.server == origin else None
        settings = last_settings(chosen, own) if own is not None else None
        report = diagnose(origin, chosen.way_out(way, trusted, own.pins if own else ()), _ports(settings))
        if own is not None:
            chosen.keep_report(report)
    typer.echo(json.dumps(_facts(report)) if as_json else _told(report))
    raise typer.Exit(ExitCode.OK if report.ok else ExitCode.UNREACHABLE)


def _ports(settings: Settings | None) -> Ports:
    """As the server has told, or the usual ones."""
    from dovetail.connector.link.doctor import Ports

    if settings is None:
        return Ports()
    at = settings.realtime
    if at is None:
        return Ports(starttls=None, direct_tls=None)
    return Ports(starttls=at.starttls_port, direct_tls=at.direct_tls_port, xmpp_host=at.host, domain=at.domain)


def _facts(report: Report) -> dict[str, object]:
    return {"exit_code": int(ExitCode.OK if report.ok else ExitCode.UNREACHABLE), **report.model_dump(mode="json")}


def _told(report: Report) -> str:
    lines = [
        report.verdict,
        f"To do: {report.to_do}",
        "",
        f"  Server:      {report.server}",
        f"  Way:         {report.way} ({report.found})",
    ]
    if report.tls is not None:
        lines.append(
            f"  Certificate: {' < '.join(report.tls.chain)}, signed by {report.tls.issuer}; {report.tls.version}"
        )
        lines.append(f"               until {report.tls.expires:%Y-%m-%d}; TLS inspected: {report.inspected}")
        lines.append(f"               key {report.tls.pin}")
    if report.round_trip_ms is not None:
        skew = (
            "" if report.clock_skew_seconds is None else f"; this PC's clock is {report.clock_skew_seconds:+.0f} s off"
        )
        lines.append(f"  Round trip:  {report.round_trip_ms} ms{skew}")
    lines += [f"  Dovetail:    {report.version} on {report.system}, {report.at:%Y-%m-%d %H:%M:%S} UTC", ""]
    width = max((len(check.way) for check in report.checks), default=0)
    for check in report.checks:
        port = str(check.port) if check.port else ""
        ended = " ".join(part for part in (check.verdict, check.detail and f"({check.detail})") if part)
        lines.append(f"  {check.name:<16}{port:>5}  {check.way:<{width}}  {check.ms:>5} ms  {ended}")
    return "\n".join(lines)
