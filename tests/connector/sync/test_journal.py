from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from connector.sync.crashing import CrashingJournal
from dovetail.connector.calendars.memory import Died
from dovetail.connector.calendars.port import CalendarInfo, Draft, Item
from dovetail.connector.sync import journal as module
from dovetail.connector.sync.journal import RUNS_KEPT, Journal
from dovetail.connector.sync.keys import Identity
from dovetail.connector.sync.runs import LocalProblem, Outcome, RunReport
from dovetail.connector.sync.state import Acknowledged, Base, Held, Intent, Link, Memory, Part, Step, window_from
from dovetail.protocol.messages import (
    Access,
    BookingState,
    DesiredBooking,
    ItemOutcome,
    Roles,
    Settings,
    ShowAs,
)
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.intervals import Interval

ME = Identity("ABCDEFGH23", 1)
NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
BOOKING = UUID(int=7)
KEY = (BOOKING, "main")
DRAFT = Draft(NOW, NOW + timedelta(hours=1), "Intro call", "Ada", "", ShowAs.BUSY)
ITEM = Item(
    "main",
    "a",
    "1",
    (BusyBlock(10, 20, BusyStatus.BUSY), BusyBlock(30, 40, BusyStatus.TENTATIVE)),
    ME.stamp(BOOKING, 1, DRAFT.digest(), "a"),
    DRAFT,
)
OWN = Item("main", "b", "2~", (BusyBlock(50, 60, BusyStatus.OUT_OF_OFFICE),))
LINK = Link("a", 1, ItemOutcome.WRITTEN, DRAFT.start, DRAFT.end, ShowAs.BUSY)
MEMORY = Memory(
    calendars=(CalendarInfo("main", "Calendar", Access.BOOKABLE, default=True),),
    bases={
        "main": Base(Interval(0, 100), {"a": ITEM, "b": OWN}, {"gone": Held(NOW)}),
        "busy": Base(Interval(0, 100)),
    },
    links={KEY: LINK},
    desired={
        BOOKING: DesiredBooking(
            booking=BOOKING,
            revision=1,
            state=BookingState.LIVE,
            start=DRAFT.start,
            end=DRAFT.end,
            subject="Intro call",
            body="Ada",
            location="",
            show_as=ShowAs.BUSY,
            calendars=(ME.key("main"),),
        )
    },
    settings=Settings(roles=Roles(main=ME.key("main")), window_days=20, delete_cancels=True, move_reschedules=False),
    cursor="1.0-7",
    acknowledged=Acknowledged("a" * 64, "b" * 64, {(ME.key("main"), 3): "c" * 64}),
    window=window_from(NOW.date(), 20),
    skew=timedelta(seconds=-3, microseconds=17),
    refused={(ME.key("main"), Part.BUSY): Held(NOW), (ME.key("main"), Part.FEEDBACK): Held(NOW, confirmed=True)},
)
LATER = replace(
    MEMORY,
    bases={"main": Base(Interval(5, 105), {"a": replace(ITEM, version="9")})},
    links={},
    desired={},
    cursor="1.0-8",
    acknowledged=Acknowledged("a" * 64, "d" * 64, {(ME.key("main"), 4): "e" * 64}),
    refused={},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


def test_what_is_committed_is_remembered_whole(path: Path) -> None:
    with Journal(path, ME) as journal:
        assert journal.load() == Memory()
        journal.commit(Memory(), MEMORY, acknowledged=True)
    with Journal(path, ME) as journal:
        assert journal.load() == MEMORY
        journal.commit(MEMORY, LATER, acknowledged=True)
        assert journal.load() == LATER


@pytest.mark.parametrize("step", ["commit.before", "commit.inside"])
def test_a_commit_that_is_cut_off_changes_nothing(path: Path, step: str) -> None:
    with Journal(path, ME) as journal:
        journal.commit(Memory(), MEMORY, acknowledged=True)
    with CrashingJournal(path, ME) as journal:
        CrashingJournal.dying_at = step
        try:
            with pytest.raises(Died):
                journal.commit(MEMORY, LATER, acknowledged=True)
        finally:
            CrashingJournal.dying_at = ""
    with Journal(path, ME) as journal:
        assert journal.load() == MEMORY


def test_only_what_changed_is_written(path: Path) -> None:
    with Journal(path, ME) as journal:
        journal.commit(Memory(), MEMORY, acknowledged=True)
        before = journal._db.total_changes
        journal.commit(MEMORY, replace(MEMORY, cursor="1.0-9"), acknowledged=True)
        assert journal._db.total_changes - before <= 3


def test_a_write_goes_from_planned_to_acted_to_confirmed(path: Path) -> None:
    with Journal(path, ME) as journal:
        journal.commit(Memory(), MEMORY, acknowledged=True)
        journal.plan(KEY, 2)
        assert journal.intents() == [Intent(BOOKING, "main", 2, Step.PLANNED)]
        journal.commit(MEMORY, MEMORY, acknowledged=True)
        assert journal.intents(), "what may or may not have been done is not confirmed by anybody"

        link, item = replace(LINK, revision=2), replace(ITEM, version="5")
        journal.acted(KEY, link, item)
        assert journal.intents() == [Intent(BOOKING, "main", 2, Step.ACTED)]
        after = MEMORY.with_item(KEY, link, item)
        assert journal.load() == after
        journal.commit(after, after, acknowledged=False)
        assert journal.intents()
        journal.commit(after, after, acknowledged=True)
        assert journal.intents() == []


def test_a_write_that_was_given_up_leaves_its_reason_and_no_intent(path: Path) -> None:
    with Journal(path, ME) as journal:
        journal.plan(KEY, 2)
        journal.gave_up(KEY, replace(LINK, outcome=ItemOutcome.FAILED, reason="Full."))
        assert journal.intents() == []
        assert journal.load().links[KEY].reason == "Full."


@pytest.mark.parametrize("other", [Identity("ABCDEFGH23", 2), Identity("23ABCDEFGH", 1)])
def test_another_pairing_begins_with_nothing(path: Path, other: Identity) -> None:
    with Journal(path, ME) as journal:
        journal.commit(Memory(), MEMORY, acknowledged=True)
        journal.plan(KEY, 1)
    with Journal(path, other) as journal:
        assert journal.load() == Memory()
        assert journal.intents() == []


def test_another_version_of_the_journal_begins_with_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(path, ME) as journal:
        journal.commit(Memory(), MEMORY, acknowledged=True)
    monkeypatch.setattr(module, "SCHEMA", 99)
    with Journal(path, ME) as journal:
        assert journal.load() == Memory()


@pytest.mark.parametrize("damage", ["no database", "torn"])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(path: Path, damage: str) -> None:
    with Journal(path, ME) as journal:
        items = {f"i{n}": replace(OWN, handle=f"i{n}") for n in range(2000)}
        journal.commit(Memory(), replace(MEMORY, bases={"main": Base(Interval(0, 1), items)}), acknowledged=True)
    content = path.read_bytes()
    path.write_bytes(
        b"nonsense" * 2000 if damage == "no database" else content[:8192] + b"\xff" * (len(content) - 8192)
    )

    with Journal(path, ME) as journal:
        assert journal.load() == Memory()
        assert journal.set_aside is not None
        assert journal.set_aside.exists()
        journal.commit(Memory(), MEMORY, acknowledged=True)
    with Journal(path, ME) as journal:
        assert journal.set_aside is None
        assert journal.load() == MEMORY


def test_a_file_that_is_only_busy_is_not_set_aside(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Journal(path, ME).close()
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: connect(*args, **{**more, "timeout": 0.05}))
    with Journal(path, ME) as journal:
        journal._db.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError):
            Journal(path, ME)
        journal._db.execute("ROLLBACK")
    assert [part.name for part in path.parent.iterdir()] == ["journal.sqlite"]


