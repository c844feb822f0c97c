"""The connector's database: one SQLite file (WAL, ``synchronous=FULL``) with what it remembers and what it is about
to do.

Every change is one ``BEGIN IMMEDIATE`` transaction, and none is open while a calendar or the server is talked to. The
server's cursor, the bookings and the links to their items are in the same transaction: none survives the others.

A write to a calendar is journalled before it is done: *planned*, then *acted* together with its result, and it leaves
once the server has acknowledged it (*confirmed*). A crash in between costs a look at the calendar, never a duplicate.

The file is not precious. If it is damaged it is renamed aside; if it belongs to another pairing or another version of
this module it is emptied. What is lost is learnt again from the stamps in the calendar and from the server.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from dovetail.connector.calendars.port import CalendarInfo, Item
from dovetail.connector.sync.keys import Identity
from dovetail.connector.sync.runs import RunReport
from dovetail.connector.sync.state import Acknowledged, Base, Held, Intent, Link, LinkKey, Memory, Part, Step
from dovetail.protocol.messages import DesiredBooking, Settings, Window
from dovetail.schedule.intervals import Interval

SCHEMA = 1
RUNS_KEPT = 200

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS base (calendar TEXT PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item (calendar TEXT, handle TEXT, body TEXT NOT NULL, PRIMARY KEY (calendar, handle))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS held (calendar TEXT, handle TEXT, since TEXT NOT NULL, confirmed INTEGER NOT NULL,
    PRIMARY KEY (calendar, handle)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (calendar TEXT, part TEXT, since TEXT NOT NULL, confirmed INTEGER NOT NULL,
    PRIMARY KEY (calendar, part)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS link (booking TEXT, calendar TEXT, body TEXT NOT NULL, PRIMARY KEY (booking, calendar))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS desired (booking TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunk (calendar TEXT, number INTEGER, digest TEXT NOT NULL, PRIMARY KEY (calendar, number))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intent (booking TEXT, calendar TEXT, revision INTEGER NOT NULL, step TEXT NOT NULL,
    PRIMARY KEY (booking, calendar)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS run (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
"""
_FORGOTTEN = ("meta", "base", "item", "held", "refused", "link", "desired", "chunk", "intent")

_ITEM = TypeAdapter(Item)
_LINK = TypeAdapter(Link)
_RUN = TypeAdapter(RunReport)
_META: dict[str, TypeAdapter[Any]] = {
    "calendars": TypeAdapter(tuple[CalendarInfo, ...]),
    "settings": TypeAdapter(Settings | None),
    "cursor": TypeAdapter(str),
    "window": TypeAdapter(Window | None),
    "skew": TypeAdapter(timedelta),
}

Row = tuple[Any, ...]


