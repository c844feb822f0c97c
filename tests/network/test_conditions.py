"""What the owner of a PC reads in `dovetail status` while `dovetail run` is at work and the network fails in one way or
another: the reason within 30 seconds, and its end within one interval. Real programs, real firewalls, real patience."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from dovetail.connector.sync.scheduler import LONGEST_TRY
from network import namespaces
from network.conditions_lab import EVERY, LEAVE_ALONE, PCS, SETTLE, SLEEP
from network.namespaces import Answers

NAMED_SECONDS = 30.0
ENDED_SECONDS = EVERY * 1.1 + LONGEST_TRY
"""The sync under way when it ends may be lost; the one after it is not. Less than the shortest interval, a minute."""

WORDS = {
    "dropped": "does not answer: check that this PC is online and no firewall is in between",
    "rejected": "cannot be reached from this network",
    "reset": "refuses connections",
    "large packets vanish": "falls silent when TLS begins: a firewall or a damaged network path",
    "half-open": "took too long to answer|was cut|falls silent when TLS begins",
    "silent before TLS": "falls silent when TLS begins",
    "silent after TLS": "took too long to answer",
    "asked for time": "is busy: it is tried again later",
    "sign-in page": r"wants a sign-in first: it leads to login\.hotel\.example",
    "no name server": r"The name book\.lab\.test cannot be found",
    "proxy gone": r"The proxy 10\.77\.1\.21:3128 cannot be used \(it does not answer\)",
    "another password at the proxy": r"The proxy 10\.77\.1\.22:3128 refuses the name and password",
}


@pytest.fixture(scope="module")
def played() -> Iterator[Answers]:
    with namespaces.played("conditions_lab.py", 200) as answers:
        yield answers


@pytest.mark.parametrize("condition", WORDS)
def test_the_status_names_it_within_half_a_minute_and_its_end_within_an_interval(
    played: Answers, condition: str
) -> None:
    pc = played[condition]
    assert pc["named"] is not None, pc["log"]
    assert pc["named"] <= NAMED_SECONDS
    assert re.search(WORDS[condition], pc["status"]["error"]), pc["status"]["error"]
    assert pc["status"]["running"]
    assert re.search(WORDS[condition], pc["log"]), "also said where the program was started"
    assert pc["ended"] is not None, pc["log"]
    assert pc["ended"] <= ENDED_SECONDS


def test_real_time_over_a_connection_that_died_without_a_word_is_named_too(played: Answers) -> None:
    pc = played["half-open in real time"]
    assert pc["named"] is not None, pc["log"]
    assert pc["named"] <= NAMED_SECONDS
    assert not pc["status"]["realtime"]["live"]
    assert pc["status"]["realtime"]["blocked"] == ["The connection to port 5223 of book.lab.test was lost."]
    assert pc["status"]["health"] == "ok", "syncs go on by the clock"
    assert pc["ended"] is not None, pc["log"]
    assert pc["ended"] <= ENDED_SECONDS


def test_the_others_notice_nothing(played: Answers) -> None:
    assert {ended for _, _, ended in played["undisturbed"]["syncs"]} == {"ok"}


def test_a_server_that_asks_for_time_gets_it(played: Answers) -> None:
    times = [(datetime.fromisoformat(began), ended) for began, _, ended in played["asked for time"]["syncs"]]
    waits = [later - earlier for (earlier, ended), (later, _) in pairwise(times) if ended == "retry_later"]
    assert waits
    assert min(waits) >= timedelta(seconds=LEAVE_ALONE)


def test_a_password_that_is_wrong_by_now_is_sent_twice_however_long_nobody_enters_another(played: Answers) -> None:
    assert played["the proxy's log"]["wrong passwords"] == 2


def test_after_sleep_there_is_one_sync_once_the_network_has_settled(played: Answers) -> None:
    syncs = [(datetime.fromisoformat(began), trigger, ended) for began, trigger, ended in played["asleep"]["syncs"]]
    triggers = [trigger for _, trigger, _ in syncs]
    assert triggers.count("resume") == 1
    number = triggers.index("resume")
    assert syncs[number][0] - syncs[number - 1][0] >= timedelta(seconds=SLEEP + SETTLE - EVERY)
    assert {ended for _, _, ended in syncs} == {"ok"}


def test_every_pc_of_the_lab_is_looked_at() -> None:
    assert {pc.name for pc in PCS} == {*WORDS, "undisturbed", "asleep", "half-open in real time"}
