"""The one message that connector and server exchange: ``POST /connector/v1/sync``.

Everything is state, nothing is an event that must not be lost (DESIGN.md, "Everything is state; hints only wake"):

* the connector *reports*: its calendars, their busy time in 7-day chunks, and what became of the items it wrote for
  bookings. One root digest covers the three (:mod:`dovetail.protocol.report`);
* the server answers with its settings and with the *desired state* of every booking that changed after a cursor.

All instants are UTC. Times of busy blocks are whole minutes since 1970-01-01T00:00Z, ``[start, end)``.
Unknown fields are refused: a newer peer is told so by version, never half understood.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import IntEnum, StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

PROTOCOL_VERSION = 1
SUPPORTED_VERSIONS = (1,)

MAX_SYNC_BYTES = 16 * 1024 * 1024
MAX_CALENDARS = 200
MAX_CHUNKS = 200 * 110
MAX_BLOCKS = 7 * 24 * 60
MAX_ITEMS = 20_000


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("an instant needs a UTC offset")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("an instant lies in the years 1 to 9999") from None


Instant = Annotated[datetime, AfterValidator(_utc)]
CalendarKey = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Revision = Annotated[int, Field(ge=0, lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
NO_NUL = r"^[^\x00]*$"
"""PostgreSQL keeps no NUL in a text."""


class Message(BaseModel):
    """Frozen; refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SyncMode(StrEnum):
    REAL_TIME = "real-time"
    AUTO = "auto"
    MANUAL = "manual"


class Access(StrEnum):
    """What the connector may do with a calendar."""

    BOOKABLE = "bookable"
    BUSY_ONLY = "busy_only"
    UNREADABLE = "unreadable"


class ShowAs(IntEnum):
    """Outlook's OlBusyStatus numbers, as a booking's item shows itself."""

    FREE = 0
    TENTATIVE = 1
    BUSY = 2
    OUT_OF_OFFICE = 3
    WORKING_ELSEWHERE = 4


# --- connector → server -------------------------------------------------------------------------------------------


class CalendarReport(Message):
    """A calendar as its owner sees it named. The key is opaque and stable for one Connector ID."""

    key: CalendarKey
    name: Annotated[str, Field(max_length=200, pattern=NO_NUL)]
    access: Access
    reason: Annotated[str, Field(max_length=300, pattern=NO_NUL)] = ""
    default: bool = False


class Chunk(Message):
    """The busy blocks ``(start, end, status)`` of one calendar in one 7-day UTC chunk; without blocks it is free."""

    calendar: CalendarKey
    index: int
    digest: Digest
    blocks: Annotated[tuple[tuple[int, int, int], ...], Field(max_length=MAX_BLOCKS)]


class ItemOutcome(StrEnum):
    """What became of the item of one booking in one calendar."""

    WRITTEN = "written"
    GONE = "gone"  # the User deleted it
    ELSEWHERE = "elsewhere"  # the User moved it to another calendar, where it is an ordinary appointment
    UNKNOWN = "unknown"  # the calendar cannot be read at the moment
    FAILED = "failed"  # the calendar refused it; `reason` says why


class ItemReport(Message):
    """A booking's item in a calendar, at the revision last written there.

    `start`, `end` and `show_as` are the item's own: they differ from the booking's when the User moved or freed it.
    """

    booking: UUID
    calendar: CalendarKey
    revision: Revision
    outcome: ItemOutcome
    start: Instant
    end: Instant
    show_as: ShowAs
    reason: Annotated[str, Field(max_length=300, pattern=NO_NUL)] = ""


class Window(Message):
    """UTC days, both included, that the scan covered."""

    first_day: date
    last_day: date


class Report(Message):
    """The difference between what the server acknowledged last (`base`) and what holds now (`root`).

    A section that is ``None`` has not changed. Applied as a whole or not at all.
    """

    base: Digest
    root: Digest
    window: Window
    busy_as_of: dict[CalendarKey, Instant] = {}
    calendars: Annotated[tuple[CalendarReport, ...], Field(max_length=MAX_CALENDARS)] | None = None
    items: Annotated[tuple[ItemReport, ...], Field(max_length=MAX_ITEMS)] | None = None
    chunks: Annotated[tuple[Chunk, ...], Field(max_length=MAX_CHUNKS)] = ()
    confirmed_removals: tuple[CalendarKey, ...] = ()


class Change(StrEnum):
    DELETED = "deleted"
    MOVED = "moved"


class Feedback(Message):
    """The User changed a booking's item in the main booking calendar. `revision` is the one the item was written at.

    Repeating a feedback is harmless: the server acts only while the booking still has that revision.
    """

    booking: UUID
    revision: Revision
    change: Change
    start: Instant | None = None
    end: Instant | None = None


class Problem(Message):
    """Something a User should know about a calendar. Carries no text from an appointment."""

    calendar: CalendarKey
    code: Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,39}$")]
    count: Count = 1


