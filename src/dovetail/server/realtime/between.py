"""How the processes of one installation tell each other of hints: by the database they share."""

from __future__ import annotations

from typing import Protocol

from django.conf import settings
from django.db import connection

from dovetail.server.realtime.bus import HintBus, Sessions
from dovetail.server.realtime.local import LocalBus, LocalInbox
from dovetail.server.realtime.postgres import NotifyBus, NotifyInbox


class Inbox(Protocol):
    """Where the process that has the sessions hears of the others' hints."""

    async def start(self, sessions: Sessions) -> None: ...

    async def stop(self) -> None: ...


def bus() -> HintBus:
    """To the process that has the sessions."""
    return NotifyBus() if connection.vendor == "postgresql" else LocalBus(settings.DATA, settings.SECRET_KEY)


def inbox() -> Inbox:
    return NotifyInbox() if connection.vendor == "postgresql" else LocalInbox(settings.DATA, settings.SECRET_KEY)
