"""``dovetail serve``: the server in the foreground, made ready to serve from nothing.

1. bring the database up to date, 2. take the certificate given, or one of a local authority made for a trial,
3. serve until Ctrl-C or SIGTERM. The work is done in :mod:`dovetail.server.web.process`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.exit_codes import ExitCode
from dovetail.cli.failures import Failure, told_plainly
from dovetail.cli.options import DataOption, use_data

if TYPE_CHECKING:
    from dovetail.server.web.process import Listening, ServeOptions


def serve(
    data: DataOption = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name", metavar="HOST", help="A host name of this server; the first one is in links. Repeat for more."
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Interface to listen on; without it, all.")
    ] = None,
    https_port: Annotated[int, typer.Option(min=1, max=65535)] = 443,
    http_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where plain HTTP is redirected to HTTPS; 0 for nowhere.")
    ] = 80,
    xmpp_port: Annotated[
        int, typer.Option(min=0, max=65535, help="For real-time sync, XMPP with STARTTLS; 0 for none.")
    ] = 5222,
    xmpps_port: Annotated[
        int, typer.Option(min=0, max=65535, help="For real-time sync, XMPP with TLS from the start; 0 for none.")
    ] = 5223,
    public_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The HTTPS port as Customers see it, where a router changes it."),
    ] = None,
    public_xmpp_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The XMPP port as connectors see it, where a router changes it."),
    ] = None,
    public_xmpps_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The same for XMPP with TLS from the start."),
    ] = None,
    cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate with its chain, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate's private key, PEM.")] = None,
) -> None:
    """Run the server until Ctrl-C."""
    use_data(data)
    names = name or ["localhost"]
    port = public_port or https_port
    os.environ["DOVETAIL_BASE_URL"] = f"https://{names[0]}" + ("" if port == 443 else f":{port}")
    os.environ["DOVETAIL_HOSTS"] = " ".join(names)
    starttls, direct = xmpp_port and (public_xmpp_port or xmpp_port), xmpps_port and (public_xmpps_port or xmpps_port)
    os.environ["DOVETAIL_XMPP_PORTS"] = f"{starttls} {direct}"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dovetail.server.settings")
    with told_plainly():
        if (cert is None) != (key is None):
            raise Failure(
                "--cert and --key belong together: give both, or neither for a trial certificate.", ExitCode.USAGE
            )
        import django

        from dovetail.server.web import process

        django.setup()
        options = _options(names, host, https_port, http_port or None, port, cert, key)
        process.main(replace(options, xmpp_port=xmpp_port or None, xmpps_port=xmpps_port or None))


def _options(
    names: list[str],
    host: str | None,
    https_port: int,
    http_port: int | None,
    public_port: int,
    cert: Path | None,
    key: Path | None,
) -> ServeOptions:
    from django.conf import settings
    from django.core.management import call_command

    from dovetail.server.jobs.worker import Worker
    from dovetail.server.realtime.arrangement import arranged
    from dovetail.server.web import local_ca
    from dovetail.server.web.process import ServeOptions
    from dovetail.server.wsgi import application

    call_command("migrate", interactive=False, verbosity=0)
    renew = None
    if cert is None or key is None:
        renew = partial(local_ca.ensure, settings.DATA / "tls", names)
        trial = renew()
        cert, key = trial.certificate, trial.key
        typer.echo(trial.trust)
    return ServeOptions(
        application,
        cert,
        key,
        public_host=names[0],
        public_port=public_port,
        host=host,
        port=https_port,
        http_port=http_port,
        worker=Worker(),
        realtime=arranged(),
        renew=renew,
        on_ready=_say_ready,
    )


def _say_ready(listening: Listening) -> None:
    from django.conf import settings

    typer.echo(f"Dovetail serves {settings.BASE_URL} (data in {settings.DATA}). Ctrl-C stops it.")
