"""``slots``: 60 days of slots from SQLite, hours 9 to 17 and 360 busy blocks a host; one host, and a pool of 100.

Beside django-appointment on the same work: the same hours, the same number of half-hour appointments, 30 minutes every
15. The pool is what a page of many hosts asks: every start at which at least one of them is free.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.result import Result
from dovetail.schedule.intervals import Interval

HOSTS = 100
DAYS = 60
BUSY_A_DAY = 6
DAY = 1440
PEER = "django-appointment"


def run() -> Iterator[Result]:
    with tempfile.TemporaryDirectory(prefix="dovetail-bench-") as directory:
        os.environ["DOVETAIL_DATA"] = directory
        os.environ["DJANGO_SETTINGS_MODULE"] = "dovetail.server.settings"
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        yield from measured(Path(directory))
        connection.close()


def measured(directory: Path) -> Iterator[Result]:
    from dovetail.schedule.instants import to_minutes
    from dovetail.schedule.slots import pool_slots
    from dovetail.server.bookings.availability import availability

    now = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    event_types = fill(now)
    minute = to_minutes(now)
    within = Interval(minute + DAY, minute + (DAYS + 1) * DAY)

    def one_host() -> list[int]:
        return availability(event_types[0], within, now).slots(minute, within)

    alone = median(one_host, 40)
    peer_alone, peer_slots = peer(1, directory)
    if peer_slots != len(one_host()):
        raise SystemExit(f"slots: {len(one_host())} here, {peer_slots} at the peer")
    yield Result("slots", "1 host × 60 days", alone * 1000, "ms", PEER, peer_alone * 1000)

    rules = event_types[0].rules()
    cold = median(lambda: pool_slots(pool_masks(event_types, within), rules, minute), 5)
    masks = pool_masks(event_types, within)
    warm = median(lambda: pool_slots(masks, rules, minute), 20)
    peer_pool, _ = peer(HOSTS, directory)
    yield Result("slots", "pool of 100 × 60 days, cold", cold * 1000, "ms", PEER, peer_pool * 1000)
    yield Result("slots", "pool of 100 × 60 days, warm", warm * 1000, "ms", PEER, peer_pool * 1000)


def fill(now: datetime) -> list:  # type: ignore[type-arg]
    """`HOSTS` accounts with a connected calendar; their event types."""
    from dovetail.protocol.messages import Access
    from dovetail.schedule.busy import BusyBlock, BusyStatus
    from dovetail.schedule.busymap import BusyMap
    from dovetail.schedule.instants import to_minutes
    from dovetail.server.accounts.models import User
    from dovetail.server.accounts.services import move_in
    from dovetail.server.connections.models import BusyChunk, ConnectedCalendar, Connection, State

    chance = random.Random(7)
    first = to_minutes(now) + DAY
    event_types = []
    for number in range(HOSTS):
        user = User(email=f"host{number}@example.org")
        user.set_unusable_password()
        user.save()
        page = move_in(user, f"Host {number}", "UTC")
        page.weekly_hours.all().delete()
        page.weekly_hours.bulk_create(
            page.weekly_hours.model(page=page, weekday=day, start_minute=540, end_minute=1020) for day in range(7)
        )
        event_type = page.event_types.get()
        event_type.spacing, event_type.lead_time, event_type.horizon_days = 15, 0, DAYS + 1
        event_type.save()
        connection = Connection.objects.create(
            user=user, connector_id=f"B{number:09d}", state=State.CONNECTED, last_contact=now
        )
        calendar = ConnectedCalendar.objects.create(
            connection=connection, key=f"{number:016x}", name="Calendar", access=Access.BOOKABLE, is_main=True
        )
        blocks = [
            BusyBlock(start, start + 30, BusyStatus.BUSY)
            for day in range(DAYS)
            for slot in chance.sample(range(16), BUSY_A_DAY)
            for start in (first + day * DAY + 540 + 30 * slot,)
        ]
        busy = BusyMap.reduce({calendar.key: blocks}, Interval(first, first + (DAYS + 1) * DAY))
        BusyChunk.objects.bulk_create(
            BusyChunk(calendar=calendar, index=index, digest="", blocks=[list(block) for block in chunk])
            for (_, index), chunk in busy.chunks.items()
        )
        event_types.append(event_type)
    return event_types


def pool_masks(event_types: list, within: Interval) -> list:  # type: ignore[type-arg]
    """Every host's free starts, all busy time in one query."""
    from dovetail.schedule.slots import start_mask
    from dovetail.server.connections.models import BusyChunk

    busy: dict[int, list[Interval]] = {}
    rows = BusyChunk.objects.filter(calendar__is_main=True).values_list("calendar__connection__user", "blocks")
    for host, blocks in rows:
        busy.setdefault(host, []).extend(Interval(block[0], block[1]) for block in blocks)
    return [
        start_mask(event_type.page.hours(), event_type.rules(), busy[event_type.page.user_id], (), within)
        for event_type in event_types
    ]


def median(work: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def peer(hosts: int, directory: Path) -> tuple[float, int]:
    """Seconds that django-appointment takes, in a process of its own, and the slots it finds."""
    home = directory / f"peer-{hosts}"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers.django_appointment_slots", str(hosts), str(home)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer = json.loads(done.stdout.splitlines()[-1])
    return float(answer["seconds"]), int(answer["slots"])
