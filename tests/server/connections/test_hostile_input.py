"""Whatever is sent to ``/connector/v1``: problem details, and nothing has changed."""

import copy
import json

import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dovetail.protocol.messages import MAX_SYNC_BYTES
from dovetail.server.bookings import place
from dovetail.server.bookings.models import Booking
from dovetail.server.connections.api import api
from dovetail.server.connections.models import BusyChunk, ConnectedCalendar, Connection, ItemState, LastReport
from server.connections.reporter import HOME, WORK, item
from server.connections.test_feedback import deleted, moved
from server.connections.wire import problem_of
from server.people import ADA, at, event_type_of

pytestmark = pytest.mark.django_db

TABLES = (Connection, ConnectedCalendar, BusyChunk, ItemState, LastReport)


def everything():
    return [list(table.objects.values()) for table in TABLES]


@pytest.fixture
def signed_in(wire, connected):
    assert wire.sign_in().status_code == 200
    return wire


@pytest.fixture
def valid(connected, ada):
    """A request in which everything that can be said is said, as JSON values."""
    booking = place.place(event_type_of(ada), at(9, days=1), ADA)
    connected.meet(WORK, at(9))
    connected.meet(HOME, at(9, days=9))
    connected.items = (item(booking),)
    connected.calendars = connected.calendars[:2]
    request = connected.request(connected.report(), moved(booking, at(11, days=1)))
    return json.loads(request.model_dump_json())


def refused(wire, content, code, status):
    before = everything()
    problem = problem_of(wire.sync(content))
    assert (problem["code"], problem["status"]) == (code, status)
    assert everything() == before
    return problem


def test_the_valid_request_is_valid(signed_in, valid):
    answered = signed_in.sync(json.dumps(valid))
    assert answered.status_code == 200
    assert answered.json()["report"]["outcome"] == "applied"


BODIES = {
    "nothing": b"",
    "no JSON": b"calendar",
    "half JSON": b'{"protocol": 1, "epoch":',
    "not UTF-8": b'{"protocol": 1, "epoch": "\xff"}',
    "UTF-16": '{"protocol": 1}'.encode("utf-16"),
    "a list": b"[]",
    "null": b"null",
    "a number": b"1e999",
    "NaN": b"NaN",
    "deep arrays": b"[" * 200_000,
    "deep objects": b'{"protocol":1,"report":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
    "a version in a string": b'{"protocol": "1"}',
    "a fractional version": b'{"protocol": 1.5}',
    "a number too long to read": b'{"protocol": 1, "epoch": ' + b"9" * 100_000 + b"}",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_what_is_no_message_is_malformed(signed_in, body):
    refused(signed_in, body, "malformed", 400)


@pytest.mark.parametrize("version", [0, 2, -1, 10**30])
def test_another_version_is_told_which_ones_there_are_whatever_else_it_says(signed_in, version):
    body = json.dumps({"protocol": version, "new": {"things": [1]}})
    assert refused(signed_in, body, "unsupported-protocol", 400)["supported"] == [1]


def test_a_huge_body_is_refused_unread(signed_in):
    refused(signed_in, b" " * (MAX_SYNC_BYTES + 1), "too-large", 413)


CHANGES = {
    "a field nobody knows": (["subject"], "Dentist"),
    "a subject in a chunk": (["report", "chunks", 0, "subject"], "Dentist"),
    "a subject in an item": (["report", "items", 0, "subject"], "Dentist"),
    "a number as text": (["epoch"], "1"),
    "a naive time": (["report", "items", 0, "start"], "2027-03-01T09:00:00"),
    "a time before all times": (["report", "items", 0, "start"], "0001-01-01T00:00:00+23:59"),
    "a time after all times": (["report", "items", 0, "end"], "9999-12-31T23:59:59-23:59"),
    "an endless revision": (["report", "items", 0, "revision"], 2**63),
    "a negative revision": (["feedback", 0, "revision"], -1),
    "too many held": (["connector", "held_deletions"], 2**31),
    "a NUL in a name": (["report", "calendars", 0, "name"], "Wo\x00rk"),
    "an endless name": (["report", "calendars", 0, "name"], "x" * 201),
    "a path for a key": (["report", "calendars", 0, "key"], "../../etc/passwd"),
    "an interval of nothing": (["connector", "interval_minutes"], 0),
    "a block of two": (["report", "chunks", 0, "blocks"], [[1, 2]]),
    "a fraction of a minute": (["report", "chunks", 0, "blocks"], [[1.5, 2, 2]]),
    "a true minute": (["report", "chunks", 0, "blocks"], [[True, 2, 2]]),
    "an id that is none": (["feedback", 0, "booking"], "1 OR 1=1"),
}


@pytest.mark.parametrize(("place_", "value"), CHANGES.values(), ids=CHANGES)
def test_one_wrong_value_is_malformed(signed_in, valid, place_, value):
    refused(signed_in, json.dumps(put(valid, place_, value)), "malformed", 400)


def test_what_was_sent_is_never_quoted(signed_in, valid, caplog):
    secret = "Dr. Zwiebel 14:00"
    problem = refused(signed_in, json.dumps(put(valid, ["report", "chunks", 0, "blocks"], secret)), "malformed", 400)
    assert secret not in json.dumps(problem)
    assert secret not in caplog.text


def put(document, path, value):
    changed = copy.deepcopy(document)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return changed


def paths(value, before=()):
    yield before
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from paths(part, (*before, key))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, 2**63, 2**64, -(2**63), 10**100])
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["0" * 16, "0" * 64, "9999-12-31", "0001-01-01", "2027-03-01T00:00:00Z", "P1D", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_anywhere_is_understood_or_refused(signed_in, valid, data):
    path = data.draw(st.sampled_from([path for path in paths(valid) if path]))
    content = json.dumps(put(valid, list(path), data.draw(VALUES)))
    before = everything()
    answered = signed_in.sync(content)
    if answered.status_code != 200:
        assert problem_of(answered)["status"] in (400, 422)
        assert everything() == before


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=300))
def test_any_authorization_is_refused(wire, header):
    for method, path in (("POST", "/session"), ("POST", "/sync"), ("DELETE", "/connection")):
        for scheme in ("", "Bearer ", "SCRAM-SHA-256 ", "SCRAM-SHA-256 sid=a, data="):
            assert problem_of(wire.send(method, path, authorization=scheme + header))["status"] in (400, 401)


