"""The Calendar connection page: what its User sees and can do, with plain forms."""

import html
import re

import pytest
from django.test import Client

from dovetail.protocol.messages import Access, Health, ItemOutcome, Problem, Push, ShowAs, SyncMode
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import to_minutes
from dovetail.server.activity.models import Entry
from dovetail.server.bookings import place
from dovetail.server.connections import erasure, roles
from dovetail.server.connections.models import ConnectedCalendar, Connection, State
from server.connections.reporter import CALENDARS, HOME, STATUS, TEAM, WORK, calendar, item
from server.people import ADA, at, event_type_of

pytestmark = pytest.mark.django_db


class Browser:
    """A User's browser without JavaScript; forms need their CSRF token, as they do in life."""

    def __init__(self, user):
        self.client = Client(HTTP_HOST="localhost", enforce_csrf_checks=True)
        self.client.force_login(user)

    def get(self, path, status=200):
        response = self.client.get(path, secure=True)
        assert response.status_code == status
        return response

    def post(self, path, data=None, page="/connection/", status=302):
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(page).content.decode())[1]
        response = self.client.post(
            path, {**(data or {}), "csrfmiddlewaretoken": token}, secure=True, headers={"referer": "https://localhost/"}
        )
        assert response.status_code == status
        return response

    def text(self, path="/connection/"):
        return words(self.get(path))


def words(response):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def fields(response):
    """The values of the page's read-only inputs, by id."""
    inputs = re.findall(r'<input type="text" id="([\w-]+)" value="([^"]*)"', response.content.decode())
    return {name: html.unescape(value) for name, value in inputs}


def inputs(response, name):
    """The state of each input of that name: value to its attributes."""
    tags = re.findall(
        rf'<input type="\w+" name="{name}" value="(\w+)"[^>]*?"( checked)?( disabled)?>', response.content.decode()
    )
    return {value: (bool(checked), bool(disabled)) for value, checked, disabled in tags}


@pytest.fixture
def browser(ada, clock):
    return Browser(ada)


def test_it_is_for_signed_in_users_only(client):
    for path in ("", "sent/", "disconnect/", "receipt/", "connect/", "token/"):
        answer = client.get(f"/connection/{path}", secure=True, HTTP_HOST="localhost")
        assert answer.status_code == 302
        assert "/accounts/login/" in answer["Location"]


def test_before_connecting_it_explains_and_offers_to_connect(browser):
    text = browser.text()
    assert "no subject" in text
    assert "takes no bookings" in text
    for path in ("sent/", "disconnect/", "receipt/"):
        browser.get(f"/connection/{path}", status=302)


def test_connecting_shows_id_token_and_command_once(browser, ada):
    shown = browser.post("/connection/connect/", status=200)
    connection = Connection.objects.get(user=ada)
    given = fields(shown)
    assert given["connector-id"] == connection.connector_id
    assert re.fullmatch(r"(?:[A-Z2-7]{4}-){7}[A-Z2-7]{4}", given["token"])
    assert given["command"] == f"dovetail connect --server https://localhost --id {connection.connector_id}"
    assert "no-store" in shown["Cache-Control"]
    later = browser.get("/connection/")
    assert given["token"] not in later.content.decode()
    assert "has not signed in yet" in words(later)
    assert fields(later)["command"] == given["command"]


def test_connecting_twice_makes_no_second_token(browser, ada):
    browser.post("/connection/connect/", status=200)
    before = Connection.objects.values().get()
    browser.post("/connection/connect/", page="/connection/disconnect/")
    assert Connection.objects.values().get() == before


def test_nothing_happens_without_a_post(browser, paired):
    for path in ("connect/", "token/", "calendars/", "switches/"):
        browser.get(f"/connection/{path}", status=405)


def test_nothing_happens_without_a_csrf_token(browser, connected, connection):
    for path in ("connect/", "token/", "calendars/", "switches/", "disconnect/"):
        assert browser.client.post(f"/connection/{path}", secure=True).status_code == 403
    connection.refresh_from_db()
    assert connection.state == State.CONNECTED


def test_a_new_token_can_be_had(browser, wire):
    shown = browser.post("/connection/token/", status=200)
    assert wire.sign_in().status_code == 401
    assert wire.sign_in(fields(shown)["token"]).status_code == 200


