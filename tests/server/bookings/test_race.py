"""Several processes want the same hours of one host, on one SQLite file and on PostgreSQL."""

from __future__ import annotations

import ast
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

import postgres

PROCESSES, ATTEMPTS = 4, 60

SETUP = """
import django; django.setup()
from django.core.management import call_command
from dovetail.server.accounts.services import open_account
from dovetail.server.pages.models import EventType
call_command("migrate", verbosity=0)
page = open_account("host@example.com", None, "Host", "UTC").pages.get()
page.weekly_hours.update(start_minute=480)
EventType.objects.all().delete()
for minutes in (15, 20, 35, 60):
    EventType.objects.create(page=page, slug=minutes, name=minutes, duration=minutes, spacing=5, lead_time=0)
"""

COUNTS = {
    "overlaps": """
        SELECT COUNT(*) FROM bookings_booking a JOIN bookings_booking b
        ON a.host_id = b.host_id AND a.id < b.id AND a.start < b."end" AND b.start < a."end"
        WHERE a.status IN ('scheduled', 'rescheduled') AND b.status IN ('scheduled', 'rescheduled')
    """,
    "cells wanted": """
        SELECT SUM({minutes} / 5) FROM bookings_booking
        WHERE status IN ('scheduled', 'rescheduled')
    """,
    "cells claimed": "SELECT COUNT(*) FROM bookings_claim WHERE booking_id IS NOT NULL",
    "numbers used twice": "SELECT COUNT(*) - COUNT(DISTINCT seq) FROM bookings_booking",
}


MINUTES = {
    "sqlite": """(strftime('%s', "end") - strftime('%s', start)) / 60""",
    "postgresql": """CAST(EXTRACT(EPOCH FROM "end" - start) AS integer) / 60""",
}


@dataclass
class Database:
    """`settings` of the environment name it; `ask` answers a question that has one number for an answer."""

    kind: str
    settings: dict[str, str]
    ask: Callable[[str], int]

    def count(self) -> dict[str, int]:
        return {name: self.ask(sql.format(minutes=MINUTES[self.kind])) for name, sql in COUNTS.items()}


@pytest.fixture(params=MINUTES)
def database(request, tmp_path) -> Iterator[Database]:
    if request.param == "postgresql":
        with postgres.running() as cluster:
            url = cluster.new_database("dovetail")
            yield Database(request.param, {"DOVETAIL_DATABASE_URL": url}, lambda sql: int(cluster.sql(sql, "dovetail")))
        return

    def ask(sql: str) -> int:
        with closing(sqlite3.connect(tmp_path / "dovetail.sqlite3")) as file:
            return int(file.execute(sql).fetchone()[0])

    yield Database(request.param, {}, ask)


def test_processes_racing_for_the_same_hours_leave_no_overlap(tmp_path, database) -> None:
    settings = {"DOVETAIL_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "dovetail.server.settings"}
    env = os.environ | settings | database.settings

    def python(*arguments: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, *arguments], env=env, text=True, stdin=pipe, stdout=pipe)

    setup = python("-c", SETUP)
    setup.communicate(timeout=60)
    assert setup.returncode == 0
    racer = str(Path(__file__).with_name("racer.py"))
    racers = [python(racer, str(seed), str(ATTEMPTS)) for seed in range(PROCESSES)]
    assert [process.stdout.readline() for process in racers] == ["ready\n"] * PROCESSES
    for process in racers:
        process.stdin.write("go\n")
        process.stdin.flush()
    outcomes = [Counter(ast.literal_eval(process.communicate(timeout=120)[0])) for process in racers]

    total = sum(outcomes, Counter())
    assert sum(total.values()) == PROCESSES * ATTEMPTS
    assert total["SlotTaken"] > 20, "nobody raced"
    assert sum(outcome["placed"] > 0 for outcome in outcomes) > 1, outcomes
    count = database.count()
    assert count["overlaps"] == 0
    assert count["cells claimed"] == count["cells wanted"] > 0
    assert count["numbers used twice"] == 0
