"""Ending a connection: what was told is gone, from the answers and from the bytes on disk, and a receipt is left."""

import re
import sqlite3
from pathlib import Path

import pytest
from django.db import connection as database
from django.utils import timezone

from dovetail.protocol.messages import Access, ItemOutcome, Push, SyncMode, SyncResponse
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import to_minutes
from dovetail.server.activity.models import Entry
from dovetail.server.bookings import place
from dovetail.server.bookings.models import Booking, Status
from dovetail.server.connections import erasure, pairing
from dovetail.server.connections.checkpoint import TRUNCATE
from dovetail.server.connections.models import (
    Block,
    BusyChunk,
    ConnectedCalendar,
    Connection,
    ItemState,
    KnownAddress,
    LastReport,
    State,
    WrongTry,
)
from dovetail.server.jobs.models import Job
from dovetail.server.jobs.worker import run_next
from dovetail.server.notifications.jobs import send_reminder
from server.connections.reporter import HOME, STATUS, WORK, Reporter, calendar, item
from server.connections.wire import problem_of
from server.people import ADA, at, event_type_of

pytestmark = pytest.mark.django_db

NAMES = ("Zwiebelkalender-Q7", "Nachtschicht-K4")
REASON = "Sperrvermerk-X9"
FIRST, LAST = 30066487, 30066531
"""Minutes that nothing else in the database is about."""

WORDS = "Anschlusssatz-V8"
MARKERS = (*NAMES, REASON, str(FIRST), str(LAST), WORK, HOME, "Pufferplatz-3", WORDS)


@pytest.fixture
def told(wire, reporter, connection, ada):
    """Ada's connector has told, over HTTP, what the markers name; one booking stands."""
    wire.sign_in()
    reporter.calendars = (
        calendar(WORK, NAMES[0], default=True),
        calendar(HOME, NAMES[1]),
        calendar("c" * 16, "Team", Access.UNREADABLE).model_copy(update={"reason": REASON}),
    )
    reporter.ask = lambda request: _said(wire, request)
    reporter.begin()
    booking = place.place(event_type_of(ada), at(9, days=1), ADA)
    reporter.busy[WORK] = [BusyBlock(FIRST, LAST, BusyStatus.OUT_OF_OFFICE)]
    reporter.busy[HOME] = [BusyBlock(n, n + 5, BusyStatus.BUSY) for n in range(FIRST, FIRST + 6_000, 20)]
    reporter.items = (item(booking), item(booking, HOME, outcome=ItemOutcome.FAILED, reason="Pufferplatz-3"))
    reporter.tell()
    live = {"mode": SyncMode.REAL_TIME, "push": Push.NONE, "push_words": (WORDS,)}
    reporter.ask(reporter.request(connector=STATUS.model_copy(update=live)))
    wire.sign_in("A" * 32)
    return booking


def _said(wire, request):
    answer = wire.sync(request)
    assert answer.status_code == 200, answer.content
    return SyncResponse.model_validate_json(answer.content)


def on_disk() -> dict[str, list[str]]:
    """The markers found by a raw search of the database's files."""
    path = Path(database.settings_dict["NAME"])
    files = [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))]
    contents = {file.name: file.read_bytes() for file in files if file.exists()}
    assert len(contents) >= 2
    return {
        name: [marker for marker in MARKERS if re.search(re.escape(marker.encode()), content)]
        for name, content in contents.items()
    }


def nothing() -> bool:
    return not any(on_disk().values())


@pytest.mark.django_db(transaction=True)
def test_the_search_finds_what_is_there(told):
    assert {marker for found in on_disk().values() for marker in found} == set(MARKERS)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("side", ["page", "connector", "account"])
def test_after_the_end_no_byte_of_it_is_left(told, wire, connection, ada, side, caplog, capfd):
    if side == "connector":
        assert wire.disconnect().status_code == 200
    elif side == "account":
        ada.delete()
    else:
        erasure.erase(connection, actor="user")
    assert nothing()
    logged = caplog.text + "".join(capfd.readouterr())
    assert not [marker for marker in MARKERS if marker in logged]