def test_a_connected_calendar_shows_roles_mode_and_ages(browser, connected):
    page = browser.get("/connection/")
    assert inputs(page, "main") == {WORK: (True, False), HOME: (False, False), TEAM: (False, True)}
    assert inputs(page, "busy") == {WORK: (True, True), HOME: (True, False), TEAM: (False, False)}
    assert inputs(page, "additional") == {WORK: (False, True), HOME: (False, False), TEAM: (False, True)}
    text = words(page)
    for expected in (
        "Connected",
        "Auto: every 5 minutes, and soon after the calendar changed",
        "Version 1.0, test",
        "Everything could be read.",
        "Does not block",
    ):
        assert expected in text


LINE = "every 5 min (real time is not to be had: Port 5223 is closed on example.org, or a firewall rejects it)"
FOR_IT = "Ask your IT to allow outgoing TCP to example.org on ports 5222 and 5223"


def test_real_time_is_shown_as_the_connector_tells_it(browser, connected, reporter, clock):
    told = {"mode": SyncMode.REAL_TIME, "push": Push.NONE, "push_words": (LINE, "Port 5223 is closed.", FOR_IT)}
    reporter.ask(reporter.request(connector=STATUS.model_copy(update=told)))
    text = browser.text()
    assert f"Real-time: {LINE} Port 5223 is closed. {FOR_IT}" in text
    assert "dovetail mode real-time" in text
    clock.forward(minutes=11)
    assert f"Real-time; when last heard of: {LINE}" in browser.text()


@pytest.mark.parametrize(
    ("mode", "words"), [("manual", "Manual: on demand"), ("real-time", "Real-time: every 1 minute ")]
)
def test_every_mode_is_shown(browser, connected, reporter, mode, words):
    told = {"mode": SyncMode(mode), "interval_minutes": 1}
    reporter.ask(reporter.request(connector=STATUS.model_copy(update=told)))
    assert words in browser.text()


def test_roles_are_chosen_with_a_form(browser, connected, connection):
    browser.post("/connection/calendars/", {"main": HOME, "busy": [TEAM], "additional": [WORK]})
    chosen = roles.roles_of(connection)
    assert (chosen.main, set(chosen.busy), chosen.additional) == (HOME, {TEAM, WORK}, (WORK,))
    assert "have these roles now" in browser.text()


def test_calendars_that_can_only_be_read_are_ticked_without_a_main_one(browser, reporter, connection):
    reporter.ask(reporter.request(calendars=(calendar(HOME, "Home", Access.BUSY_ONLY),)))
    assert "your bookings are kept here only" in browser.text()
    browser.post("/connection/calendars/", {"busy": [HOME]})
    chosen = roles.roles_of(connection)
    assert (chosen.main, chosen.busy) == (None, (HOME,))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({}, "Choose the calendar that bookings are written to."),
        ({"main": "f" * 16}, "is not there any more"),
        ({"main": TEAM}, "cannot be written to that calendar"),
        ({"main": WORK, "busy": ["x"]}, "is not there any more"),
        ({"main": WORK, "additional": [TEAM]}, "Copies of bookings cannot be written"),
    ],
)
def test_a_choice_that_cannot_work_is_explained(browser, connected, connection, data, why):
    before = list(ConnectedCalendar.objects.values())
    assert why in words(browser.post("/connection/calendars/", data, status=422))
    assert list(ConnectedCalendar.objects.values()) == before


def test_the_switches_are_off_and_can_be_turned_on(browser, connected, connection):
    page = browser.get("/connection/").content.decode()
    labels = (
        "Deleting an event in the calendar cancels the booking",
        "Moving an event in the calendar reschedules the booking",
    )
    assert all(label in page for label in labels)
    assert not re.search(r'name="(delete_cancels|move_reschedules)"[^>]* checked', page)
    browser.post("/connection/switches/", {"delete_cancels": "on"})
    connection.refresh_from_db()
    assert (connection.delete_cancels, connection.move_reschedules) == (True, False)
    assert connected.tell().settings.delete_cancels
    assert Entry.objects.get(kind="connection.switches").details == {"delete_cancels": True, "move_reschedules": False}


