"""Reports: applied as a whole or not at all, and the server's map is the connector's map in the end."""

from datetime import timedelta

import pytest

from dovetail.protocol.messages import Access, ReportOutcome
from dovetail.protocol.report import root_digest
from dovetail.schedule.busy import BusyBlock
from dovetail.schedule.busymap import chunk_digest
from dovetail.schedule.instants import to_minutes
from dovetail.server.bookings import place
from dovetail.server.bookings.models import Booking
from dovetail.server.connections import pairing
from dovetail.server.connections.models import BusyChunk, Connection, State
from dovetail.server.connections.refusal import Refusal
from server.connections.reporter import (
    CALENDARS,
    HOME,
    STATUS,
    TEAM,
    WORK,
    Reporter,
    calendar,
    chunk,
    held_by_server,
    item,
)
from server.people import ADA, NOW, at, event_type_of

pytestmark = pytest.mark.django_db


def test_the_first_list_of_calendars_earns_default_roles(reporter):
    answer = reporter.heed(reporter.ask(reporter.request(calendars=CALENDARS)))
    assert answer.report.outcome is ReportOutcome.NONE
    assert (answer.settings.roles.main, answer.settings.roles.busy) == (WORK, (HOME,))
    assert not answer.settings.delete_cancels
    assert not answer.settings.move_reschedules


def test_the_first_report_of_all_blocking_calendars_connects(reporter, connection):
    reporter.heed(reporter.ask(reporter.request(calendars=CALENDARS)))
    reporter.tell(busy_as_of={WORK: NOW})
    connection.refresh_from_db()
    assert connection.state == State.PENDING_FIRST_SYNC
    reporter.tell()
    connection.refresh_from_db()
    assert connection.state == State.CONNECTED


def test_busy_time_arrives_as_it_was_sent(connected, connection):
    connected.meet(WORK, at(9))
    connected.meet(HOME, at(23, days=2), hours=3)  # across the end of a week
    answer = connected.tell()
    assert answer.report.outcome is ReportOutcome.APPLIED
    assert held_by_server(connection) == connected.seen().chunks
    assert len(held_by_server(connection)) == 3


def test_a_sync_with_nothing_to_say_changes_nothing_but_the_age(connected, connection, clock):
    connected.meet(WORK, at(9))
    connected.tell()
    rows = list(BusyChunk.objects.values())
    clock.forward(minutes=5)
    request = connected.request(connected.report())
    assert request.report.chunks == ()
    answer = connected.ask(request)
    assert answer.report.outcome is ReportOutcome.APPLIED
    assert list(BusyChunk.objects.values()) == rows
    assert connection.calendars.get(key=WORK).busy_as_of == clock.now


def test_a_lost_answer_is_repaired_by_the_next_two_messages(connected, connection):
    connected.meet(WORK, at(9))
    connected.ask(connected.request(connected.report()))  # applied, and its answer is lost
    answer = connected.tell()
    assert answer.report.outcome is ReportOutcome.MISMATCH
    assert connected.tell().report.outcome is ReportOutcome.APPLIED
    assert held_by_server(connection) == connected.seen().chunks


def test_a_connector_that_lost_its_memory_sends_only_what_differs(connected, connection, clock):
    connected.meet(WORK, at(9))
    connected.meet(WORK, at(9, days=20))
    connected.tell()
    fresh = Reporter(connection, clock, busy=connected.busy, blocking=connected.blocking)
    fresh.meet(WORK, at(15, days=20))
    assert fresh.tell().report.outcome is ReportOutcome.MISMATCH
    assert len(fresh.report().chunks) == 1
    assert fresh.tell().report.outcome is ReportOutcome.APPLIED
    assert held_by_server(connection) == fresh.seen().chunks


def test_busy_as_of_is_never_in_the_future(connected, connection, clock):
    connected.tell(busy_as_of={WORK: clock.now + timedelta(days=1)})
    assert connection.calendars.get(key=WORK).busy_as_of == clock.now


