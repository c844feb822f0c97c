"""The running connector: a pairing's calendar, server and journal, put together for the sync engine."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from dovetail import __version__
from dovetail.connector.calendar_spec import open_calendars
from dovetail.connector.calendars.port import CalendarError, CalendarPort, Progress, no_progress
from dovetail.connector.calendars.ways import write_ways
from dovetail.connector.link.port import Disconnected
from dovetail.connector.pairing import credential_of, ended_by_server, reach
from dovetail.connector.profile import Home, Profile
from dovetail.connector.realtime.state import RealtimeState
from dovetail.connector.sync.engine import MANUAL, About, Engine
from dovetail.connector.sync.journal import RUNS_KEPT, Journal
from dovetail.connector.sync.keys import Identity
from dovetail.connector.sync.runs import RunReport
from dovetail.connector.sync.scheduler import RECONCILE, Scheduler
from dovetail.protocol.messages import Access, Push, Realtime, Settings, SyncMode

if TYPE_CHECKING:
    from dovetail.connector.realtime.listener import Listener

RECONCILE_MINUTES = round(RECONCILE / 60)


class Connector:
    """One pairing at work. Made by :func:`open_connector`."""

    def __init__(self, home: Home, profile: Profile, calendar: CalendarPort, journal: Journal, engine: Engine) -> None:
        self.profile = profile
        self._home = home
        self._calendar = calendar
        self._journal = journal
        self._engine = engine

    def confirm_deletions(self) -> int:
        """The deletions that are held now are meant; how many there were."""
        return self._journal.confirm_removals()

    def sync(self, trigger: str = MANUAL, progress: Progress = no_progress) -> RunReport:
        """One sync, now. Raises LinkError, and ProfileInUse when one of another process takes too long."""
        with self._home.syncing():
            report = self._engine.sync(trigger, progress)
            with suppress(CalendarError, OSError):
                write_ways(self._home.ways_file, self._calendar.capabilities().ways)
            return report

    def takes_bookings(self) -> bool:
        """False where there are calendars and bookings can be written to none of them. Between two syncs."""
        listed = self._journal.load().calendars
        return not listed or any(info.access is Access.BOOKABLE for info in listed)

    def scheduler(self, every: float | None = None) -> Scheduler:
        """What calls :meth:`sync` when it is time; `every` so many seconds instead of the profile's interval."""
        profile = self.profile
        return Scheduler(self.sync, profile.mode, profile.interval_minutes, self._calendar.watch, every=every)

    def listener(
        self, wake: Callable[[], None], told: Callable[[RealtimeState], None], every: float | None = None
    ) -> Listener:
        """What waits for the server's hints; `every` so many seconds it looks for a better way. Raises NotPaired."""
        from dovetail.connector.realtime.listener import Listener, Rhythm

        profile = self.profile
        egress = self._home.egress(profile, keep=False)
        credential = credential_of(self._home, profile)
        rhythm = Rhythm() if every is None else Rhythm(better_every=every)
        return Listener(profile.server, credential, egress, wake, told, rhythm=rhythm)

    def announced(self) -> Realtime | None:
        """Where the server said last that it sends its hints. Between two syncs."""
        settings = self._journal.settings()
        return settings.realtime if settings else None

    def use_mode(self, mode: SyncMode) -> None:
        """From the next sync on. Between two syncs."""
        self.profile = self.profile.model_copy(update={"mode": mode})
        self._engine.about = _about(self.profile)

    def note_realtime(self, state: RealtimeState) -> None:
        """For the server to know from the next sync on, and for status."""
        about = _about(self.profile)
        about = replace(about, push_words=state.words(about.interval_minutes))
        if state.rung is not None:
            about = replace(
                about, push=Push(state.rung), interval_minutes=max(RECONCILE_MINUTES, about.interval_minutes)
            )
        self._engine.about = about


@contextmanager
def open_connector(home: Home, profile: Profile) -> Iterator[Connector]:
    """Everything open for as long as the context lasts. A Disconnected that passes through ends the pairing here.

    Raises NotPaired, Disconnected, BadCaFile and CalendarError.
    """
    try:
        with ExitStack() as opened:
            server = opened.enter_context(reach(home, profile))
            calendar = opened.enter_context(closing(open_calendars(profile.calendars)))
            journal = opened.enter_context(Journal(home.journal_file, _identity(profile)))
            engine = Engine(calendar, server, journal, _about(profile))
            connector = Connector(home, profile, calendar, journal, engine)
            if profile.mode is SyncMode.REAL_TIME and (state := home.realtime()) is not None:
                connector.note_realtime(state)
            yield connector
    except Disconnected:
        if profile.ended is None:
            ended_by_server(home, profile)
        raise


def recent_runs(home: Home, profile: Profile) -> list[RunReport]:
    """The last syncs, the latest first."""
    if not home.journal_file.exists():
        return []
    with Journal(home.journal_file, _identity(profile)) as journal:
        return journal.runs(RUNS_KEPT)


def last_settings(home: Home, profile: Profile) -> Settings | None:
    """What the server said last; None before the first sync."""
    if not home.journal_file.exists():
        return None
    with Journal(home.journal_file, _identity(profile)) as journal:
        return journal.settings()


def _identity(profile: Profile) -> Identity:
    return Identity(profile.connector_id, profile.epoch)


def _about(profile: Profile) -> About:
    """Of a connector that no hints reach."""
    system = f"{platform.system()} {platform.release()}"
    push = Push.NONE if profile.mode is SyncMode.REAL_TIME else None
    return About(__version__, system[:80], profile.mode, profile.interval_minutes, push)
