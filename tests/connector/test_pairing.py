"""Pairing and its end, against a server that keeps to the contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail

from connector.link.loopback import EPOCH, Loopback, Reply, problem_reply
from dovetail.connector import pairing
from dovetail.connector.calendars.port import CalendarError
from dovetail.connector.link.port import Disconnected, LinkError, NotTheServer, Unreachable, WrongCredentials
from dovetail.connector.link.signin import Credential
from dovetail.connector.profile import Home, NotPaired, Profile, ProfileError
from dovetail.protocol.credential import new_connector_id, new_token, tokenize
from dovetail.protocol.messages import SyncMode
from dovetail.protocol.problems import ProblemCode


@pytest.fixture(autouse=True)
def _no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def wanted(loopback: Loopback, ca_file: Path, tmp_path: Path) -> Profile:
    (tmp_path / "calendar").mkdir()
    return Profile(
        server=loopback.origin,
        connector_id=loopback.connector_id,
        epoch=0,
        calendars={1: f"folder:{tmp_path / 'calendar'}"},
        ca_file=ca_file,
    )


def kept_in(home: Home) -> str:
    """All that lies in the home, as one text."""
    return "\n".join(file.read_text(errors="replace") for file in home.folder.rglob("*") if file.is_file())


def test_pairing_keeps_the_tokenized_form_and_never_the_token(
    home: Home, wanted: Profile, credential: Credential, token: str
) -> None:
    profile, place = pairing.pair(home, wanted, credential.tokenized)

    assert profile.epoch == EPOCH
    assert home.read() == profile
    assert not place.in_keyring
    assert home.credentials.load(profile.connector_id) == (credential.tokenized, place)
    assert token not in kept_in(home)
    assert token.replace("-", "") not in kept_in(home)
    assert credential.tokenized not in home.profile_file.read_text()


@pytest.mark.parametrize("reason", ["wrong token", "portal"])
def test_nothing_is_kept_of_a_pairing_that_failed(
    home: Home, wanted: Profile, loopback: Loopback, credential: Credential, reason: str
) -> None:
    tokenized = credential.tokenized
    if reason == "portal":
        loopback.instead = lambda seen: Reply(200, b"<html>", {"Content-Type": "text/html"})
    else:
        tokenized = tokenize(new_token())
    with pytest.raises(NotTheServer if reason == "portal" else WrongCredentials):
        pairing.pair(home, wanted, tokenized)
    assert not home.folder.exists()


def test_a_pc_that_is_paired_is_not_paired_with_another_connection_by_accident(
    home: Home, wanted: Profile, credential: Credential
) -> None:
    pairing.pair(home, wanted, credential.tokenized)
    other = wanted.model_copy(update={"connector_id": new_connector_id()})
    with pytest.raises(ProfileError, match="dovetail disconnect"):
        pairing.pair(home, other, tokenize(new_token()))


def test_a_new_token_for_the_same_connection_keeps_the_journal(
    home: Home, wanted: Profile, credential: Credential
) -> None:
    pairing.pair(home, wanted, credential.tokenized)
    home.journal_file.write_bytes(b"")
    pairing.pair(home, wanted, credential.tokenized)
    assert home.journal_file.exists()


def test_a_calendar_keeps_its_number_when_others_come_and_go(
    home: Home, wanted: Profile, credential: Credential, tmp_path: Path
) -> None:
    first, second = wanted.calendars[1], f"folder:{tmp_path}"
    pairing.pair(home, wanted, credential.tokenized)

    for named, kept in (([second, first], {1: first, 2: second}), ([second], {2: second})):
        again = wanted.model_copy(update={"calendars": dict(enumerate(named, 1))})
        profile, _ = pairing.pair(home, again, credential.tokenized)
        assert profile.calendars == kept
        assert home.read() == profile


def test_a_calendar_that_is_not_there_is_refused_though_another_one_is(
    home: Home, wanted: Profile, credential: Credential, tmp_path: Path
) -> None:
    both = wanted.model_copy(update={"calendars": {**wanted.calendars, 2: f"folder:{tmp_path / 'typo'}"}})
    with pytest.raises(CalendarError):
        pairing.pair(home, both, credential.tokenized)
    assert not home.folder.exists()


def test_a_new_epoch_begins_with_an_empty_memory(home: Home, wanted: Profile, credential: Credential) -> None:
    home.write(wanted.model_copy(update={"epoch": EPOCH - 1}))
    home.journal_file.write_bytes(b"")
    pairing.pair(home, wanted, credential.tokenized)
    assert not home.journal_file.exists()


def test_disconnecting_brings_the_receipt_and_leaves_only_the_calendar(
    home: Home, wanted: Profile, credential: Credential, loopback: Loopback, tmp_path: Path
) -> None:
    profile, _ = pairing.pair(home, wanted, credential.tokenized)
    event = tmp_path / "calendar" / "a.ics"
    event.write_text("BEGIN:VCALENDAR\nEND:VCALENDAR\n")

    receipt = pairing.end(home, profile)

    assert receipt is not None
    assert receipt.erased["chunks"] == 3
    assert loopback.ended
    assert list(home.folder.iterdir()) == []
    assert event.exists()


def test_disconnecting_from_a_server_that_forgot_us_still_forgets_here(
    home: Home, wanted: Profile, credential: Credential, loopback: Loopback
) -> None:
    profile, _ = pairing.pair(home, wanted, credential.tokenized)
    loopback.instead = lambda seen: problem_reply(ProblemCode.WRONG_CREDENTIALS, 401)
    assert pairing.end(home, profile) is None
    assert list(home.folder.iterdir()) == []


def test_a_server_that_cannot_be_reached_keeps_us_paired(
    home: Home, wanted: Profile, credential: Credential, loopback: Loopback
) -> None:
    profile, _ = pairing.pair(home, wanted, credential.tokenized)
    loopback.instead = lambda seen: Reply(502, b"", {"Content-Type": "text/html"})
    with pytest.raises(Unreachable):
        pairing.end(home, profile)
    assert home.read() == profile
    assert home.credentials.load(profile.connector_id) is not None


def test_a_lost_credential_is_named_before_anything_is_sent(
    home: Home, wanted: Profile, credential: Credential, loopback: Loopback
) -> None:
    profile, _ = pairing.pair(home, wanted, credential.tokenized)
    home.credentials.erase(profile.connector_id)
    loopback.requests.clear()
    with pytest.raises(NotPaired, match="new token"):
        pairing.reach(home, profile)
    assert loopback.requests == []


def test_a_connection_the_server_ended_is_remembered_without_its_credential(
    home: Home, wanted: Profile, credential: Credential
) -> None:
    profile, _ = pairing.pair(home, wanted, credential.tokenized)
    home.journal_file.write_bytes(b"")

    pairing.ended_by_server(home, profile)

    ended = home.paired()
    assert ended.ended is not None
    assert credential.tokenized not in kept_in(home)
    assert not home.journal_file.exists()
    with pytest.raises(Disconnected) as refusal:
        pairing.reach(home, ended)
    assert isinstance(refusal.value, LinkError)


def test_a_mode_that_was_chosen_meanwhile_outlives_the_connection(
    home: Home, wanted: Profile, credential: Credential
) -> None:
    profile, _ = pairing.pair(home, wanted, credential.tokenized)
    assert profile.mode is not SyncMode.MANUAL
    home.choose_mode(SyncMode.MANUAL)
    pairing.ended_by_server(home, profile)
    assert home.paired().mode is SyncMode.MANUAL
    assert home.paired().ended is not None


def test_after_the_server_ended_it_this_pc_can_be_paired_anew(
    home: Home, wanted: Profile, credential: Credential
) -> None:
    home.write(wanted.model_copy(update={"connector_id": "ZZZZZZZZ99"}))
    pairing.ended_by_server(home, home.paired())
    profile, _ = pairing.pair(home, wanted, credential.tokenized)
    assert home.paired() == profile
    assert profile.ended is None
