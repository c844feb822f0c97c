"""Roles: sensible at first, the User's choice afterwards, and never a calendar lost from sight."""

import pytest

from dovetail.protocol.messages import Access, ReportOutcome
from dovetail.server.connections import roles
from dovetail.server.connections.models import BusyChunk, State
from server.connections.reporter import CALENDARS, HOME, TEAM, WORK, calendar, held_by_server
from server.people import at

pytestmark = pytest.mark.django_db


def chosen(connection):
    found = roles.roles_of(connection)
    return found.main, set(found.busy), set(found.additional)


@pytest.mark.parametrize(
    ("calendars", "main", "busy"),
    [
        (CALENDARS, WORK, {HOME}),
        ((calendar(HOME, "Home"), calendar(WORK, "Work")), HOME, {WORK}),
        ((calendar(HOME, "Home", Access.BUSY_ONLY, default=True), calendar(WORK, "Work")), WORK, set()),
        ((calendar(HOME, "Home", Access.BUSY_ONLY), calendar(TEAM, "Team", Access.UNREADABLE)), None, set()),
        ((), None, set()),
    ],
)
def test_defaults(reporter, connection, calendars, main, busy):
    reporter.ask(reporter.request(calendars=calendars))
    assert chosen(connection) == (main, busy, set())


def test_a_first_writable_calendar_that_comes_later_gets_the_defaults(reporter, connection):
    reporter.ask(reporter.request(calendars=(calendar(HOME, "Home", Access.BUSY_ONLY),)))
    reporter.ask(reporter.request(calendars=(calendar(HOME, "Home", Access.BUSY_ONLY), calendar(WORK, "Work"))))
    assert chosen(connection) == (WORK, set(), set())


@pytest.fixture
def read_alone(reporter, connection):
    """A connector with two calendars that can only be read, which the User has not ticked yet."""
    reporter.calendars = (calendar(HOME, "Home", Access.BUSY_ONLY), calendar(TEAM, "Team", Access.BUSY_ONLY))
    reporter.heed(reporter.ask(reporter.request(calendars=reporter.calendars)))
    return reporter


def state_of(connection):
    connection.refresh_from_db()
    return connection.state


def test_calendars_that_can_only_be_read_block_once_they_are_ticked(read_alone, connection):
    read_alone.tell()
    assert state_of(connection) == State.PENDING_FIRST_SYNC
    roles.choose(connection, main="", busy=[HOME], additional=[])
    assert chosen(connection) == (None, {HOME}, set())

    read_alone.meet(HOME, at(9))
    read_alone.tell()  # does not know yet
    assert read_alone.tell().report.outcome is ReportOutcome.APPLIED
    assert state_of(connection) == State.CONNECTED
    assert {key for key, _ in held_by_server(connection)} == {HOME}

    roles.choose(connection, main="", busy=[], additional=[])
    assert not BusyChunk.objects.exists()
    assert state_of(connection) == State.PENDING_FIRST_SYNC


def test_a_calendar_for_bookings_that_joins_those_that_are_read_gets_them_all(read_alone, connection):
    roles.choose(connection, main="", busy=[TEAM], additional=[])
    read_alone.tell()
    read_alone.tell()
    assert state_of(connection) == State.CONNECTED
    generation = connection.generation

    read_alone.calendars = (*read_alone.calendars, calendar(WORK, "Work"))
    read_alone.tell()

    assert chosen(connection) == (WORK, {TEAM}, set())
    assert state_of(connection) == State.PENDING_FIRST_SYNC, "the pages close until it has been read"
    assert connection.generation > generation, "bookings of before are handed out"


def test_a_main_booking_calendar_is_asked_for_where_there_can_be_one(connected, connection):
    with pytest.raises(roles.BadRoles, match="Choose the calendar"):
        roles.choose(connection, main="", busy=[HOME], additional=[])
    assert chosen(connection) == (WORK, {HOME}, set())


def test_a_calendar_that_turns_up_later_waits_for_its_user(connected, connection):
    connected.calendars = (*CALENDARS, calendar("d" * 16, "New"))
    connected.tell()
    assert chosen(connection) == (WORK, {HOME}, set())