@pytest.mark.parametrize("path", ["", "/", "/syn", "/sync/", "/session/x", "/../../connection"])
def test_what_is_not_there_is_problem_details_too(wire, path):
    assert problem_of(wire.send("POST", path))["status"] == 404


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/sync"), ("PUT", "/session"), ("POST", "/connection"), ("OPTIONS", "/sync")]
)
def test_other_methods_are_refused_with_those_there_are(wire, method, path):
    answered = wire.send(method, path)
    assert problem_of(answered)["status"] == 405
    assert answered["Allow"] in ("POST", "DELETE")


def test_a_defect_is_problem_details_and_its_text_stays_out_of_the_log(signed_in, valid, monkeypatch, caplog):
    secret = "-".join(["Dr.", "Zwiebel"])  # not as such in the source, whose lines are in the traceback

    def fail(*args):
        raise RuntimeError(secret)

    monkeypatch.setattr("dovetail.server.connections.sync.answer", fail)
    problem = problem_of(signed_in.sync(json.dumps(valid)))
    assert (problem["status"], problem["code"], problem["retry_after"]) == (500, "busy", 300)
    assert "RuntimeError" in caplog.text
    assert secret not in caplog.text


def test_a_database_that_stays_locked_asks_for_time(signed_in, valid, monkeypatch):
    def fail(*args):
        raise OperationalError("database is locked")

    monkeypatch.setattr("dovetail.server.connections.sync.answer", fail)
    answered = signed_in.sync(json.dumps(valid))
    assert (problem_of(answered)["status"], answered["Retry-After"]) == (503, "30")


def test_the_openapi_description_names_every_address_and_every_problem(wire):
    described = wire.send("GET", "/openapi.json").json()
    assert set(described["paths"]) == {"/connector/v1/session", "/connector/v1/sync", "/connector/v1/connection"}
    sync = described["paths"]["/connector/v1/sync"]["post"]
    assert sync["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/SyncRequest"}
    assert set(sync["responses"]) == {"200", "400", "401", "410", "413", "422", "503"}
    assert list(sync["responses"]["422"]["content"]) == ["application/problem+json"]
    references = {part for part in json.dumps(described).split('"') if part.startswith("#/components/schemas/")}
    assert {name.rsplit("/", 1)[1] for name in references} <= described["components"]["schemas"].keys()
    assert "$defs" not in json.dumps(described)
    assert api.title in described["info"]["title"]


def test_deleting_feedback_is_read_like_any_other(signed_in, valid, ada):
    wish = json.loads(deleted(Booking.objects.get()).model_dump_json())
    assert signed_in.sync(json.dumps(put(valid, ["feedback"], [wish]))).status_code == 200
