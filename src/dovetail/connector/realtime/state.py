"""How real time is doing, as the running connector keeps it for ``dovetail status`` and tells it in one line."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from dovetail.connector.atomic import write_private
from dovetail.connector.realtime.diagnosis import ONLY_THE_USER_HELPS, Trouble, for_it, sentence
from dovetail.connector.realtime.ladder import Place, Rung

FILE_NAME = "realtime.json"
LONGEST = 500
"""Characters of a sentence that the server takes."""
_WORDS = {Rung.DIRECT_TLS: "TLS", Rung.STARTTLS: "STARTTLS", Rung.WEBSOCKET: "WebSocket"}


class Phase(StrEnum):
    LIVE = "live"
    TRYING = "trying"  # no verdict yet
    DOWN = "down"  # synced on the interval until a way is open
    NOT_OFFERED = "not-offered"  # the server sends no hints
    UNKNOWN = "unknown"  # no sync has told yet where the server sends its hints

    @property
    def is_told(self) -> bool:
        """Whether there is something to say of it."""
        return self in (Phase.LIVE, Phase.DOWN, Phase.NOT_OFFERED)


class Port(BaseModel):
    """What the last try of a place came to; `trouble` is None where it was open."""

    model_config = ConfigDict(frozen=True)

    rung: Rung
    host: str
    port: int
    trouble: Trouble | None
    at: datetime

    @property
    def place(self) -> Place:
        return Place(self.rung, self.host, self.port)


class RealtimeState(BaseModel):
    """`rung` is the one in use while live; `trouble` what ended the last connection, or kept the best way closed."""

    model_config = ConfigDict(frozen=True)

    phase: Phase = Phase.UNKNOWN
    rung: Rung | None = None
    since: datetime | None = None
    trouble: Trouble | None = None
    ports: tuple[Port, ...] = ()
    sessions: int = 0
    resumed: int = 0

    def with_port(self, place: Place, trouble: Trouble | None, at: datetime) -> RealtimeState:
        """With a new verdict in the place of an older one."""
        port = Port(rung=place.rung, host=place.host, port=place.port, trouble=trouble, at=at)
        others = [known for known in self.ports if known.place.rung != place.rung]
        order = list(Rung)
        ports = sorted([*others, port], key=lambda known: order.index(known.rung))
        return self.model_copy(update={"ports": tuple(ports)})

    @property
    def is_live(self) -> bool:
        return self.phase is Phase.LIVE

    def line(self, interval_minutes: int) -> str:
        """One line that is always true."""
        interval = f"every {interval_minutes} min"
        match self.phase:
            case Phase.LIVE if self.rung is not None:
                port = next((known.port for known in self.ports if known.rung is self.rung), 0)
                return f"at once (by {_WORDS[self.rung]} on port {port})"
            case Phase.NOT_OFFERED:
                return f"{interval} (this server offers no real time)"
            case Phase.DOWN if self.trouble in ONLY_THE_USER_HELPS:
                return f"{interval} ({self.reason()})"
            case Phase.DOWN:
                return f"{interval} (real time is not to be had: {self.reason()})"
            case _:
                return f"{interval}, until real time is there"

    def reason(self) -> str:
        """Why it is not live, or not by the best way; empty where all is well."""
        if self.trouble is None or not self.ports:
            return ""
        told = next((known for known in self.ports if known.trouble is self.trouble), self.ports[0])
        return sentence(self.trouble, told.place).rstrip(".")

    def port_lines(self) -> list[str]:
        """A sentence for each port that is closed."""
        return [sentence(known.trouble, known.place) for known in self.ports if known.trouble is not None]

    def for_it(self) -> str:
        """What to ask IT for; empty where nothing is blocked."""
        return for_it((known.place, known.trouble) for known in self.ports)

    def words(self, interval_minutes: int) -> tuple[str, ...]:
        """For the server's page: the line, what is in the way of hints, what to ask IT for."""
        found = (self.line(interval_minutes), *self.port_lines(), self.for_it())
        return tuple(words[:LONGEST] for words in found if words)


def write_state(file: Path, state: RealtimeState) -> None:
    write_private(file, state.model_dump_json(indent=2) + "\n")


def read_state(file: Path) -> RealtimeState:
    """An unknown one where nothing was kept."""
    try:
        return RealtimeState.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return RealtimeState()
