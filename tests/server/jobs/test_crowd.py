"""Several worker processes on one SQLite file."""

import os
import subprocess
import sys
from pathlib import Path

SETUP = """
import django; django.setup()
from django.core.management import call_command
from django.utils import timezone
from dovetail.server.jobs.models import Job
call_command("migrate", "jobs", verbosity=0)
now = timezone.now()
Job.objects.bulk_create(Job(kind="test.number", run_after=now, args={"number": n}) for n in range(200))
"""
RESULT = """
import django; django.setup()
from dovetail.server.jobs.models import Job
print(*(row.args["number"] for row in Job.objects.all()))
"""


def test_three_processes_do_each_of_200_jobs_exactly_once(tmp_path):
    env = os.environ | {"DOVETAIL_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "dovetail.server.settings"}

    def python(*arguments) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, *arguments], env=env, text=True, stdin=pipe, stdout=pipe)

    setup = python("-c", SETUP)
    setup.communicate(timeout=60)
    assert setup.returncode == 0
    crowd = [python(str(Path(__file__).with_name("crowd.py"))) for _ in range(3)]
    assert [process.stdout.readline() for process in crowd] == ["ready\n"] * 3
    for process in crowd:
        process.stdin.write("go\n")
        process.stdin.flush()
    done = [int(process.communicate(timeout=60)[0]) for process in crowd]
    left, _ = python("-c", RESULT).communicate(timeout=60)
    assert sum(done) == 200
    assert sorted(map(int, left.split())) == list(range(200))
    assert sum(map(bool, done)) > 1, "one process did everything: nobody raced"