@pytest.mark.django_db(transaction=True)
def test_a_reader_delays_the_last_bytes_and_a_job_gets_them(told, connection):
    reader = sqlite3.connect(database.settings_dict["NAME"], isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM connections_busychunk").fetchone()
    erasure.erase(connection, actor="user")
    assert not nothing()
    Job.objects.exclude(kind=TRUNCATE).delete()
    run_next()
    assert Job.objects.get(kind=TRUNCATE).attempts == 1
    reader.execute("COMMIT")
    reader.close()
    Job.objects.update(run_after=timezone.now())
    run_next()
    assert nothing()
    assert not Job.objects.filter(kind=TRUNCATE).exists()


@pytest.mark.django_db(transaction=True)
def test_one_users_end_leaves_anothers_data_alone(told, connection, eve, clock):
    other = Reporter(pairing.connect(eve).connection, clock)
    other.begin()
    other.meet(WORK, at(9))
    other.tell()
    erasure.erase(connection, actor="user")
    assert {row.connection.user for row in ConnectedCalendar.objects.all()} == {eve}
    assert BusyChunk.objects.count() == 1
    assert LastReport.objects.count() == 1


def test_no_row_of_it_is_left_and_the_receipt_counts_them(told, wire, connection, ada):
    blocks = sum(len(chunk.blocks) for chunk in BusyChunk.objects.all())
    chunks = BusyChunk.objects.count()
    assert blocks > 300
    erased = wire.disconnect().json()["erased"]
    assert erased == {
        "calendars": 3,
        "busy_blocks": blocks,
        "busy_chunks": chunks,
        "item_states": 2,
        "reports": 1,
        "keys": 1,
        "wrong_tries": 1,
    }
    for model in (ConnectedCalendar, BusyChunk, ItemState, LastReport, WrongTry, Block, KnownAddress):
        assert not model.objects.exists()
    receipt = Entry.objects.get(kind="connection.disconnected")
    assert (receipt.user, receipt.actor) == (ada, "connector")
    assert receipt.details == {"erased": erased, "detached": 1}


def test_the_connection_is_as_new_but_for_its_epoch(told, connection):
    Connection.objects.update(delete_cancels=True, move_reschedules=True)
    erasure.erase(connection, actor="user")
    connection.refresh_from_db()
    fresh = Connection(
        pk=connection.pk,
        user=connection.user,
        connector_id=connection.connector_id,
        epoch=2,
        state=State.DISCONNECTED,
    )
    for field in Connection._meta.concrete_fields:
        assert getattr(connection, field.name) == getattr(fresh, field.name), field.name


def test_key_and_credential_are_worth_nothing_afterwards(told, wire, connection, clock):
    erasure.erase(connection, actor="user")
    problem = problem_of(wire.sync(b"{}"))
    assert (problem["status"], problem["code"]) == (410, "disconnected")
    assert problem_of(wire.disconnect())["code"] == "disconnected"
    assert problem_of(wire.sign_in())["code"] == "wrong-credentials"


@pytest.mark.django_db(transaction=True)
def test_a_deleted_accounts_connector_is_told(told, wire, ada):
    ada.delete()
    assert problem_of(wire.sync(b"{}"))["code"] == "disconnected"


def test_bookings_stay_detached(told, connection):
    erasure.erase(connection, actor="user")
    booking = Booking.objects.get(pk=told.pk)
    assert (booking.status, booking.epoch, booking.detached) == (Status.SCHEDULED, 1, True)


def test_no_reminder_is_sent_for_them_after_a_reconnect(told, connection, ada, mailoutbox):
    erasure.erase(connection, actor="user")
    pairing.connect(ada)
    send_reminder(str(told.pk), to_minutes(told.start))
    assert not mailoutbox


def test_ending_twice_is_once(told, connection):
    assert erasure.erase(connection, actor="user")
    assert erasure.erase(connection, actor="user") == {}
    connection.refresh_from_db()
    assert connection.epoch == 2
    assert Entry.objects.filter(kind="connection.disconnected").count() == 1


def test_a_reconnect_is_another_connector(told, connection, ada):
    erasure.erase(connection, actor="user")
    again = pairing.connect(ada)
    assert again.connector_id != connection.connector_id
    assert (again.connection.epoch, again.connection.state) == (2, State.PENDING_FIRST_SYNC)


def test_an_erasure_that_fails_erases_nothing(told, connection, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(erasure, "record", fail)
    with pytest.raises(RuntimeError):
        erasure.erase(connection, actor="user")
    assert BusyChunk.objects.exists()
    connection.refresh_from_db()
    assert (connection.is_live, connection.epoch) == (True, 1)
