"""One of several processes that book, move and cancel at one host, as fast as they can.

Arguments: a seed and the number of attempts. Prints what became of them.
"""

import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import django

django.setup()

from dovetail.server.bookings.errors import BookingRefused  # noqa: E402
from dovetail.server.bookings.models import Actor  # noqa: E402
from dovetail.server.bookings.place import Customer, cancel, hold, place, reschedule  # noqa: E402
from dovetail.server.pages.models import EventType  # noqa: E402

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
NOBODY = Customer("Customer", "customer@example.com", "UTC")

seed, attempts = int(sys.argv[1]), int(sys.argv[2])
dice = random.Random(seed)
event_types = list(EventType.objects.select_related("page"))


def some_start() -> datetime:
    """Any five minutes of the same day, so that meetings overlap without being equal."""
    return NOW + timedelta(hours=1, minutes=5 * dice.randrange(96))


print("ready", flush=True)
input()  # all start together
results: Counter[str] = Counter()
mine = []
for _ in range(attempts):
    try:
        act = dice.random()
        if act < 0.15 and mine:
            mine.append(reschedule(mine.pop(dice.randrange(len(mine))), some_start(), now=NOW))
            results["moved"] += 1
        elif act < 0.35 and mine:
            cancel(mine.pop(dice.randrange(len(mine))), Actor.CUSTOMER, now=NOW)
            results["canceled"] += 1
        else:
            event_type, start = dice.choice(event_types), some_start()
            kept = hold(event_type, start, now=NOW) if act > 0.7 else None
            mine.append(place(event_type, start, NOBODY, hold=kept.token if kept else "", now=NOW))
            results["placed"] += 1
    except BookingRefused as refused:
        results[type(refused).__name__] += 1
print(dict(results))
