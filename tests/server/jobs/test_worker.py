"""How jobs are done: once, again after a failure, by somebody else after a crash, and by the clock."""

import threading
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from dovetail.server.jobs import worker
from dovetail.server.jobs.jobs import forget_dead
from dovetail.server.jobs.models import Job
from dovetail.server.jobs.outbox import cancel, enqueue
from dovetail.server.jobs.registry import handler_of, job
from dovetail.server.jobs.worker import MAX_ATTEMPTS, Worker, claim, perform, plan_periodic, put_back, run_next

pytestmark = pytest.mark.django_db(transaction=True)


def written():
    return [row.args["text"] for row in Job.objects.filter(kind="written").order_by("id")]


def make_due():
    Job.objects.update(run_after=timezone.now())


def let_leases_end():
    Job.objects.exclude(lease=None).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_jobs_are_done_in_the_order_they_fell_due_and_leave_no_row(noted, work_off):
    now = timezone.now()
    for minutes in (2, 3, 1):
        enqueue("test.mail", args={"text": f"{minutes} ago"}, run_after=now - timedelta(minutes=minutes))
    assert work_off() == 3
    assert noted == ["3 ago", "2 ago", "1 ago"]
    assert not Job.objects.exists()


def test_a_job_waits_for_its_time(noted, work_off):
    enqueue("test.mail", args={"text": "reminder"}, run_after=timezone.now() + timedelta(minutes=1))
    assert work_off() == 0
    assert noted == []


def test_what_a_failing_database_job_wrote_is_undone(noted, work_off):
    enqueue("test.note", args={"text": "fail"})
    enqueue("test.note", args={"text": "well"})
    work_off()
    assert noted == ["fail", "well"]
    assert written() == ["well"]


def test_a_database_job_that_outlived_its_lease_has_no_effect(noted):
    enqueue("test.note", args={"text": "once"})
    slow = claim()
    let_leases_end()
    assert run_next()
    with pytest.raises(worker.LeaseLost):
        perform(slow, handler_of("test.note"))
    assert written() == ["once"]


def test_a_taken_job_is_nobody_elses_until_its_lease_ends(noted):
    enqueue("test.mail", args={"text": "letter"})
    assert claim() is not None  # and the process dies here
    assert not run_next()
    let_leases_end()
    assert run_next()
    assert noted == ["letter"]
    assert not Job.objects.exists()


def test_a_late_failure_does_not_touch_what_somebody_else_took(noted):
    enqueue("test.mail", "letter")
    slow = claim()
    let_leases_end()
    taken = claim()
    put_back(slow, "OSError: too late")
    row = Job.objects.get()
    assert (row.lease, row.error) == (taken.lease, "")


def test_a_failed_job_is_tried_again_ever_later_and_then_given_up(noted, work_off):
    enqueue("test.mail", "letter", {"text": "fail: no mail server"})
    waits = []
    while not Job.objects.filter(dead=True).exists():
        before = timezone.now()
        assert work_off() == 1
        waits.append(round((Job.objects.get().run_after - before).total_seconds()))
        make_due()
    assert waits[:5] == [10, 40, 160, 640, 2560]
    assert max(waits) == 6 * 3600
    assert len(noted) == MAX_ATTEMPTS
    assert Job.objects.get().error == "OSError: fail: no mail server"
    assert work_off() == 0


def test_a_job_that_ends_the_process_each_time_is_given_up_too(noted, work_off):
    enqueue("test.mail", "poison")
    for _ in range(MAX_ATTEMPTS):
        assert claim() is not None
        let_leases_end()
    work_off()
    assert noted == []
    assert Job.objects.get().dead


def test_a_failed_job_makes_way_for_a_newer_one_with_its_key(noted, work_off):
    enqueue("test.mail", "booking-7", {"text": "old"})
    failing = claim()
    enqueue("test.mail", "booking-7", {"text": "new"})
    put_back(failing, "OSError: no mail server")
    assert [row.args for row in Job.objects.all()] == [{"text": "new"}]
    work_off()
    assert noted == ["new"]


def test_a_job_being_done_can_neither_be_replaced_nor_cancelled(noted):
    enqueue("test.mail", "booking-7", {"text": "old"})
    claim()
    assert not cancel("test.mail", "booking-7")
    enqueue("test.mail", "booking-7", {"text": "new"})
    assert Job.objects.count() == 2


def test_a_job_of_a_kind_nobody_knows_any_more_waits_and_says_why(noted, work_off):
    Job.objects.create(kind="test.removed", run_after=timezone.now())
    work_off()
    assert "test.removed" in Job.objects.get().error


def test_a_dead_job_is_kept_for_a_month(noted):
    long_ago = timezone.now() - timedelta(days=31)
    Job.objects.create(kind="test.mail", run_after=long_ago, dead=True)
    Job.objects.create(kind="test.mail", run_after=timezone.now(), dead=True)
    Job.objects.create(kind="test.mail", run_after=long_ago)
    forget_dead()
    assert Job.objects.filter(run_after__gt=long_ago).count() == 1
    assert Job.objects.filter(run_after=long_ago, dead=False).count() == 1


def test_a_periodic_job_comes_at_once_and_again_after_its_time(noted, work_off):
    job("test.tick", database_only=True, every=timedelta(minutes=5))(lambda: noted.append("tick"))
    plan_periodic()
    plan_periodic()
    assert work_off() == 1
    wait = Job.objects.get().run_after - timezone.now()
    assert timedelta(minutes=4, seconds=50) < wait <= timedelta(minutes=5)
    make_due()
    work_off()
    assert noted == ["tick", "tick"]


def test_a_periodic_job_that_fails_comes_again_in_its_rhythm(noted, work_off):
    @job("test.tick", database_only=True, every=timedelta(minutes=5))
    def tick():
        raise RuntimeError

    plan_periodic()
    work_off()
    pending = Job.objects.get()
    assert pending.run_after - timezone.now() > timedelta(minutes=4)
    assert (pending.attempts, pending.dead) == (0, False)


def test_a_rhythm_made_faster_holds_from_the_next_start(noted):
    job("test.tick", database_only=True, every=timedelta(minutes=5))(lambda: None)
    far = timezone.now() + timedelta(days=1)
    Job.objects.create(kind="test.tick", key=worker.PERIODIC, run_after=far)
    plan_periodic()
    assert Job.objects.get().run_after < timezone.now() + timedelta(minutes=6)


@pytest.fixture
def working():
    """A worker in its own thread that looks by itself only once an hour."""
    running = Worker(poll=3600)
    thread = threading.Thread(target=running.run)
    thread.start()
    yield running
    running.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_a_waiting_worker_starts_as_soon_as_a_transaction_commits(noted, working):
    time.sleep(0.2)
    enqueue("test.mail", args={"text": "now"})
    give_up = time.monotonic() + 5
    while not noted and time.monotonic() < give_up:
        time.sleep(0.01)
    assert noted == ["now"]


def test_a_worker_survives_a_database_that_does_not_answer(noted, monkeypatch, caplog):
    answers = iter([ValueError("SELECT a secret"), False])

    def looked():
        answer = next(answers)
        if answer is False:
            running.stop()
            return False
        raise answer

    running = Worker(poll=0.01)
    monkeypatch.setattr(worker, "run_next", looked)
    running.run()
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text


def test_the_log_names_a_failed_job_but_not_what_it_was_about(noted, work_off, caplog):
    enqueue("test.mail", args={"text": "fail for anna@example.org"})
    work_off()
    assert "test.mail" in caplog.text
    assert "anna" not in caplog.text