def test_a_confirmation_reaches_what_is_held_now_even_while_a_sync_is_under_way(path: Path) -> None:
    with Journal(path, ME) as journal, Journal(path, ME) as other:
        journal.commit(Memory(), MEMORY, acknowledged=True)
        before = journal.load()
        assert other.confirm_removals() == 3
        more = {**before.bases["main"].held, "also gone": Held(NOW)}
        bases = {**before.bases, "main": replace(before.bases["main"], held=more)}
        journal.commit(before, replace(before, bases=bases), acknowledged=True)
        held = journal.load().bases["main"].held
        assert (held["gone"].confirmed, held["also gone"].confirmed) == (True, False)


def test_the_latest_runs_are_kept(path: Path) -> None:
    with Journal(path, ME) as journal:
        for number in range(RUNS_KEPT + 20):
            problem = LocalProblem("Calendar", "broken", "It is broken.", "a.ics")
            run = RunReport("interval", NOW, float(number), Outcome.DEGRADED, problems=(problem,))
            journal.record(run)
        assert [run.seconds for run in journal.runs(2)] == [RUNS_KEPT + 19, RUNS_KEPT + 18]
        assert journal.runs()[0] == run
        assert len(journal.runs(1000)) == RUNS_KEPT


def test_it_is_flushed_to_the_disk_at_every_commit(path: Path) -> None:
    with Journal(path, ME) as journal:
        assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)