class Journal:
    """For one sync at a time: the connector's home is locked by who works on it. Reading is always possible.

    `set_aside` is where a damaged file was moved when this one was opened, if it was.
    """

    def __init__(self, path: Path, identity: Identity) -> None:
        self.path = path
        self.identity = identity
        self.set_aside: Path | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = self._opened()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "lock" in str(error):
                raise
            self.set_aside = _set_aside(path)
            self._db = self._opened()

    def _opened(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30)
        try:
            if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("damaged")
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            owner = f"{SCHEMA}/{self.identity.connector_id}/{self.identity.epoch}"
            with _writing(db):
                for statement in _TABLES.split(";"):
                    db.execute(statement)
                if db.execute("SELECT value FROM meta WHERE name = 'owner'").fetchone() != (owner,):
                    for table in _FORGOTTEN:
                        db.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
                    db.execute("INSERT INTO meta VALUES ('owner', ?)", (owner,))
        except BaseException:
            db.close()
            raise
        return db

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what is remembered -----------------------------------------------------------------------------------------

    def load(self) -> Memory:
        """All of it, as it was at one moment."""
        self._db.execute("BEGIN")
        try:
            return self._load()
        finally:
            self._db.execute("COMMIT")

    def _load(self) -> Memory:
        meta = dict(self._db.execute("SELECT name, value FROM meta"))
        items: dict[str, dict[str, Item]] = {}
        for calendar, handle, body in self._db.execute("SELECT calendar, handle, body FROM item"):
            items.setdefault(calendar, {})[handle] = _ITEM.validate_json(body)
        held: dict[str, dict[str, Held]] = {}
        for calendar, handle, since, confirmed in self._db.execute(
            "SELECT calendar, handle, since, confirmed FROM held"
        ):
            held.setdefault(calendar, {})[handle] = Held(datetime.fromisoformat(since), bool(confirmed))
        return Memory(
            bases={
                calendar: Base(Interval(first, last), items.get(calendar, {}), held.get(calendar, {}))
                for calendar, first, last in self._db.execute("SELECT calendar, first, last FROM base")
            },
            links={
                (UUID(booking), calendar): _LINK.validate_json(body)
                for booking, calendar, body in self._db.execute("SELECT booking, calendar, body FROM link")
            },
            desired={
                UUID(booking): DesiredBooking.model_validate_json(body)
                for booking, body in self._db.execute("SELECT booking, body FROM desired")
            },
            acknowledged=Acknowledged(
                **{name: meta[f"digest of {name}"] for name in ("calendars", "items") if f"digest of {name}" in meta},
                chunks={
                    (calendar, number): digest
                    for calendar, number, digest in self._db.execute("SELECT calendar, number, digest FROM chunk")
                },
            ),
            refused={
                (calendar, Part(part)): Held(datetime.fromisoformat(since), bool(confirmed))
                for calendar, part, since, confirmed in self._db.execute(
                    "SELECT calendar, part, since, confirmed FROM refused"
                )
            },
            **{name: kind.validate_json(meta[name]) for name, kind in _META.items() if name in meta},
        )

    def settings(self) -> Settings | None:
        """What the server told last, if it did yet."""
        row = self._db.execute("SELECT value FROM meta WHERE name = 'settings'").fetchone()
        settings: Settings | None = _META["settings"].validate_json(row[0]) if row else None
        return settings

    def commit(self, before: Memory, after: Memory, *, acknowledged: bool) -> None:
        """Make `after` what is remembered; `before` is what was until now. `acknowledged`: the server holds what we
        reported, so the writes that were acted on are confirmed."""
        with _writing(self._db):
            for name, kind in _META.items():
                if getattr(before, name) != getattr(after, name):
                    self._set(name, kind.dump_json(getattr(after, name)).decode())
            for name in ("calendars", "items"):
                self._set(f"digest of {name}", getattr(after.acknowledged, name))
            self._differ("base", ("calendar",), ("first", "last"), _base_rows(before), _base_rows(after))
            for calendar in before.bases.keys() | after.bases.keys():
                self._items(calendar, before.bases.get(calendar), after.bases.get(calendar))
            self._differ("held", ("calendar", "handle"), ("since", "confirmed"), _held_rows(before), _held_rows(after))
            self._differ(
                "refused", ("calendar", "part"), ("since", "confirmed"), _refused_rows(before), _refused_rows(after)
            )
            self._differ("link", ("booking", "calendar"), ("body",), _link_rows(before), _link_rows(after))
            self._differ("desired", ("booking",), ("body",), _desired_rows(before), _desired_rows(after))
            self._differ(
                "chunk",
                ("calendar", "number"),
                ("digest",),
                {key: (digest,) for key, digest in before.acknowledged.chunks.items()},
                {key: (digest,) for key, digest in after.acknowledged.chunks.items()},
            )
            if acknowledged:
                self._db.execute("DELETE FROM intent WHERE step = ?", (Step.ACTED,))

    def _items(self, calendar: str, before: Base | None, after: Base | None) -> None:
        """The items of one calendar, comparing values before turning any into text: there may be many thousands."""
        old: Mapping[str, Item] = before.items if before else {}
        new: Mapping[str, Item] = after.items if after else {}
        changed = [(h, item) for h, item in new.items() if old.get(h) is not item and old.get(h) != item]
        self._differ(
            "item",
            ("calendar", "handle"),
            ("body",),
            {(calendar, handle): () for handle in old},
            {(calendar, handle): () for handle in new if handle in old}
            | {(calendar, handle): (_ITEM.dump_json(item).decode(),) for handle, item in changed},
        )

    def _differ(
        self, table: str, keys: tuple[str, ...], values: tuple[str, ...], old: Mapping[Row, Row], new: Mapping[Row, Row]
    ) -> None:
        """Write the rows of `new` that differ from `old`, and delete those it lacks."""
        where = " AND ".join(f"{key} = ?" for key in keys)
        marks = ", ".join("?" for _ in keys + values)
        self._db.executemany(f"DELETE FROM {table} WHERE {where}", [key for key in old if key not in new])  # noqa: S608
        self._db.executemany(
            f"INSERT OR REPLACE INTO {table} ({', '.join(keys + values)}) VALUES ({marks})",  # noqa: S608
            [key + row for key, row in new.items() if old.get(key) != row],
        )

    def _set(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def confirm_removals(self) -> int:
        """The User says that the deletions which wait now are meant. Gives how many there were."""
        with _writing(self._db):
            held = self._db.execute("UPDATE held SET confirmed = 1").rowcount
            return held + self._db.execute("UPDATE refused SET confirmed = 1").rowcount

    # --- what is about to be done -----------------------------------------------------------------------------------

    def plan(self, key: LinkKey, revision: int) -> None:
        """About to write this booking's item."""
        with _writing(self._db):
            self._db.execute(
                "INSERT OR REPLACE INTO intent VALUES (?, ?, ?, ?)", (str(key[0]), key[1], revision, Step.PLANNED)
            )

    def acted(self, key: LinkKey, link: Link, item: Item | None) -> None:
        """The calendar holds `item` now, and `link` says so."""
        with _writing(self._db):
            self._keep_link(key, link)
            if item is not None:
                self._db.execute(
                    "INSERT OR REPLACE INTO item VALUES (?, ?, ?)",
                    (key[1], item.handle, _ITEM.dump_json(item).decode()),
                )
            self._db.execute(
                "UPDATE intent SET step = ? WHERE booking = ? AND calendar = ?", (Step.ACTED, str(key[0]), key[1])
            )

    def gave_up(self, key: LinkKey, link: Link | None) -> None:
        """Nothing was written; `link`, if any, says why."""
        with _writing(self._db):
            if link is not None:
                self._keep_link(key, link)
            self._db.execute("DELETE FROM intent WHERE booking = ? AND calendar = ?", (str(key[0]), key[1]))

    def intents(self) -> list[Intent]:
        rows = self._db.execute("SELECT booking, calendar, revision, step FROM intent ORDER BY booking, calendar")
        return [Intent(UUID(booking), calendar, revision, Step(step)) for booking, calendar, revision, step in rows]

    def _keep_link(self, key: LinkKey, link: Link) -> None:
        row = (str(key[0]), key[1], _LINK.dump_json(link).decode())
        self._db.execute("INSERT OR REPLACE INTO link VALUES (?, ?, ?)", row)

    # --- what was done ----------------------------------------------------------------------------------------------

    def record(self, run: RunReport) -> None:
        with _writing(self._db):
            self._db.execute("INSERT INTO run (body) VALUES (?)", (_RUN.dump_json(run).decode(),))
            self._db.execute("DELETE FROM run WHERE id <= (SELECT max(id) FROM run) - ?", (RUNS_KEPT,))

    def runs(self, limit: int = 1) -> list[RunReport]:
        """The latest first."""
        rows = self._db.execute("SELECT body FROM run ORDER BY id DESC LIMIT ?", (limit,))
        return [_RUN.validate_json(body) for (body,) in rows]


@contextmanager
def _writing(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _set_aside(path: Path) -> Path:
    """Rename a damaged file, and what SQLite keeps beside it."""
    aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(aside.with_name(aside.name + suffix))
    return aside


def _base_rows(memory: Memory) -> dict[Row, Row]:
    return {(calendar,): tuple(base.window) for calendar, base in memory.bases.items()}


def _held_rows(memory: Memory) -> dict[Row, Row]:
    return {
        (calendar, handle): _hold_row(held)
        for calendar, base in memory.bases.items()
        for handle, held in base.held.items()
    }


def _refused_rows(memory: Memory) -> dict[Row, Row]:
    return {key: _hold_row(held) for key, held in memory.refused.items()}


def _hold_row(held: Held) -> Row:
    return held.since.isoformat(), int(held.confirmed)


def _link_rows(memory: Memory) -> dict[Row, Row]:
    return {(str(b), calendar): (_LINK.dump_json(link).decode(),) for (b, calendar), link in memory.links.items()}


def _desired_rows(memory: Memory) -> dict[Row, Row]:
    return {(str(booking),): (wanted.model_dump_json(),) for booking, wanted in memory.desired.items()}
