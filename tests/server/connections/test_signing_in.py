"""Signing in: the whole SCRAM exchange over HTTP, and everything that is not one."""

import re

import pytest
from scramp import ScramClient, ScramException

from dovetail.protocol.credential import MECHANISM, new_connector_id, tokenize
from dovetail.server.connections import keys, pairing
from dovetail.server.connections.models import BearerKey, Connection, SpentNonce, WrongTry
from server.connections.wire import Wire, carried, problem_of

pytestmark = pytest.mark.django_db


def test_the_right_token_earns_a_key_and_the_server_proves_itself(wire, connection):
    answer = wire.sign_in()
    assert answer.status_code == 200
    session = answer.json()
    assert session["expires_in"] == 15 * 60
    assert session["epoch"] == 1
    assert session["protocols"] == [1]
    assert answer["Cache-Control"] == "no-store"
    connection.refresh_from_db()
    assert connection.paired_at is not None


def test_neither_token_nor_its_md5_nor_the_key_is_in_the_database(wire, connection):
    wire.sign_in()
    connection.refresh_from_db()
    kept = bytes(connection.salt + connection.stored_key + connection.server_key).hex()
    kept += "".join(BearerKey.objects.values_list("digest", flat=True))
    assert wire.key not in kept
    assert tokenize(wire.token) not in kept


def test_a_server_that_does_not_know_the_credential_cannot_pass_for_ours(wire, connection):
    Connection.objects.filter(pk=connection.pk).update(server_key=b"x" * 32)
    with pytest.raises(ScramException):
        wire.sign_in()


def test_a_wrong_token_is_refused_with_the_tries_that_are_left(wire, wrong):
    problem = problem_of(wire.sign_in(wrong))
    assert (problem["status"], problem["code"], problem["attempts_left"]) == (401, "wrong-credentials", 5)


def test_an_unknown_id_cannot_be_told_from_a_wrong_token(wire, wrong, django_assert_num_queries):
    unknown = Wire(new_connector_id(), wrong)

    def shape(tried: Wire):
        scram = ScramClient([MECHANISM], tried.connector_id, tokenize(wrong), c_nonce="n" * 64)
        with django_assert_num_queries(2):
            first = tried.challenge(scram.get_client_first())
        sid, server_first = carried(first["WWW-Authenticate"])
        scram.set_server_first(server_first)
        last = tried.respond(sid, scram.get_client_final())
        fields = re.sub(r"=[^,]*", "", server_first)
        headers = {name: len(value) for name, value in last.items()}
        return fields, len(server_first), len(sid), first.content, last.status_code, headers, last.content

    assert shape(wire) == shape(unknown)


def test_an_unknown_id_has_the_same_salt_each_time(wrong, clock):
    unknown = Wire(new_connector_id(), wrong)
    salts = {
        carried(unknown.challenge(f"n,,n={unknown.connector_id},r={n}")["WWW-Authenticate"])[1].split(",")[1]
        for n in "ab"
    }
    assert len(salts) == 1


def test_a_recorded_exchange_is_worth_nothing(wire):
    scram = ScramClient([MECHANISM], wire.connector_id, tokenize(wire.token))
    sid, server_first = carried(wire.challenge(scram.get_client_first())["WWW-Authenticate"])
    scram.set_server_first(server_first)
    final = scram.get_client_final()
    assert wire.respond(sid, final).status_code == 200
    problem = problem_of(wire.respond(sid, final))
    assert (problem["status"], problem["code"]) == (401, "key-expired")
    assert BearerKey.objects.count() == 1


def test_one_challenge_is_good_for_one_guess(wire, wrong):
    scram = ScramClient([MECHANISM], wire.connector_id, tokenize(wire.token))
    sid, server_first = carried(wire.challenge(scram.get_client_first())["WWW-Authenticate"])
    scram.set_server_first(server_first)
    right = scram.get_client_final()
    assert problem_of(wire.respond(sid, right[:-8] + "AAAAAAA="))["code"] == "wrong-credentials"
    assert problem_of(wire.respond(sid, right))["code"] == "key-expired"


