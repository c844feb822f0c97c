"""``dovetail proxy``: which way out this PC's connector takes, and the name and password for a proxy.

The password is asked for, or read from standard input: there is no option for it, because any program on the PC can
read the arguments of another. It may be entered before pairing, for pairing itself may need it.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.exit_codes import ExitCode
from dovetail.cli.failures import Failure, told_plainly
from dovetail.cli.options import HomeOption, JsonOption, is_terminal

if TYPE_CHECKING:
    from dovetail.connector.profile import Home


def proxy(
    address: Annotated[
        str | None, typer.Argument(metavar="[HOST:PORT]", help="The proxy that the name and password are for.")
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Keep this name, and a password, for it.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Forget the name and password for it.")] = False,
    use: Annotated[
        str | None,
        typer.Option(metavar="WAY", help="From now on: system, none, http://HOST:PORT, socks5://HOST:PORT or pac:URL."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say or change which proxy is used, and keep a name and password for one."""
    with told_plainly(as_json=as_json):
        from dovetail.connector.link.routes import read_mode, read_proxy
        from dovetail.connector.profile import find_home

        if address is None and (user is not None or forget):
            raise Failure("Name the proxy: dovetail proxy HOST:PORT --user NAME.", ExitCode.USAGE)
        chosen = find_home(home)
        if use is not None:
            with chosen.locked():
                chosen.write(chosen.paired().model_copy(update={"proxy": read_mode(use)}))
        name = read_proxy(address).name if address is not None else ""
        if forget:
            chosen.proxy_credentials.erase(name)
        elif user is not None:
            _keep(chosen, name, user, _password(password_stdin))
        facts = _facts(chosen, name)
    typer.echo(json.dumps({"ok": True, **facts}) if as_json else _told(facts))


def _keep(home: Home, proxy: str, user: str, password: str) -> None:
    from dovetail.connector.link.routes import ProxyCredential

    home.gate.forget()
    home.proxy_credentials.save(proxy, ProxyCredential(user, password))


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not is_terminal():
        raise Failure("The password is missing: use --password-stdin.", ExitCode.USAGE)
    return str(typer.prompt("Password for the proxy", hide_input=True, err=True))


def _facts(home: Home, name: str) -> dict[str, object]:
    profile = home.read()
    kept = home.proxy_credentials.load(name) if name else None
    sighting = home.sighting()
    return {
        "proxy": profile.proxy if profile else "system",
        "last_way": sighting.way,
        "found": sighting.found,
        "credential_for": name if kept else None,
        "credential": kept[1].words if kept else None,
    }


def _told(facts: dict[str, object]) -> str:
    lines = [f"Proxy: {facts['proxy']}."]
    if facts["last_way"]:
        lines.append(f"The last connection went {facts['last_way']} ({facts['found']}).")
    if facts["credential_for"]:
        lines.append(f"The name and password for {facts['credential_for']} are kept in {facts['credential']}.")
    return "\n".join(lines)