def test_the_window_follows_the_longest_horizon_of_active_event_types(connected, ada):
    event_type = event_type_of(ada, horizon_days=90)
    assert connected.tell().settings.window_days == 91
    event_type_of(ada, horizon_days=3)
    assert connected.tell().settings.window_days == 14
    event_type.is_active = False
    event_type.save()
    assert connected.tell().settings.window_days == 14


def test_the_days_go_by_and_the_past_leaves_the_map(connected, connection, clock):
    for days in range(30):
        connected.meet(WORK, at(9, days=days))
    connected.tell()
    for _ in range(20):
        clock.forward(days=1)
        assert connected.tell().report.outcome is ReportOutcome.APPLIED
    assert held_by_server(connection) == connected.seen().chunks
    assert min(start for blocks in held_by_server(connection).values() for start, _, _ in blocks) >= to_minutes(
        clock.now.replace(hour=0) - timedelta(days=1)
    )


# --- what does not fit together ---------------------------------------------------------------------------------------


def block(start, end, status=2):
    return BusyBlock(start, end, status)


MINUTE = to_minutes(at(9))
WEEK = MINUTE // 10080
GOOD = (block(MINUTE, MINUTE + 60),)


def of(*blocks, key=WORK, index=WEEK):
    return chunk((key, index), blocks)


