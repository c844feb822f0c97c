"""Dovetail's XMPP listeners alone, for a bench: ``python -m benchmarks.peers.dovetail_listeners CERT KEY``.

Its data are in DOVETAIL_DATA. Reads one JSON line with the accounts, prints its port for direct TLS; after that each
line ``<Connector ID> <cursor>`` is a hint, as it comes to the sessions from elsewhere in the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "dovetail.server.settings"

import django

django.setup()


def fill(names: list[str], password: str) -> None:
    from django.core.management import call_command

    from dovetail.protocol.credential import Verifier
    from dovetail.server.accounts.models import User
    from dovetail.server.connections.models import Connection

    call_command("migrate", verbosity=0)
    users = User.objects.bulk_create(User(email=f"{name}@example.org") for name in names)
    verifier = Verifier.of(password)
    Connection.objects.bulk_create(
        Connection(
            user=user,
            connector_id=name.upper(),
            salt=verifier.salt,
            stored_key=verifier.stored_key,
            server_key=verifier.server_key,
        )
        for user, name in zip(users, names, strict=True)
    )


async def main(certificate: Path, key: Path) -> None:
    from dovetail.protocol.hints import Hint
    from dovetail.server.realtime.hub import Hub
    from dovetail.server.realtime.service import Service
    from dovetail.server.realtime.signin import Database
    from dovetail.server.web import listen, tls

    hub = Hub("localhost", Database())
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    context = tls.server_context(certificate, key, "xmpp-client")
    with listen.bound("127.0.0.1", 0) as starttls, listen.bound("127.0.0.1", 0) as direct:
        service = Service(hub)
        await service.start(context, starttls, direct)
        print(listen.port_of(direct), flush=True)
        while line := await reader.readline():
            connector_id, cursor = line.decode().split()
            hub.hint(connector_id, Hint(cursor=cursor))
        await service.stop()


if __name__ == "__main__":
    accounts = json.loads(sys.stdin.buffer.readline())
    fill(**accounts)
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
