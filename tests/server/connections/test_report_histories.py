"""Any history of reports, lost, repeated or forgotten: in the end the server has the map that the connector has."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dovetail.protocol.messages import ReportOutcome
from dovetail.server.connections import pairing
from dovetail.server.connections.models import BusyChunk
from dovetail.server.connections.refusal import Refusal
from server.connections.reporter import HOME, WORK, Known, Reporter, held_by_server
from server.connections.wire import Clock
from server.people import a_host, at

pytestmark = pytest.mark.django_db

BLOCKS = st.builds(
    lambda key, day, hour, length, status: (key, at(0, days=day) + timedelta(hours=hour), length, status),
    st.sampled_from([WORK, HOME]),
    st.integers(-2, 65),
    st.integers(0, 23),
    st.sampled_from([0.5, 1, 30]),
    st.sampled_from([1, 2, 3, 4]),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("meet"), BLOCKS),
        st.tuples(st.just("clear"), st.sampled_from([WORK, HOME])),
        st.tuples(st.just("later"), st.integers(1, 30)),
        st.tuples(st.sampled_from(["tell", "lost request", "lost answer", "repeat", "old memory", "no memory"])),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_after_any_history_two_clean_messages_make_both_maps_equal(steps, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("django.utils.timezone.now", clock)
    connection = pairing.connect(a_host()).connection
    reporter = Reporter(connection, clock, confirmed=(WORK, HOME))
    reporter.begin()
    sent, memory = [], reporter.known
    for step, *argument in steps:
        match step:
            case "meet":
                reporter.meet(*argument[0])
            case "clear":
                reporter.busy.pop(argument[0], None)
            case "later":
                clock.forward(days=argument[0])
            case "tell":
                sent.append(reporter.request(reporter.report()))
                reporter.heed(reporter.ask(sent[-1]))
            case "lost request":
                sent.append(reporter.request(reporter.report()))
            case "lost answer":
                reporter.ask(reporter.request(reporter.report()))
            case "repeat" if sent:
                try_again(reporter, sent[-1])
            case "old memory":
                reporter.known, memory = memory, reporter.known
            case "no memory":
                reporter.known = Known()
    outcomes = [reporter.tell().report.outcome for _ in range(2)]
    assert outcomes[1] is ReportOutcome.APPLIED
    assert held_by_server(connection) == reporter.seen().chunks
    settled = list(BusyChunk.objects.values())
    reporter.tell()
    assert list(BusyChunk.objects.values()) == settled


def try_again(reporter, request):
    """An old message arrives again; where its days are over it is refused."""
    if request.report.window.last_day >= reporter.window().last_day - timedelta(days=2):
        reporter.ask(request)
    else:
        with suppress(Refusal):
            reporter.ask(request)


@pytest.mark.django_db(transaction=True)
def test_of_the_same_report_sent_by_two_at_once_one_is_applied(connected, connection):
    """As when a connector has given up waiting and tries again."""
    connected.meet(WORK, at(9))
    request = connected.request(connected.report())

    def send(_):
        try:
            return connected.ask(request).report.outcome
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(send, range(4)))
    assert outcomes == [ReportOutcome.APPLIED] + [ReportOutcome.MISMATCH] * 3
    assert held_by_server(connection) == connected.seen().chunks
