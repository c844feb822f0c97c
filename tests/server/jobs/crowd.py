"""One of several worker processes: does jobs that write their number, until none is due."""

import django

django.setup()

from datetime import timedelta  # noqa: E402

from django.utils import timezone  # noqa: E402

from dovetail.server.jobs.models import Job  # noqa: E402
from dovetail.server.jobs.registry import job  # noqa: E402
from dovetail.server.jobs.worker import run_next  # noqa: E402


@job("test.number", database_only=True)
def write_number(number: int) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    Job.objects.create(kind="written", run_after=tomorrow, args={"number": number})


print("ready", flush=True)
input()  # all start together
done = 0
while run_next():
    done += 1
print(done)
