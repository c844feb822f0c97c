"""``dovetail doctor outlook``: what Outlook there is on this PC, and whether Dovetail can work with it.

Works on any machine, before pairing and after. The report names no calendar, account or person and may be pasted into
a ticket.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.doctor import doctor
from dovetail.cli.exit_codes import ExitCode
from dovetail.cli.failures import told_plainly
from dovetail.cli.options import JsonOption

if TYPE_CHECKING:
    from dovetail.connector.outlook.doctor import Report


@doctor.command()
def outlook(
    self_test: Annotated[
        bool,
        typer.Option(
            "--self-test",
            help="Make a scratch calendar in Outlook; write, move, read back and delete bookings in it; remove it.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Look for Outlook, and say in plain words what keeps Dovetail from it."""
    with told_plainly(as_json=as_json):
        from dovetail.connector.outlook.doctor import examine

        report = examine(self_test=self_test)
    code = ExitCode.OK if report.ok else ExitCode.CALENDAR
    typer.echo(json.dumps(_facts(report, code)) if as_json else told(report))
    raise typer.Exit(code)


def _facts(report: Report, code: ExitCode) -> dict[str, object]:
    notes = [{"code": note.code.value, "verdict": note.verdict, "to_do": note.to_do} for note in report.notes]
    trial = report.self_test and {"ok": report.self_test.ok, **asdict(report.self_test)}
    return {
        **asdict(report),
        "exit_code": int(code),
        "notes": notes,
        "self_test": trial,
        "at": report.at.isoformat(timespec="seconds"),
    }


def told(report: Report) -> str:
    """The report in words."""
    lines = [report.verdict, f"To do: {report.to_do}", ""]
    facts = report.facts
    if facts.system == "Windows":
        lines += [
            f"  Classic Outlook: {_installed(report)}",
            f"  New Outlook:     {'switched on' if facts.new_preferred else 'there' if facts.new_installed else 'no'}",
            f"  Profiles:        {'unknown' if facts.profiles is None else facts.profiles}",
            f"  Bits:            Outlook {facts.office_bits or 'unknown'}, Dovetail {facts.python_bits}",
        ]
    for kind in report.calendars or ():
        lines.append(
            f"  Calendars:       {kind.count} {kind.access.replace('_', ' ')}{kind.reason and f': {kind.reason}'}"
        )
    files = "can be read (outlook-file:PATH)" if report.data_files else "need pip install 'dovetail-calendar[outlook]'"
    lines.append(f"  Data files:      {files}")
    lines += [f"  Note:            {note.verdict} {note.to_do}" for note in report.notes]
    lines.append(f"  Dovetail:        {report.version} on {report.system}, {report.at:%Y-%m-%d %H:%M:%S} UTC")
    if report.self_test is not None:
        lines += ["", f"Self-test: {'all went well' if report.self_test.ok else 'something is wrong'}"]
        width = max(len(step.name) for step in report.self_test.steps)
        for step in report.self_test.steps:
            ended = "ok    " if step.ok else "FAILED"
            lines.append(f"  {step.name:<{width}}  {ended} {step.ms:>6} ms  {step.note}".rstrip())
    return "\n".join(lines)


def _installed(report: Report) -> str:
    facts = report.facts
    if not facts.registered:
        return "not installed, or not registered"
    return "running" if facts.running else "installed, not running"
