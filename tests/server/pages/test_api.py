"""Open slots as JSON."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance

from dovetail.server.bookings.errors import BookingRefused
from dovetail.server.bookings.place import place
from server.people import ADA, a_host, busy_in_calendar, connect, event_type_of


@pytest.fixture
def event_type(db):
    return event_type_of(a_host())


@pytest.fixture
def ask(client, event_type):
    def ask(**query: str):
        return client.get(
            f"/api/v1/pages/{event_type.page.slug}/event-types/{event_type.slug}/slots", query, secure=True
        )

    return ask


def next_monday() -> date:
    today = timezone.now().date()
    return today + timedelta(days=7 - today.weekday())


def test_it_works(ask) -> None:
    monday = next_monday()
    answer = ask(**{"from": f"{monday}", "to": f"{monday}", "zone": "Europe/Berlin"})
    body = answer.json()
    assert (body["zone"], body["duration_minutes"], body["state"]) == ("Europe/Berlin", 30, "open")
    assert len(body["slots"]) == 16
    first = datetime.fromisoformat(body["slots"][0]["start"])
    assert (first.date(), first.hour, first.utcoffset() is not None) == (monday, 9, True)
    assert datetime.fromisoformat(body["slots"][0]["end"]) - first == timedelta(minutes=30)
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_dates_it_is_the_next_fortnight_in_the_zone_of_the_page(ask) -> None:
    body = ask().json()
    days = {datetime.fromisoformat(slot["start"]).date() for slot in body["slots"]}
    assert body["zone"] == "Europe/Berlin"
    assert max(days) <= timezone.now().date() + timedelta(days=15)
    assert len(days) >= 10


def test_the_page_the_answer_and_placing_agree(ask, browser, event_type) -> None:
    connection = connect(event_type.page.user, last_contact=timezone.now())
    monday = datetime.combine(next_monday(), datetime.min.time(), timezone.get_current_timezone())
    busy_in_calendar(connection, monday + timedelta(hours=9, minutes=10), monday + timedelta(hours=11))
    place(event_type, monday + timedelta(hours=12), ADA)
    day = f"{next_monday()}"
    body = ask(**{"from": day, "to": day, "zone": "UTC"}).json()
    offered = [datetime.fromisoformat(slot["start"]) for slot in body["slots"]]
    browser.open(f"/{event_type.page.slug}/{event_type.slug}/?zone=UTC&day={day}")
    assert [f"{start:%Y-%m-%dT%H:%MZ}" for start in offered] == browser.times()

    placed = []
    for number in range(24 * 12):
        start = monday + timedelta(minutes=5 * number)
        try:
            place(event_type, start, ADA)
            placed.append(start)
        except BookingRefused:
            continue
    assert placed == offered


@pytest.mark.parametrize(
    "query",
    [
        {"zone": "Mars/Olympus"},
        {"from": "soon"},
        {"from": "2027-01-02", "to": "2027-01-01"},
        {"from": "2027-01-01", "to": "2027-03-04"},
        {"from": "9999-12-31"},
        {"to": "0001-01-01"},
    ],
)
def test_a_wrong_question_is_answered_with_problem_details(ask, query) -> None:
    answer = ask(**query)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["status"], answer.json()["type"]) == (422, 422, "about:blank")


@pytest.mark.parametrize("path", ["nobody/event-types/30-minutes", "grace-host/event-types/nothing"])
def test_what_is_not_there_is_a_404_with_problem_details(client, event_type, path) -> None:
    answer = client.get(f"/api/v1/pages/{path}/slots", secure=True)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_a_closed_page_has_no_slots_and_says_so(ask, event_type) -> None:
    event_type.page.is_open = False
    event_type.page.save()
    body = ask().json()
    assert (body["state"], body["slots"]) == ("closed", [])


@pytest.mark.django_db(transaction=True)
def test_every_answer_is_as_the_description_says() -> None:
    host = a_host(name="Described")
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())

    operation = schema["/api/v1/pages/{page}/event-types/{event_type}/slots"]["GET"]

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(), known=st.booleans())
    def check(case, known) -> None:
        if known:
            case.path_parameters = {"page": host.pages.get().slug, "event_type": "30-minutes"}
        # The description cannot say that one date is not before another.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    check()
