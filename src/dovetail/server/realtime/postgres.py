"""Between processes with PostgreSQL, on one machine or several: NOTIFY and LISTEN.

A thread listens, not the event loop: on Windows psycopg does not work with the usual one. When its connection was lost,
what was told meanwhile is lost too, so everybody is woken then. It needs a session of its own: a pooler must not share
it (PgBouncer: session pooling).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import closing
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, Error, connection, connections

from dovetail.protocol.hints import Hint
from dovetail.server.realtime import notices
from dovetail.server.realtime.bus import InProcess, Sessions

log = logging.getLogger(__name__)

CHANNEL = "dovetail_realtime"
LOOK_SECONDS = 0.5
"""Between looks whether to stop."""
AGAIN_SECONDS = 2.0


class NotifyBus:
    """To the process on the same database that has the sessions. Called after a commit, in the thread that made it."""

    def hint(self, connector_id: str, hint: Hint) -> None:
        self._send(notices.hint(connector_id, hint))

    def kick(self, connector_id: str) -> None:
        self._send(notices.kick(connector_id))

    def _send(self, notice: str) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, notice])
        except Error as error:
            log.error("A hint was lost: %s", type(error).__name__)


class NotifyInbox:
    """Of the process that has the sessions."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    async def start(self, sessions: Sessions) -> None:
        """Returns when it listens, or could not at first."""
        bus, listening = InProcess(sessions, asyncio.get_running_loop()), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(bus, listening), name="listen", daemon=True)
        self._thread.start()
        await asyncio.to_thread(listening.wait, 10)

    async def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 10)

    def _run(self, bus: InProcess, listening: threading.Event) -> None:
        while not self._stopping.is_set():
            try:
                with closing(connections.create_connection(DEFAULT_DB_ALIAS)) as own:
                    self._listen(cast(Any, own), bus, listening)
            except Error as error:
                log.error("Hints of other processes are not heard: %s", type(error).__name__)
                listening.set()
                self._stopping.wait(AGAIN_SECONDS)

    def _listen(self, own: Any, bus: InProcess, listening: threading.Event) -> None:
        own.ensure_connection()
        raw = own.connection
        raw.execute(f"LISTEN {CHANNEL}")
        if listening.is_set():
            bus.missed()
        listening.set()
        with own.wrap_database_errors:
            while not self._stopping.is_set():
                for told in raw.notifies(timeout=LOOK_SECONDS, stop_after=1):
                    self._deliver(told.payload, bus)

    def _deliver(self, notice: str, bus: InProcess) -> None:
        try:
            notices.deliver(notice, bus)
        except (ValueError, KeyError):
            log.error("Another version of the server runs beside this one")
