"""The listeners alone, as a program: arguments are the certificate and its key. Prints its two ports.

Its data directory is that of the tests that start it.
"""

import asyncio
import os
import sys
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "dovetail.server.settings"

import django

django.setup()


async def main(certificate: Path, key: Path) -> None:
    from dovetail.server.realtime.hub import Hub
    from dovetail.server.realtime.service import Service
    from dovetail.server.realtime.signin import Database
    from dovetail.server.web import listen, tls

    context = tls.server_context(certificate, key, "xmpp-client")
    with listen.bound("127.0.0.1", 0) as starttls, listen.bound("127.0.0.1", 0) as direct:
        await Service(Hub("localhost", Database())).start(context, starttls, direct)
        print(listen.port_of(starttls), listen.port_of(direct), flush=True)
        await asyncio.Event().wait()


asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