def test_what_is_wrong_is_said_in_words(browser, connected, connection, clock, wire, wrong):
    problems = (
        Problem(calendar=WORK, code="item_unreadable", count=2),
        Problem(calendar=HOME, code="calendar_unreadable"),
    )
    status = STATUS.model_copy(update={"health": Health.HELD, "held_deletions": 7, "problems": problems})
    connected.ask(connected.request(connector=status))
    for _ in range(6):
        wire.sign_in(wrong)
    text = browser.text()
    for expected in (
        "7 removals in your calendar wait",
        "Work: 2 × appointments that cannot be read in full",
        "Home: cannot be read at the moment",
        "Too many wrong tries with your Connector ID from 203.0.113.7",
        "6 in the last hour",
    ):
        assert expected in text


def test_bookings_that_differ_in_the_calendar_are_listed(browser, connected, ada, connection):
    event_type = event_type_of(ada)
    bookings = [place.place(event_type, at(8 + n, days=1), ADA) for n in range(6)]
    connected.items = (
        item(bookings[0]),
        item(bookings[1], start=at(18, days=1), end=at(19, days=1)),
        item(bookings[2], outcome=ItemOutcome.GONE),
        item(bookings[3], outcome=ItemOutcome.FAILED, reason="The calendar is full."),
        item(bookings[4], show_as=ShowAs.FREE),
        item(bookings[5], start=at(18, days=1), end=at(19, days=1), revision=0),
    )
    connected.tell()
    page = browser.get("/connection/")
    differing = [f"/bookings/{booking.pk}/" in page.content.decode() for booking in bookings]
    assert differing == [False, True, True, True, True, False]
    text = words(page)
    for expected in ("is at another time", "was deleted in the calendar", "The calendar is full.", "is shown as free"):
        assert expected in text


def test_a_late_and_a_missing_connector_are_told(browser, connected, connection, clock):
    clock.forward(minutes=11)
    assert "The connector is late" in browser.text()
    Connection.objects.update(missing_since=at(7))
    assert "has not been heard of since" in browser.text()


def test_a_calendar_that_is_gone_says_so(browser, connected):
    connected.calendars = (CALENDARS[0], calendar(TEAM, "<b>Team</b>", Access.BUSY_ONLY))
    connected.tell()
    page = browser.get("/connection/")
    assert "does not find this calendar any more" in words(page)
    assert b"<b>Team</b>" not in page.content


def test_what_was_sent_can_be_read_and_downloaded(browser, connected):
    connected.meet(WORK, at(9))
    connected.tell()
    page = browser.get("/connection/sent/")
    start, end, _ = connected.seen().chunks[next(iter(connected.seen().chunks))][0]
    text = words(page)
    assert str(start) in text
    assert str(end) in text
    assert "There is no subject" in text
    file = browser.get("/connection/sent/file/")
    assert file["Content-Type"] == "application/json"
    assert str(start).encode() in file.content


def test_a_huge_message_is_shown_in_part(browser, connected):
    first = to_minutes(at(0))
    connected.busy[WORK] = [BusyBlock(n, n + 5, BusyStatus.BUSY) for n in range(first, first + 80_000, 10)]
    connected.tell()
    page = browser.get("/connection/sent/")
    assert "The rest is left out here." in words(page)
    assert len(page.content) < 2 * 200_000


def test_disconnecting_says_first_what_it_does_and_then_what_it_did(browser, connected, connection, ada):
    place.place(event_type_of(ada), at(9, days=1), ADA)
    connected.meet(WORK, at(12))
    connected.tell()
    asked = browser.text("/connection/disconnect/")
    for expected in ("Work, Home, Team", "your bookings, here on the server", "manual events", "no reminders are sent"):
        assert expected in asked
    connection.refresh_from_db()
    assert connection.is_live
    done = browser.post("/connection/disconnect/", page="/connection/disconnect/")
    assert done["Location"] == "/connection/receipt/"
    receipt = browser.text("/connection/receipt/")
    for expected in ("Calendars, with their names 3", "Weeks of busy times 1", "1 booking stays"):
        assert expected in receipt
    assert "Not connected" in browser.text()
    assert "What was erased" in browser.text()


def test_another_users_page_shows_nothing_of_it(connected, eve, clock):
    other = Browser(eve)
    assert "Not connected" in other.text()
    assert "Work" not in other.text()
    other.get("/connection/receipt/", status=302)


def test_disconnecting_from_the_connector_shows_here_too(browser, connected, connection):
    erasure.erase(connection, actor="connector")
    assert "from the connector" in browser.text("/connection/receipt/")
