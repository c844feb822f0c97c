"""Wrong tries: six in ten minutes, then half an hour of nothing, and no stranger locks the owner out."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import close_old_connections, connections

from dovetail.protocol.credential import new_connector_id, new_token
from dovetail.server.activity.models import Entry
from dovetail.server.connections.jobs import forget_old
from dovetail.server.connections.models import Block, KnownAddress, WrongTry
from server.connections.wire import Wire, problem_of

pytestmark = pytest.mark.django_db


def codes(wire, tries, token):
    return [problem_of(wire.sign_in(token))["code"] for _ in range(tries)]


def test_the_sixth_wrong_try_is_answered_with_the_block(wire, wrong):
    left = [problem_of(wire.sign_in(wrong))["attempts_left"] for _ in range(5)]
    assert left == [5, 4, 3, 2, 1]
    sixth = wire.sign_in(wrong)
    problem = problem_of(sixth)
    assert (problem["status"], problem["code"], problem["retry_after"]) == (429, "blocked", 1800)
    assert sixth["Retry-After"] == "1800"


def test_right_credentials_are_refused_for_half_an_hour_and_then_let_in(wire, wrong, clock):
    codes(wire, 6, wrong)
    clock.forward(minutes=29, seconds=59)
    blocked = wire.sign_in()
    assert (problem_of(blocked)["code"], blocked["Retry-After"]) == ("blocked", "1")
    clock.forward(seconds=1)
    assert wire.sign_in().status_code == 200


def test_a_challenge_from_before_the_block_does_not_help(wire, wrong):
    from scramp import ScramClient

    from dovetail.protocol.credential import MECHANISM, tokenize
    from server.connections.wire import carried

    scram = ScramClient([MECHANISM], wire.connector_id, tokenize(wire.token))
    sid, server_first = carried(wire.challenge(scram.get_client_first())["WWW-Authenticate"])
    codes(wire, 6, wrong)
    scram.set_server_first(server_first)
    assert problem_of(wire.respond(sid, scram.get_client_final()))["code"] == "blocked"


def test_five_now_and_one_ten_minutes_later_are_not_six(wire, wrong, clock):
    codes(wire, 5, wrong)
    clock.forward(minutes=10)
    assert problem_of(wire.sign_in(wrong))["attempts_left"] == 5


def test_five_now_and_one_just_within_ten_minutes_are_six(wire, wrong, clock):
    codes(wire, 5, wrong)
    clock.forward(minutes=9, seconds=59)
    assert codes(wire, 1, wrong) == ["blocked"]


def test_after_a_block_the_count_begins_again(wire, wrong, clock):
    codes(wire, 6, wrong)
    clock.forward(minutes=30)
    assert problem_of(wire.sign_in(wrong))["attempts_left"] == 5


def test_a_success_clears_the_count(wire, wrong):
    codes(wire, 5, wrong)
    wire.sign_in()
    assert problem_of(wire.sign_in(wrong))["attempts_left"] == 5


def test_another_address_and_another_id_have_counts_of_their_own(wire, wrong):
    codes(wire, 6, wrong)
    elsewhere = Wire(wire.connector_id, wire.token, address="198.51.100.9")
    assert elsewhere.sign_in().status_code == 200
    other = Wire(new_connector_id(), wrong, address=wire.address)
    assert codes(other, 1, wrong) == ["wrong-credentials"]


def test_unknown_ids_are_limited_like_known_ones(wire, wrong):
    unknown = Wire(new_connector_id(), wrong)
    assert codes(unknown, 7, wrong) == codes(wire, 7, wrong) == ["wrong-credentials"] * 5 + ["blocked"] * 2


def test_an_ipv6_provider_gives_no_more_tries_than_any_other(wire, wrong):
    many = [Wire(wire.connector_id, wire.token, address=f"2001:db8:1:2::{n:x}") for n in range(6)]
    assert [codes(one, 1, wrong)[0] for one in many][-1] == "blocked"
    mapped = Wire(wire.connector_id, wire.token, address="::ffff:203.0.113.7")
    codes(mapped, 1, wrong)
    assert WrongTry.objects.filter(address=wire.address).exists()


def strangers_try(wire, wrong, tries):
    """Wrong tries from many addresses, five each."""
    answers = []
    for n in range(tries):
        answers += codes(Wire(wire.connector_id, wrong, address=f"198.51.{n // 5}.1"), 1, wrong)
    return answers


def test_a_stranger_who_knows_the_id_cannot_lock_the_owner_out(wire, wrong, clock):
    assert wire.sign_in().status_code == 200
    assert strangers_try(wire, wrong, 60)[-2:] == ["wrong-credentials", "blocked"]
    assert codes(Wire(wire.connector_id, wrong, address="192.0.2.1"), 1, wrong) == ["blocked"]
    assert codes(wire, 1, wrong) == ["wrong-credentials"]
    assert wire.sign_in().status_code == 200


def test_the_owner_at_a_new_address_waits_half_an_hour_after_an_attack(wire, wrong, clock):
    strangers_try(wire, wrong, 60)
    assert wire.sign_in().status_code == 429
    clock.forward(minutes=30)
    assert wire.sign_in().status_code == 200


def test_slow_strangers_are_never_blocked_together(wire, wrong, clock):
    strangers_try(wire, wrong, 30)
    clock.forward(hours=1)
    assert set(strangers_try(wire, wrong, 30)) == {"wrong-credentials"}


def test_the_owners_own_slips_do_not_count_as_a_strangers(wire, wrong):
    wire.sign_in()
    codes(wire, 5, wrong)
    assert strangers_try(wire, wrong, 59)[-1] == "wrong-credentials"


def test_the_owner_reads_of_a_block_in_the_activity_stream(wire, wrong, ada):
    codes(wire, 8, wrong)
    entry = Entry.objects.get(kind="connection.blocked")
    assert (entry.user, entry.details["address"]) == (ada, wire.address)


def test_old_tries_and_blocks_are_forgotten(wire, wrong, clock):
    wire.sign_in()
    codes(wire, 6, wrong)
    clock.forward(hours=1)
    forget_old()
    assert not WrongTry.objects.exists()
    assert not Block.objects.exists()
    assert KnownAddress.objects.exists()
    clock.forward(days=180)
    forget_old()
    assert not KnownAddress.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_tries_at_the_same_time_are_all_counted(wire):
    together = threading.Barrier(8)

    def try_once(_):
        try:
            together.wait(10)
            return problem_of(Wire(wire.connector_id, wire.token).sign_in(new_token()))["code"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(try_once, range(8)))
    close_old_connections()
    assert sorted(answers) == ["blocked"] * 3 + ["wrong-credentials"] * 5
    assert WrongTry.objects.count() == 6
