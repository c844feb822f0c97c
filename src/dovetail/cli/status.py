"""``dovetail status``: what this PC knows of its connection, without asking the server or opening the calendar."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from dovetail.cli.exit_codes import ExitCode
from dovetail.cli.failures import told_plainly
from dovetail.cli.options import HomeOption, JsonOption
from dovetail.cli.report import moment, plain, problem_lines

if TYPE_CHECKING:
    from dovetail.connector.calendars.port import Way
    from dovetail.connector.link.doctor import Report
    from dovetail.connector.link.sighting import Sighting
    from dovetail.connector.profile import Home, Profile
    from dovetail.connector.realtime.state import RealtimeState
    from dovetail.connector.sync.runs import RunReport


def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say how the connection is doing."""
    with told_plainly(as_json=as_json):
        from dovetail.connector.calendars.ways import read_ways
        from dovetail.connector.profile import find_home
        from dovetail.connector.running import recent_runs

        chosen = find_home(home)
        profile = chosen.paired()
        runs = recent_runs(chosen, profile)
        kept = chosen.credentials.load(profile.connector_id)
        running, due = chosen.in_use(), chosen.next_sync()
        sighting, report, realtime = chosen.sighting(), chosen.report(), chosen.realtime()
        ways = read_ways(chosen.ways_file)
    credential = kept[1].words if kept else None
    if as_json:
        typer.echo(
            json.dumps(_facts(chosen, profile, runs, credential, running, due, sighting, report, realtime, ways))
        )
    else:
        typer.echo("\n".join(_lines(profile, runs, credential, running, due, sighting, report, realtime, ways)))
    if profile.ended is not None:
        raise typer.Exit(ExitCode.DISCONNECTED)


def _facts(
    home: Home,
    profile: Profile,
    runs: list[RunReport],
    credential: str | None,
    running: bool,
    due: datetime | None,
    sighting: Sighting,
    report: Report | None,
    realtime: RealtimeState | None,
    ways: tuple[Way, ...],
) -> dict[str, Any]:
    last, done = _last(runs)
    return {
        "ok": profile.ended is None,
        **profile.model_dump(mode="json"),
        "home": str(home.folder),
        "credential": credential,
        "running": running,
        "ways": [asdict(way) for way in ways],
        "syncs": _pace(profile, realtime),
        "realtime": _realtime_facts(realtime) if realtime else None,
        "network": sighting.model_dump(mode="json"),
        "doctor": report.model_dump(mode="json") if report else None,
        "health": str(last.outcome) if last else None,
        "held": last.held if last else 0,
        "last_sync": done.started.isoformat() if done else None,
        "next_sync": due.isoformat() if due else None,
        "error": last.reason or None if last else None,
        "last_try": plain(last) if last else None,
    }


def _lines(
    profile: Profile,
    runs: list[RunReport],
    credential: str | None,
    running: bool,
    due: datetime | None,
    sighting: Sighting,
    report: Report | None,
    realtime: RealtimeState | None,
    ways: tuple[Way, ...],
) -> list[str]:
    last, done = _last(runs)
    if profile.ended is None:
        head = f"Connected to {profile.server} as {profile.connector_id}."
    else:
        head = f"Disconnected by {profile.server} at {moment(profile.ended)}: run `dovetail connect` to connect again."
    lines = [
        head,
        *(f"  Calendar:    {spec}" for _, spec in sorted(profile.calendars.items())),
        *(f"  Reached by:  {way.name}. {way.reason}" for way in ways),
        f"  Mode:        {profile.mode}, {_pace(profile, realtime)}; {'running' if running else 'not running'}",
        *(f"  Real time:   {words}" for words in _realtime_words(realtime)),
        f"  Last sync:   {moment(done.started) if done else 'none yet'}",
        f"  Next sync:   {moment(due)}",
        f"  Credential:  {credential or 'missing'}",
        *(f"  Network:     {words}" for words in _network_words(sighting)),
    ]
    if report is not None:
        lines += [f"  Diagnosis:   {moment(report.at)}: {report.verdict}", f"               To do: {report.to_do}"]
    if last is not None and last is not done:
        lines.append(f"  Last try:    {moment(last.started)}, {last.outcome}: {last.reason}")
    return lines + (problem_lines(last) if last else [])


def _pace(profile: Profile, realtime: RealtimeState | None) -> str:
    """When it syncs, in one line."""
    if realtime is not None:
        return realtime.line(profile.interval_minutes)
    every = f"every {profile.interval_minutes} min"
    return {"manual": "on demand", "auto": every}.get(profile.mode, f"at once while it runs, else {every}")


def _realtime_words(realtime: RealtimeState | None) -> list[str]:
    """What stands in its way, and what to ask IT for."""
    return [words for words in (*realtime.port_lines(), realtime.for_it()) if words] if realtime else []


def _realtime_facts(realtime: RealtimeState) -> dict[str, Any]:
    words = {"live": realtime.is_live, "blocked": realtime.port_lines(), "for_it": realtime.for_it()}
    return {**realtime.model_dump(mode="json"), **words}


def _network_words(sighting: Sighting) -> list[str]:
    """How the last connection went, and what its owner should know of it."""
    from dovetail.connector.link.sighting import inspection_words

    way = f"{sighting.way} ({sighting.found})" if sighting.way else ""
    return [words for words in (way, sighting.notice, inspection_words(sighting)) if words]


def _last(runs: list[RunReport]) -> tuple[RunReport | None, RunReport | None]:
    """The last try, and the last one that went through."""
    return next(iter(runs), None), next((run for run in runs if run.outcome.is_done), None)
