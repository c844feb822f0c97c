"""One pairing on this PC: what was chosen, and the folder where the connector keeps it and its memory.

The folder (``--home``, ``DOVETAIL_HOME``, or the system's place for a user's data) holds ``profile.json``, the journal,
a lock, and the credential where there is no keyring. The credential is not part of the profile: see
:mod:`dovetail.connector.link.credentials`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import platformdirs
from filelock import FileLock, Timeout
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from dovetail.connector.atomic import write_private
from dovetail.connector.calendars.ways import FILE_NAME as WAYS_FILE
from dovetail.connector.link.credentials import CredentialStore
from dovetail.connector.link.doctor import FILE_NAME as REPORT_FILE
from dovetail.connector.link.doctor import Report
from dovetail.connector.link.egress import Egress
from dovetail.connector.link.gate import FILE_NAME as TRIES_FILE
from dovetail.connector.link.gate import Gate
from dovetail.connector.link.proxy_credentials import ProxyCredentials
from dovetail.connector.link.routes import SYSTEM, ProxyCredential
from dovetail.connector.link.sighting import FILE_NAME as SIGHTING_FILE
from dovetail.connector.link.sighting import Sighting, read_sighting
from dovetail.connector.realtime.state import FILE_NAME as REALTIME_FILE
from dovetail.connector.realtime.state import RealtimeState, read_state
from dovetail.protocol.messages import SyncMode

DEFAULT_INTERVAL_MINUTES = 5


class ProfileError(Exception):
    """The profile cannot be used. The text says why, and what to do."""


class NotPaired(ProfileError):
    """There is no pairing, or it was ended."""


class ProfileInUse(ProfileError):
    """Another connector works on this profile now."""


class Profile(BaseModel):
    """`server` is an origin. `calendars` are specs such as ``folder:PATH`` by numbers that stay with them: see
    :mod:`dovetail.connector.calendar_spec`.

    `proxy` is as :func:`dovetail.connector.link.routes.read_mode` gives it, each of `pins` as
    :func:`dovetail.connector.link.tls.read_pin`.
    `ended` is when the server said that this connection is over: nothing is sent any more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str
    connector_id: str
    epoch: int
    calendars: dict[int, str]
    ca_file: Path | None = None
    pins: tuple[str, ...] = ()
    proxy: str = SYSTEM
    mode: SyncMode = SyncMode.AUTO
    interval_minutes: Annotated[int, Field(ge=1, le=60)] = DEFAULT_INTERVAL_MINUTES
    ended: AwareDatetime | None = None


