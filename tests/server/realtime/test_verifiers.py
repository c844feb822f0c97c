"""What an XMPP server is told, and that nobody else is."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from django.test import Client

from dovetail.server.connections import erasure, pairing
from dovetail.server.realtime import verifiers
from dovetail.server.realtime.bucket import Bucket

SECRET = "secret-of-the-verifiers"
KEYS = "/xmpp/v1/keys/"


@pytest.fixture(autouse=True)
def _limits(monkeypatch):
    """Fresh ones: they are the process's."""
    monkeypatch.setattr(verifiers, "_asked", Bucket(rate=0.0, size=20.0))
    monkeypatch.setattr(verifiers, "_refused", Bucket(rate=0.0, size=3.0))


@pytest.fixture
def ask(settings):
    settings.XMPP_KEYS_SECRET = SECRET

    def ask(path: str, secret: str = SECRET, **options: object):
        headers = {"Authorization": f"Bearer {secret}"}
        return Client(headers=headers).generic(
            "POST" if "data" in options else "GET", path, **{"secure": True, "REMOTE_ADDR": "192.0.2.7", **options}
        )

    return ask


def digest(told: dict[str, str]) -> str:
    return hashlib.sha256(base64.b64decode(told["stored_key"])).hexdigest()


def test_the_verifier_of_a_connector_and_nothing_else_is_told(ask, ada):
    answer = ask(KEYS + ada.connector_id.lower())
    connection = ada.connection
    keys = {"salt": connection.salt, "stored_key": connection.stored_key, "server_key": connection.server_key}
    told = {name: base64.b64encode(key).decode() for name, key in keys.items()}
    assert answer.json() == {**told, "iterations": 4096}
    assert answer["Cache-Control"] == "no-store"


def test_an_unknown_connector_looks_like_a_known_one_each_time(ask, ada):
    known, unknown = ask(KEYS + ada.connector_id.lower()), ask(KEYS + "nobody2345")
    assert unknown.status_code == known.status_code
    assert {name: len(str(key)) for name, key in unknown.json().items()} == {
        name: len(str(key)) for name, key in known.json().items()
    }
    assert ask(KEYS + "nobody2345").json() == unknown.json() != ask(KEYS + "nobody2346").json()


def test_a_revoked_one_looks_like_an_unknown_one(ask, ada):
    before = ask(KEYS + ada.connector_id).json()
    erasure.erase(ada.connection, actor="user")
    after = ask(KEYS + ada.connector_id).json()
    assert after.keys() == before.keys()
    assert after["stored_key"] != before["stored_key"]


def test_which_sessions_are_revoked_is_told(ask, ada, eve):
    sessions = [
        {"user": each.connector_id.lower(), "key": digest(ask(KEYS + each.connector_id).json())} for each in (ada, eve)
    ]
    pairing.renew_token(ada.connection.user)
    asked = {"data": json.dumps({"sessions": sessions}), "content_type": "application/json"}
    assert ask("/xmpp/v1/revoked", **asked).json() == {"revoked": sessions[:1]}


@pytest.mark.parametrize("body", ["", "{}", '{"sessions": [{"user": "a", "key": "x"}]}', '{"sessions": 7}'])
def test_what_is_no_question_is_refused(ask, db, body):
    assert ask("/xmpp/v1/revoked", data=body, content_type="application/json").status_code == 400


def test_without_the_secret_nothing_is_told(ask, ada):
    assert ask(KEYS + ada.connector_id, secret="guessed").status_code == 401
    assert Client().get(KEYS + ada.connector_id, secure=True).status_code == 401


def test_without_the_setting_there_is_nothing(settings, ada):
    settings.XMPP_KEYS_SECRET = ""
    assert Client(headers={"Authorization": "Bearer "}).get(KEYS + ada.connector_id, secure=True).status_code == 404


@pytest.mark.parametrize(("address", "status"), [("192.0.2.7", 403), ("127.0.0.1", 200), ("::1", 200)])
def test_in_clear_it_is_told_on_this_machine_only(ask, ada, address, status):
    assert ask(KEYS + ada.connector_id, secure=False, REMOTE_ADDR=address).status_code == status


def test_guesses_are_held_up_and_the_right_secret_is_not(ask, ada):
    assert [ask(KEYS + "a", secret=f"guess {n}").status_code for n in range(5)] == [401] * 3 + [429] * 2
    assert ask(KEYS + "a").status_code == 200


def test_a_flood_of_questions_is_held_up(ask, db):
    assert [ask(KEYS + "a").status_code for _ in range(22)].count(429) == 2


def test_a_bucket_fills_again():
    now = [0.0]
    bucket = Bucket(rate=2.0, size=3.0, clock=lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    now[0] = 100.0
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