def test_the_users_choice_is_told_with_the_next_answer(connected, connection):
    roles.choose(connection, main=HOME, busy=[WORK, TEAM], additional=[WORK])
    settings = connected.tell().settings
    assert (settings.roles.main, set(settings.roles.busy), settings.roles.additional) == (HOME, {WORK, TEAM}, (WORK,))


def test_a_calendar_that_stops_blocking_is_forgotten_at_once(connected, connection):
    connected.meet(WORK, at(9))
    connected.meet(HOME, at(12))
    connected.tell()
    roles.choose(connection, main=WORK, busy=[], additional=[])
    assert {key for key, _ in held_by_server(connection)} == {WORK}
    connection.refresh_from_db()
    assert connection.state == State.CONNECTED
    assert connected.tell().report.outcome is ReportOutcome.MISMATCH
    assert connected.tell().report.outcome is ReportOutcome.APPLIED


def test_a_report_about_a_calendar_that_does_not_block_is_answered_with_what_is_known(connected, connection):
    connected.meet(TEAM, at(9))
    connected.blocking = (WORK, HOME, TEAM)
    assert connected.tell().report.outcome is ReportOutcome.MISMATCH
    assert connected.tell().report.outcome is ReportOutcome.APPLIED
    assert not BusyChunk.objects.exists()


def test_pages_stay_closed_until_a_newly_ticked_calendar_has_been_read(connected, connection):
    roles.choose(connection, main=WORK, busy=[HOME, TEAM], additional=[])
    connection.refresh_from_db()
    assert connection.state == State.PENDING_FIRST_SYNC
    connected.tell()  # does not know yet
    connection.refresh_from_db()
    assert connection.state == State.PENDING_FIRST_SYNC
    connected.tell()
    connection.refresh_from_db()
    assert connection.state == State.CONNECTED


def test_the_main_calendar_blocks_whatever_is_ticked_and_goes_on_blocking_when_it_is_main_no_more(
    connected, connection
):
    connected.meet(WORK, at(9))
    connected.tell()
    roles.choose(connection, main=WORK, busy=[], additional=[WORK])
    assert chosen(connection) == (WORK, set(), set())
    roles.choose(connection, main=HOME, busy=[], additional=[])
    assert chosen(connection) == (HOME, {WORK}, set())
    assert held_by_server(connection)


@pytest.mark.parametrize(
    ("main", "busy", "additional"),
    [
        (TEAM, [], []),
        ("f" * 16, [], []),
        (WORK, ["f" * 16], []),
        (WORK, [], [TEAM]),
        (WORK, ["d" * 16], []),
    ],
    ids=["read-only main", "unknown main", "unknown busy", "read-only additional", "unreadable busy"],
)
def test_a_choice_that_cannot_work_changes_nothing(connected, connection, main, busy, additional):
    connected.calendars = (*CALENDARS, calendar("d" * 16, "Locked", Access.UNREADABLE))
    connected.tell()
    with pytest.raises(roles.BadRoles):
        roles.choose(connection, main=main, busy=busy, additional=additional)
    assert chosen(connection) == (WORK, {HOME}, set())


def test_a_calendar_missing_from_the_list_keeps_its_role_and_its_busy_time(connected, connection):
    connected.meet(HOME, at(9))
    connected.tell()
    before = held_by_server(connection)
    connected.calendars = (CALENDARS[0],)
    connected.tell()
    assert held_by_server(connection) == before
    home = connection.calendars.get(key=HOME)
    assert (home.is_busy, home.access, home.listed) == (True, Access.UNREADABLE, False)
    assert home.reason
    assert not connection.calendars.filter(key=TEAM).exists()


def test_a_calendar_that_comes_back_is_as_it_was(connected, connection):
    connected.calendars = (CALENDARS[0],)
    connected.tell()
    connected.calendars = CALENDARS
    connected.tell()
    home = connection.calendars.get(key=HOME)
    assert (home.is_busy, home.access, home.listed, home.reason) == (True, Access.BOOKABLE, True, "")


def test_a_missing_calendar_is_forgotten_once_its_user_takes_its_role_away(connected, connection):
    connected.meet(HOME, at(9))
    connected.tell()
    connected.calendars = (CALENDARS[0],)
    connected.tell()
    roles.choose(connection, main=WORK, busy=[], additional=[])
    assert not connection.calendars.filter(key=HOME).exists()
    assert not BusyChunk.objects.exists()