BAD_CHUNKS = {
    "free time": of(block(MINUTE, MINUTE + 60, 0)),
    "a status nobody knows": of(block(MINUTE, MINUTE + 60, 5)),
    "an end before the start": of(block(MINUTE + 60, MINUTE)),
    "no time at all": of(block(MINUTE, MINUTE)),
    "out of order": of(block(MINUTE + 100, MINUTE + 160), block(MINUTE, MINUTE + 60)),
    "overlapping": of(block(MINUTE, MINUTE + 60), block(MINUTE + 30, MINUTE + 90, 3)),
    "neighbours that are one": of(block(MINUTE, MINUTE + 60), block(MINUTE + 60, MINUTE + 90)),
    "another week's": of(*GOOD, index=WEEK + 1),
    "across the week's end": of(block((WEEK + 1) * 10080 - 30, (WEEK + 1) * 10080 + 30)),
    "before the window": of(block(to_minutes(NOW) - 3 * 1440, to_minutes(NOW) - 3 * 1440 + 60), index=WEEK - 1),
    "after the window": of(block(MINUTE + 200 * 1440, MINUTE + 200 * 1440 + 60), index=(MINUTE + 200 * 1440) // 10080),
    "long before the epoch": of(block(-(10**30), 1 - 10**30), index=-(10**30) // 10080),
    "another digest": of(*GOOD).model_copy(update={"digest": "0" * 64}),
    "another digest of nothing": of(index=WEEK + 2).model_copy(update={"digest": "0" * 64}),
    "a calendar nobody knows": of(*GOOD, key="f" * 16),
}


def everything(connection):
    row = Connection.objects.filter(pk=connection.pk).values().get()
    return row, list(BusyChunk.objects.values()), list(connection.calendars.values()), list(connection.items.values())


def refused(connected, connection, report, *feedback, **changes):
    """The report is a 422, and nothing at all has changed."""
    before = everything(connection)
    with pytest.raises(Refusal) as refusal:
        connected.ask(connected.request(report, *feedback, **changes))
    assert (refusal.value.details.status, refusal.value.details.code) == (422, "inconsistent")
    assert everything(connection) == before


@pytest.mark.parametrize("bad", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
def test_a_bad_chunk_changes_nothing(connected, connection, bad):
    """Also when the root is right for it: who sends such a thing can add up."""
    connected.meet(WORK, at(9, days=14))
    good = connected.report()
    chunks = (*good.chunks, bad)
    digests = {(c.calendar, c.index): chunk_digest(c.blocks) for c in chunks if c.blocks}
    root = root_digest(connected.known.calendars, connected.known.items, digests)
    refused(connected, connection, good.model_copy(update={"chunks": chunks, "root": root}))


def test_the_same_with_a_good_chunk_is_applied(connected):
    connected.meet(WORK, at(9))
    good = connected.report()
    digests = {(c.calendar, c.index): chunk_digest(c.blocks) for c in good.chunks}
    assert good.root == root_digest(connected.known.calendars, connected.known.items, digests)
    assert connected.tell().report.outcome is ReportOutcome.APPLIED


def test_an_item_of_somebody_elses_booking_changes_nothing(connected, connection, ada, eve):
    mine = place.place(event_type_of(ada), at(9), ADA)
    hers = place.place(event_type_of(eve), at(9), ADA)
    connected.items = (item(mine), item(hers))
    refused(connected, connection, connected.report())


def test_an_item_of_a_booking_that_nobody_has_is_let_pass(connected, connection):
    """The server may have been restored from a backup: its connector must not stop for ever."""
    connected.items = (item(Booking(start=at(9), end=at(10), revision=3)),)
    assert connected.tell().report.outcome is ReportOutcome.APPLIED


ITEMS = {
    "ends before it starts": {"end": at(8)},
    "in a calendar nobody knows": {"calendar": "f" * 16},
}


@pytest.mark.parametrize("change", ITEMS.values(), ids=ITEMS)
def test_an_item_that_cannot_be_changes_nothing(connected, connection, change):
    connected.items = (item(Booking(start=at(9), end=at(10)), **change),)
    refused(connected, connection, connected.report())


def test_an_item_twice_changes_nothing(connected, connection):
    connected.items = (item(Booking(start=at(9), end=at(10))),) * 2
    refused(connected, connection, connected.report())


def test_the_age_of_a_calendar_that_does_not_block_is_not_kept(connected, connection, clock):
    connected.tell(busy_as_of={TEAM: clock.now})
    assert connection.calendars.get(key=TEAM).busy_as_of is None


def test_days_that_leave_the_window_are_no_removal(connected, clock):
    """The PC was off for two weeks with three meetings a day."""
    for n in range(60):
        connected.meet(WORK, at(9 + 2 * (n % 3), days=n // 3))
    connected.tell()
    clock.forward(days=14)
    assert connected.tell().report.outcome is ReportOutcome.APPLIED


def test_chunks_that_do_not_sum_to_the_root_change_nothing(connected, connection):
    connected.meet(WORK, at(9))
    refused(connected, connection, connected.report(root="0" * 64))
    refused(connected, connection, connected.report(chunks=()))


def test_the_same_chunk_twice_changes_nothing(connected, connection):
    connected.meet(WORK, at(9))
    good = connected.report()
    refused(connected, connection, good.model_copy(update={"chunks": good.chunks * 2}))


def test_a_calendar_listed_twice_changes_nothing(connected, connection):
    connected.calendars = (*CALENDARS, calendar(WORK, "Work again"))
    refused(connected, connection, connected.report())


@pytest.mark.parametrize("field", ["busy_as_of", "confirmed_removals"])
def test_a_calendar_of_somebody_else_changes_nothing(connected, connection, eve, clock, field):
    other = Reporter(pairing.connect(eve).connection, clock, calendars=(calendar("e" * 16, "Eve's"),))
    other.begin()
    value = {"e" * 16: NOW} if field == "busy_as_of" else ("e" * 16,)
    refused(connected, connection, connected.report(**{field: value}))


WINDOWS = {"future": (1, 70), "past": (-30, -1), "vast": (-4000, 4000), "none": (2, 1), "short": (-1, 20)}


@pytest.mark.parametrize(("first", "last"), WINDOWS.values(), ids=WINDOWS)
def test_a_window_that_makes_no_sense_changes_nothing(connected, connection, first, last):
    """A PC whose clock is years off would otherwise take all busy time away."""
    today = NOW.date()
    window = connected.window().model_copy(
        update={"first_day": today + timedelta(days=first), "last_day": today + timedelta(days=last)}
    )
    refused(connected, connection, connected.report(window=window))


def test_the_window_may_shrink_when_the_horizon_does(connected, ada):
    event_type_of(ada, horizon_days=20)
    connected.days_ahead = 21
    assert connected.tell().report.outcome is ReportOutcome.APPLIED


def test_another_epoch_changes_nothing(connected, connection):
    refused(connected, connection, None, epoch=2)


# --- the guard --------------------------------------------------------------------------------------------------------


def full_calendar(connected, meetings):
    for n in range(meetings):
        connected.meet(WORK, at(9, days=n % 50) + timedelta(hours=2 * (n // 50)))
    assert connected.tell().report.outcome is ReportOutcome.APPLIED


@pytest.mark.parametrize(
    ("meetings", "gone", "outcome"),
    [
        (5, 5, ReportOutcome.APPLIED),
        (6, 6, ReportOutcome.REFUSED),
        (20, 5, ReportOutcome.APPLIED),
        (20, 6, ReportOutcome.REFUSED),
        (50, 10, ReportOutcome.APPLIED),
        (50, 11, ReportOutcome.REFUSED),
    ],
)
def test_more_than_five_and_a_fifth_of_a_calendar_are_not_believed_gone(connected, connection, meetings, gone, outcome):
    full_calendar(connected, meetings)
    before = held_by_server(connection)
    del connected.busy[WORK][:gone]
    answer = connected.tell()
    assert answer.report.outcome is outcome
    if outcome is ReportOutcome.REFUSED:
        assert answer.report.refused == (WORK,)
        assert held_by_server(connection) == before
        assert connection.calendars.get(key=WORK).held


def test_a_calendar_that_goes_empty_and_comes_back_never_opens_a_slot(connected, connection):
    full_calendar(connected, 248)
    meetings = connected.busy[WORK]
    before = held_by_server(connection)
    for seen in ([], meetings[:2]):
        connected.busy[WORK] = seen
        assert connected.tell().report.outcome is ReportOutcome.REFUSED
        assert held_by_server(connection) == before
    connected.busy[WORK] = meetings
    assert connected.tell().report.outcome is ReportOutcome.APPLIED
    assert not connection.calendars.get(key=WORK).held


def test_what_the_user_confirmed_is_removed(connected, connection):
    full_calendar(connected, 20)
    connected.busy[WORK] = []
    connected.confirmed = (WORK,)
    assert connected.tell().report.outcome is ReportOutcome.APPLIED
    assert held_by_server(connection) == {}


def test_meetings_that_only_moved_a_little_are_not_gone(connected):
    full_calendar(connected, 50)
    connected.busy[WORK] = [BusyBlock(b.start + 30, b.end + 30, b.status) for b in connected.busy[WORK]]
    assert connected.tell().report.outcome is ReportOutcome.APPLIED


def test_a_refused_calendar_does_not_keep_another_one_waiting(connected, connection):
    full_calendar(connected, 20)
    kept, connected.busy[WORK] = connected.busy[WORK], []
    connected.meet(HOME, at(12))
    assert connected.tell().report.refused == (WORK,)
    connected.busy[WORK] = kept  # the connector leaves the calendar as the server has it
    assert connected.tell().report.outcome is ReportOutcome.APPLIED
    assert any(key == HOME for key, _ in held_by_server(connection))


def test_what_the_calendars_are_called_and_allowed_follows_the_latest_list(connected, connection):
    connected.calendars = (calendar(WORK, "Office", default=True), calendar(HOME, "Home", Access.UNREADABLE))
    assert connected.tell().report.outcome is ReportOutcome.APPLIED
    assert connection.calendars.get(key=WORK).name == "Office"
    assert connection.calendars.get(key=HOME).access == Access.UNREADABLE
    assert not connection.calendars.filter(key=TEAM).exists()
    assert STATUS.platform == Connection.objects.get().platform