class Home:
    """The folder of one profile and the names of the files in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.profile_file = folder / "profile.json"
        self.journal_file = folder / "journal.sqlite3"
        self.sighting_file = folder / SIGHTING_FILE
        self.realtime_file = folder / REALTIME_FILE
        self.ways_file = folder / WAYS_FILE
        self.credentials = CredentialStore(folder)
        self.proxy_credentials = ProxyCredentials(folder)
        self.gate = Gate(folder / TRIES_FILE)
        self._report_file = folder / REPORT_FILE
        self._next_sync_file = folder / "next-sync"

    def read(self) -> Profile | None:
        """The profile, or None where this PC was never paired. Raises ProfileError if it is damaged."""
        try:
            return Profile.model_validate_json(self.profile_file.read_bytes())
        except FileNotFoundError:
            return None
        except (ValidationError, OSError):
            raise ProfileError(f"{self.profile_file} is damaged: delete it and connect again.") from None

    def paired(self) -> Profile:
        """The profile of a pairing that stands. Raises NotPaired if there is none."""
        profile = self.read()
        if profile is None:
            raise NotPaired("This PC is not connected to a Dovetail server yet: run `dovetail connect`.")
        return profile

    def write(self, profile: Profile) -> None:
        write_private(self.profile_file, profile.model_dump_json(indent=2) + "\n")

    def choose_mode(self, mode: SyncMode) -> Profile:
        """Of syncing, from now on: a connector that is at work notices. Raises ProfileError."""
        chosen = self.paired().model_copy(update={"mode": mode})
        self.write(chosen)
        return chosen

    def egress(self, profile: Profile, *, keep: bool = True) -> Egress:
        """The way out that this profile goes. `keep` what is seen on it, for :meth:`sighting`."""
        return self.way_out(profile.proxy, profile.ca_file, profile.pins, keep=keep)

    def way_out(self, proxy: str, ca_file: Path | None, pins: tuple[str, ...] = (), *, keep: bool = False) -> Egress:
        """As :meth:`egress`, where there is no profile yet."""
        return Egress(
            proxy,
            ca_file=ca_file,
            pins=pins,
            credential_of=self._proxy_credential,
            gate=self.gate,
            sightings_file=self.sighting_file if keep else None,
        )

    def _proxy_credential(self, proxy: str) -> ProxyCredential | None:
        kept = self.proxy_credentials.load(proxy)
        return kept[0] if kept else None

    def sighting(self) -> Sighting:
        """What the last connections met on their way to the server."""
        return read_sighting(self.sighting_file)

    def keep_report(self, report: Report) -> None:
        """For :meth:`report`, and so for status."""
        write_private(self._report_file, report.model_dump_json(indent=2) + "\n")

    def report(self) -> Report | None:
        """The last diagnosis of the network; None where there is none that can be read."""
        try:
            return Report.model_validate_json(self._report_file.read_bytes())
        except (OSError, ValidationError):
            return None

    @contextmanager
    def locked(self, wait: float = 1.0) -> Iterator[None]:
        """Hold the profile: two connectors on one profile would work against each other.

        Waits for `wait` seconds, as long as a look at the lock takes. Raises ProfileInUse.
        """
        message = f"Another connector works with {self.folder}: stop `dovetail run` first, or name another --home."
        with self._lock("lock", wait, message):
            yield

    @contextmanager
    def syncing(self, wait: float = 120.0) -> Iterator[None]:
        """One sync at a time, whoever asks for it; waits for one that is under way. Raises ProfileInUse."""
        with self._lock("sync.lock", wait, "Another sync is under way and takes long: try again later."):
            yield

    @contextmanager
    def _lock(self, name: str, wait: float, message: str) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(self.folder / name)
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            raise ProfileInUse(message) from None
        try:
            yield
        finally:
            lock.release()

    def in_use(self) -> bool:
        """Whether a connector works on this profile at this moment."""
        try:
            with self.locked(wait=0):
                return False
        except ProfileInUse:
            return True

    def note_next_sync(self, due: datetime | None) -> None:
        """For :meth:`next_sync` in another process."""
        write_private(self._next_sync_file, due.isoformat() if due else "")

    def next_sync(self) -> datetime | None:
        """When the connector that is at work means to sync next; None if none is, or nothing is planned."""
        try:
            return datetime.fromisoformat(self._next_sync_file.read_text()) if self.in_use() else None
        except (OSError, ValueError):
            return None

    def realtime(self) -> RealtimeState | None:
        """How the connector that is at work does in real-time mode; None if none is, or it is in another mode."""
        return read_state(self.realtime_file) if self.realtime_file.exists() and self.in_use() else None

    def forget_memory(self) -> None:
        """Erase the journal; the calendar itself is not touched."""
        for file in self.folder.glob(f"{self.journal_file.name}*"):
            file.unlink(missing_ok=True)
        self._next_sync_file.unlink(missing_ok=True)
        self.realtime_file.unlink(missing_ok=True)
        self.ways_file.unlink(missing_ok=True)

    def forget(self, profile: Profile) -> None:
        """Erase the pairing from this PC: credential, memory and profile."""
        self.credentials.erase(profile.connector_id)
        self.forget_memory()
        for file in (self.sighting_file, self._report_file):
            file.unlink(missing_ok=True)
        self.profile_file.unlink(missing_ok=True)


def find_home(named: Path | None = None) -> Home:
    """`named`, or ``DOVETAIL_HOME``, or the system's place for this user's data."""
    chosen = named or os.environ.get("DOVETAIL_HOME")
    return Home(Path(chosen or platformdirs.user_data_dir("dovetail-connector", appauthor=False)).absolute())