def test_a_challenge_not_answered_within_a_minute_is_over(wire, clock):
    scram = ScramClient([MECHANISM], wire.connector_id, tokenize(wire.token))
    sid, server_first = carried(wire.challenge(scram.get_client_first())["WWW-Authenticate"])
    scram.set_server_first(server_first)
    clock.forward(seconds=61)
    assert problem_of(wire.respond(sid, scram.get_client_final()))["code"] == "key-expired"


def test_a_forged_challenge_is_refused(wire):
    first = wire.challenge(f"n,,n={wire.connector_id},r=abc")
    sid, _ = carried(first["WWW-Authenticate"])
    forged = ("A" if sid[0] != "A" else "B") + sid[1:]
    assert problem_of(wire.respond(forged, "c=biws,r=abc,p=AAAA"))["code"] == "key-expired"
    assert not SpentNonce.objects.exists()


@pytest.mark.parametrize(
    "client_first",
    [
        "n,,",
        "n,,r=abc",
        "n,,n=,r=abc",
        "p=tls-unique,,n=ABC,r=abc",
        "n,a=other,n=ABC,r=abc",
        "n,,m=x,n=ABC,r=abc",
        "n,,n=ABC,r=" + "x" * 1024,
        "n,,n=" + "é" * 600 + ",r=abc",
        "n,,n=A\x00B,r=abc",
    ],
)
def test_what_is_not_scram_is_malformed_and_no_try(wire, client_first):
    problem = problem_of(wire.challenge(client_first))
    assert (problem["status"], problem["code"]) == (400, "malformed")
    assert not WrongTry.objects.exists()


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic YWRhOnNlY3JldA==",
        "Bearer abc",
        MECHANISM,
        f"{MECHANISM} realm=dovetail",
        f"{MECHANISM} data=%%%",
        f"{MECHANISM} data=/w==",
        f"{MECHANISM} ,,,===",
        f'{MECHANISM} data="',
        f"{MECHANISM} realm=other, data=biwsbj1BLHI9Yg==",
        f"{MECHANISM} data={'A' * 100_000}",
    ],
)
def test_another_authorization_is_told_how_to_sign_in(wire, authorization):
    answer = wire.send("POST", "/session", authorization=authorization)
    assert problem_of(answer)["status"] in (400, 401)
    if answer.status_code == 401:
        assert answer["WWW-Authenticate"].startswith(f'{MECHANISM} realm="dovetail"')


def test_a_new_token_ends_the_old_one_and_its_keys_and_keeps_the_rest(wire, ada, connection):
    wire.sign_in()
    renewed = pairing.renew_token(ada)
    assert (renewed.connector_id, renewed.connection.epoch) == (wire.connector_id, 1)
    assert problem_of(wire.sync(b"{}"))["code"] == "disconnected"
    assert problem_of(wire.sign_in())["code"] == "wrong-credentials"
    assert wire.sign_in(renewed.token).status_code == 200


def test_one_connection_each(ada, paired):
    with pytest.raises(pairing.AlreadyConnected):
        pairing.connect(ada)


def test_there_is_no_new_token_without_a_connection(ada):
    with pytest.raises(pairing.NotConnected):
        pairing.renew_token(ada)


def test_a_key_is_good_for_15_minutes(wire, clock):
    wire.sign_in()
    clock.forward(minutes=14, seconds=59)
    assert problem_of(wire.sync(b"{}"))["code"] == "malformed"
    clock.forward(seconds=1)
    problem = problem_of(wire.sync(b"{}"))
    assert (problem["status"], problem["code"]) == (401, "key-expired")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer nonsense", "Basic abc", "Bearer " + "x" * 10_000])
def test_without_a_key_nothing_is_read(wire, authorization):
    answer = wire.send("POST", "/sync", b"not even JSON", authorization=authorization)
    assert problem_of(answer)["code"] == "key-expired"
    assert answer["WWW-Authenticate"] == "Bearer"


def test_expired_keys_and_nonces_are_forgotten(wire, clock):
    from dovetail.server.connections.jobs import forget_old

    wire.sign_in()
    clock.forward(minutes=16)
    forget_old()
    assert not BearerKey.objects.exists()
    assert not SpentNonce.objects.exists()
    assert keys.LIFETIME.total_seconds() == 900