class Health(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"  # some items or a calendar could not be read
    HELD = "held"  # deletions wait for confirmation


class Push(StrEnum):
    """How the server's hints reach a connector in real-time mode."""

    DIRECT_TLS = "direct-tls"
    STARTTLS = "starttls"
    WEBSOCKET = "websocket"
    NONE = "none"  # not at all at the moment: it syncs on the interval


Sentence = Annotated[str, Field(max_length=500, pattern=NO_NUL)]
MAX_PUSH_WORDS = 5


class ConnectorStatus(Message):
    """`interval_minutes` is the one kept at the moment, longer while hints come. `push` is None outside real-time mode;
    `push_words` tell the User what `dovetail status` would: when it syncs, in a line, and below it what is in the way
    of hints and what to ask IT for. They name the server's host and ports, nothing of the PC or its network."""

    version: Annotated[str, Field(max_length=40, pattern=NO_NUL)]
    platform: Annotated[str, Field(max_length=80, pattern=NO_NUL)]
    mode: SyncMode
    interval_minutes: Annotated[int, Field(ge=1, le=60)]
    push: Push | None = None
    push_words: Annotated[tuple[Sentence, ...], Field(max_length=MAX_PUSH_WORDS)] = ()
    health: Health = Health.OK
    held_deletions: Count = 0
    problems: Annotated[tuple[Problem, ...], Field(max_length=MAX_CALENDARS)] = ()


class SyncRequest(Message):
    """`report` is absent in a first request, when the connector does not know yet what it is to scan."""

    protocol: int = PROTOCOL_VERSION
    epoch: int
    connector: ConnectorStatus
    cursor: Annotated[str, Field(max_length=64)] = ""
    calendars: Annotated[tuple[CalendarReport, ...], Field(max_length=MAX_CALENDARS)] | None = None
    report: Report | None = None
    feedback: Annotated[tuple[Feedback, ...], Field(max_length=MAX_ITEMS)] = ()


# --- server → connector -------------------------------------------------------------------------------------------


class BookingState(StrEnum):
    LIVE = "live"
    CANCELED = "canceled"


class DesiredBooking(Message):
    """How a booking's items are to look. `calendars`: the main booking calendar first, then the additional ones."""

    booking: UUID
    revision: int
    state: BookingState
    start: Instant
    end: Instant
    subject: str
    body: str
    location: str
    show_as: ShowAs
    calendars: tuple[CalendarKey, ...]


class Roles(Message):
    """Which calendars bookings go to and which block time. The main booking calendar always blocks too."""

    main: CalendarKey | None = None
    busy: tuple[CalendarKey, ...] = ()
    additional: tuple[CalendarKey, ...] = ()


class Realtime(Message):
    """Where the server waits with its hints (:mod:`dovetail.protocol.hints`). A port is None where it is switched off.

    `domain` is that of the JID, `host` the name the ports are open at and their certificate is for. `websocket` is a
    path (RFC 7395) at the address the connector syncs with, or another address. `sender` is the component that hints
    come from; None where the domain itself sends them.
    """

    domain: Annotated[str, Field(min_length=1, max_length=253)]
    host: Annotated[str, Field(min_length=1, max_length=253)]
    starttls_port: Annotated[int, Field(ge=1, le=65535)] | None
    direct_tls_port: Annotated[int, Field(ge=1, le=65535)] | None
    websocket: Annotated[str, Field(pattern=r"^(/|wss://)", max_length=300)]
    sender: Annotated[str, Field(min_length=1, max_length=253)] | None = None


class Settings(Message):
    """What the User chose on the Calendar connection page. `window_days`: how far ahead a scan looks.
    `realtime` is None where the server sends no hints."""

    roles: Roles
    window_days: int
    delete_cancels: bool
    move_reschedules: bool
    realtime: Realtime | None = None


class ReportOutcome(StrEnum):
    NONE = "none"  # the request carried no report
    APPLIED = "applied"
    MISMATCH = "mismatch"  # it builds on a root the server does not have: `digests` says what it has
    REFUSED = "refused"  # it would remove too much at once from `refused` and nobody confirmed that


class KnownDigests(Message):
    """What the server holds, for a connector to send just the difference. Chunk keys are ``"<calendar>/<index>"``."""

    calendars: Digest
    items: Digest
    chunks: dict[str, Digest]


class ReportAnswer(Message):
    outcome: ReportOutcome
    root: Digest
    digests: KnownDigests | None = None
    refused: tuple[CalendarKey, ...] = ()


class FeedbackOutcome(StrEnum):
    ACCEPTED = "accepted"
    STALE = "stale"  # the booking has changed since: the newer state follows
    CONFLICT = "conflict"  # another booking has that time
    SWITCHED_OFF = "switched_off"
    HELD = "held"  # too many at once


class FeedbackAnswer(Message):
    booking: UUID
    outcome: FeedbackOutcome


class SyncResponse(Message):
    """`full`: the bookings are all that stand, because the cursor was empty or too old; others are ours no more."""

    protocol: int = PROTOCOL_VERSION
    epoch: int
    server_time: Instant
    settings: Settings
    report: ReportAnswer
    cursor: str
    full: bool
    bookings: tuple[DesiredBooking, ...]
    feedback: tuple[FeedbackAnswer, ...] = ()


class SessionResponse(Message):
    """The short-lived bearer key that a SCRAM exchange earns."""

    key: str
    expires_in: int
    epoch: int
    protocols: tuple[int, ...] = SUPPORTED_VERSIONS
