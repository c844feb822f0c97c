"""Server and connector on this machine, for a newcomer: ``dovetail demo``, or by itself ``dovetail demo --check``.

Everything lives in one temporary directory: the server's data, the connector's home, the calendar folder. A calendar of
the caller's own is copied there first; Outlook's own files are read where they are, beside the demo's calendar.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from subprocess import TimeoutExpired

from httpx import HTTPError
from rich.console import Console
from rich.markup import escape

from dovetail.connector.calendars.port import CalendarError
from dovetail.demo import data_file
from dovetail.demo.appointments import ZONE, write_calendar
from dovetail.demo.firewall import Firewall
from dovetail.demo.people import PASSWORD, Customer, User
from dovetail.demo.programs import Connector, ProgramFailed, free_port, server
from dovetail.demo.steps import steps
from dovetail.demo.story import Falsehood, Story
from dovetail.demo.visitor import NoSuchForm

USER, EMAIL = "Ada", "ada@example.org"
CALENDAR = "Ada's diary"


class BadCalendar(ValueError):
    """The path given is no calendar the demo could copy."""


def run_check(calendar: Path | None, keep: bool, only_json: bool) -> bool:
    """The whole story by itself. Each step is printed with its result and time; the last line is one JSON object.

    True if all steps held; at the first that does not, the story ends.
    """
    console = Console(file=sys.stderr if only_json else sys.stdout, highlight=False)
    done, figures, failure = 0, {}, ""
    with home(keep, console) as directory, stage(directory, calendar) as story:
        figures = story.figures
        try:
            for step in steps(story):
                began = time.monotonic()
                title = step.__name__.replace("_", " ")
                with console.status(title):
                    seen = step(story)
                done += 1
                console.print(
                    f"[green]ok[/]  {title} [dim]({time.monotonic() - began:.1f} s)[/]\n      {escape(seen)}",
                    soft_wrap=True,
                )
        except (Falsehood, ProgramFailed, NoSuchForm, HTTPError, TimeoutExpired) as error:
            failure = f"{title}: {error}"
            console.print(f"[red]no[/]  {title}")
            console.print(f"      {error}\nThe server's last lines:\n{story.server.program.tail()}", markup=False)
    result = {"ok": not failure, "steps": done, **figures, **({"failure": failure} if failure else {})}
    print(json.dumps(result))  # noqa: T201 - what a script reads
    return not failure


def show(calendar: Path | None, keep: bool) -> None:
    """Both programs with a calendar full of appointments, until Ctrl-C."""
    console = Console(highlight=False)
    with (
        home(keep, console) as directory,
        console.status("Starting") as status,
        stage(directory, calendar, usual_ports=True) as story,
    ):
        story.pair(story.user.connect())
        with story.connector.running() as program:
            status.stop()
            console.print(_what_to_try(story), soft_wrap=True)
            with suppress(KeyboardInterrupt):
                while True:
                    time.sleep(0.5)
                    program.require_running()
                    story.server.program.require_running()
        console.print("\nStopping.")


def _what_to_try(story: Story) -> str:
    beside = f"\n  Outlook's file         {story.data_file} (tick it on Calendar connection)" if story.data_file else ""
    return f"""
[bold]Dovetail is running.[/] Your browser will warn: the certificate comes from this demo's own authority.

  Customers book here    {story.server.url}/{story.customer.page}/
  Sign in as {story.user.name}         {story.server.url}/   ({EMAIL} / {PASSWORD})
  The calendar folder    {story.calendar}{beside}

Try this:
  1. Book a time as a Customer: at once its .ics file is in the calendar folder, for the server wakes the connector.
  2. Copy an appointment in the folder to another name, change its DTSTART and DTEND: its slots close on the page when
     the folder has been quiet for ten seconds.
  3. Reschedule or cancel by the link on the confirmation: the file follows.
  4. Open Calendar connection: what the server knows, which way its hints reach the connector, the switches, Disconnect.
  5. dovetail status --home {story.connector.home}

Ctrl-C stops both programs."""


@contextmanager
def home(keep: bool, console: Console) -> Iterator[Path]:
    """The demo's directory; removed at the end unless it is to be kept."""
    directory = Path(tempfile.mkdtemp(prefix="dovetail-demo-"))
    try:
        yield directory
    finally:
        if keep:
            console.print(f"The data are kept in {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def stage(directory: Path, calendar: Path | None, *, usual_ports: bool = False) -> Iterator[Story]:
    """A server that runs, a User who has signed up, a connector that is not paired yet."""
    name = f"{CALENDAR} {directory.name.rpartition('-')[2]}"  # not to be found in the server's files by chance
    folder = directory / "calendar"
    outlook = calendar.absolute() if calendar and data_file.is_data_file(calendar) else None
    if calendar is None or outlook is not None:
        require_readable(outlook)
        write_calendar(folder, name, datetime.now(UTC).date())
    else:
        copy_calendar(calendar, folder, name)
    xmpp_ports = map(free_port, (5222, 5223) if usual_ports else (0, 0))
    with (
        closing(Firewall(*xmpp_ports)) as firewall,
        server(directory, usual_ports=usual_ports, public_xmpp=firewall.xmpp_ports) as running,
    ):
        front = replace(running, https_port=firewall.stands_before(running))
        user, customer = User(running, EMAIL, USER, ZONE), Customer(running, USER.lower())
        try:
            connector = Connector(directory / "connector", directory / "connector.log")
            yield Story(running, front, firewall, connector, folder, name, user, customer, outlook)
        finally:
            user.close()
            customer.close()


def require_readable(outlook: Path | None) -> None:
    """Raises BadCalendar."""
    try:
        if outlook is not None and not data_file.calendars(outlook):
            raise BadCalendar(f"{outlook} holds no calendar.")
    except CalendarError as error:
        raise BadCalendar(error.reason) from error


def copy_calendar(source: Path, folder: Path, name: str) -> None:
    """Copy a folder of ``.ics`` files, or one ``.ics`` file, so that the caller's own is not touched."""
    folder.mkdir()
    if source.is_dir():
        files = sorted(source.glob("*.ics"))
    elif source.is_file() and source.suffix.lower() == ".ics":
        files = [source]
    else:
        raise BadCalendar(
            f"{source} is neither a folder of .ics files nor an .ics file, nor an Outlook data file (.pst, .ost) or a"
            " folder of .msg files."
        )
    if not files:
        raise BadCalendar(f"{source} holds no .ics file.")
    for file in files:
        shutil.copyfile(file, folder / file.name)
    (folder / "displayname").write_text(name)


def end_as_by_ctrl_c() -> None:
    """Also when the demo is told to end, or its terminal is closed: no program of it stays behind."""
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def main(check: bool, calendar: Path | None, keep: bool, as_json: bool) -> int:
    """The exit code of ``dovetail demo``. With `as_json` a check prints its JSON line only."""
    end_as_by_ctrl_c()
    try:
        if check or as_json:
            return 0 if run_check(calendar, keep, as_json) else 1
        show(calendar, keep)
    except (BadCalendar, ProgramFailed) as error:
        print(f"dovetail: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0
