"""What the outbox promises: nothing asked for by a transaction that failed, and one pending job for each key."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from dovetail.server.jobs.models import Job
from dovetail.server.jobs.outbox import cancel, enqueue, wake

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_rolled_back_transaction_leaves_no_job_and_wakes_nobody(noted):
    wake.clear()

    def place():
        with transaction.atomic():
            enqueue("test.note", args={"text": "never"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        place()
    assert not Job.objects.exists()
    assert not wake.is_set()


def test_the_worker_is_woken_when_the_transaction_commits_and_not_before(noted):
    wake.clear()
    with transaction.atomic():
        enqueue("test.note")
        assert not wake.is_set()
    assert wake.is_set()


def test_a_second_job_with_the_same_key_replaces_the_first(noted):
    later = timezone.now() + timedelta(hours=1)
    enqueue("test.note", "booking-7", {"text": "old"})
    Job.objects.update(attempts=4, error="OSError: no mail server")
    enqueue("test.note", "booking-7", {"text": "new"}, later)
    assert list(Job.objects.values_list("args", "run_after", "attempts", "error")) == [({"text": "new"}, later, 0, "")]


def test_jobs_without_a_key_and_with_other_keys_stand_side_by_side(noted):
    for key in (None, None, "a", "b"):
        enqueue("test.note", key)
    enqueue("test.mail", "a")
    assert Job.objects.count() == 5


def test_a_cancelled_job_is_gone(noted, work_off):
    enqueue("test.note", "booking-7", {"text": "reminder"})
    assert cancel("test.note", "booking-7")
    assert not cancel("test.note", "booking-7")
    work_off()
    assert noted == []


def test_cancelling_takes_only_that_kind_and_key(noted):
    enqueue("test.note", "a")
    enqueue("test.note", "b")
    enqueue("test.mail", "a")
    cancel("test.note", "a")
    assert set(Job.objects.values_list("kind", "key")) == {("test.note", "b"), ("test.mail", "a")}


def test_work_that_nobody_does_is_refused_at_once():
    with pytest.raises(LookupError, match=r"test\.unheard"):
        enqueue("test.unheard")


def test_the_table_itself_refuses_a_second_pending_job_with_one_key(noted):
    pending = {"kind": "test.note", "key": "a", "run_after": timezone.now()}
    Job.objects.create(**pending)
    Job.objects.create(**pending, dead=True)
    with pytest.raises(IntegrityError):
        Job.objects.create(**pending)
