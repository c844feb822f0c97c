"""Two kinds of job for the tests: one that only writes to the database, one with an effect outside."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from dovetail.server.jobs.models import Job
from dovetail.server.jobs.registry import HANDLERS, job
from dovetail.server.jobs.worker import run_next


@pytest.fixture
def noted():
    """What the handlers did; a text that starts with "fail" makes them fail afterwards."""
    done = []

    with patch.dict(HANDLERS, clear=True):

        def note(text=""):
            done.append(text)
            Job.objects.create(kind="written", run_after=timezone.now() + timedelta(days=1), args={"text": text})
            if text.startswith("fail"):
                raise RuntimeError(text)

        job("test.note", database_only=True)(note)

        @job("test.mail", database_only=False)
        def mail(text=""):
            done.append(text)
            if text.startswith("fail"):
                raise OSError(text)

        yield done


@pytest.fixture
def work_off():
    """Do everything that is due; how much that was."""

    def work() -> int:
        count = 0
        while run_next():
            count += 1
        return count

    return work
