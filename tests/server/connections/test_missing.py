"""A connector that goes silent is noticed, its User is told once, and its return is noted."""

import pytest

from dovetail.protocol.messages import SyncMode
from dovetail.server.activity.models import Entry
from dovetail.server.connections.jobs import look_for_missing
from dovetail.server.connections.models import Connection
from dovetail.server.jobs.models import Job
from server.connections.reporter import STATUS
from server.people import NOW

pytestmark = pytest.mark.django_db


def kinds():
    return list(Entry.objects.filter(kind__startswith="connection.mi").values_list("kind", flat=True))


def mails():
    return Job.objects.filter(kind="notifications.connector_missing").count()


def test_after_an_hour_the_user_is_told_once(connected, connection, clock):
    clock.forward(minutes=60)
    look_for_missing()
    assert kinds() == []
    clock.forward(minutes=1)
    look_for_missing()
    look_for_missing()
    assert kinds() == ["connection.missing"]
    assert mails() == 1
    connection.refresh_from_db()
    assert connection.missing_since == NOW


def test_the_strictest_page_decides(connected, connection, ada, clock):
    ada.pages.update(stale_after_minutes=10)
    clock.forward(minutes=11)
    look_for_missing()
    assert kinds() == ["connection.missing"]


def test_its_return_is_noted_and_the_next_silence_is_told_again(connected, connection, clock):
    clock.forward(minutes=61)
    look_for_missing()
    connected.tell()
    connection.refresh_from_db()
    assert connection.missing_since is None
    assert Entry.objects.filter(kind="connection.recovered").count() == 1
    clock.forward(minutes=61)
    look_for_missing()
    assert mails() == 2


def test_silence_is_usual_in_manual_mode(connected, clock):
    manual = STATUS.model_copy(update={"mode": SyncMode.MANUAL})
    connected.ask(connected.request(connector=manual))
    clock.forward(days=3)
    look_for_missing()
    assert kinds() == []


def test_who_never_came_is_not_missing(connection, clock):
    clock.forward(days=3)
    look_for_missing()
    assert kinds() == []
    assert Connection.objects.get().missing_since is None
