"""Where the tokenized form of the security token is kept."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import PasswordDeleteError

from dovetail.connector.link.credentials import CredentialStore

CONNECTOR_ID = "ABCDEFGH23"
FORM = "0123456789abcdef0123456789abcdef"


class InMemory(KeyringBackend):
    """A desktop's keyring, as far as the connector sees it."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not found")


class Locked(InMemory):
    """A keyring whose owner does not unlock it; such errors are the back end's own."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError("org.freedesktop.Secret.Error.IsLocked")

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError("org.freedesktop.Secret.Error.IsLocked")


@pytest.fixture(autouse=True)
def _own_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


def test_with_a_keyring_nothing_is_written_to_a_file(tmp_path: Path) -> None:
    keyring.set_keyring(InMemory())
    place = CredentialStore(tmp_path).save(CONNECTOR_ID, FORM)

    assert place.in_keyring
    assert "keyring" in place.words
    assert CredentialStore(tmp_path).load(CONNECTOR_ID) == (FORM, place)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("absent", [fail.Keyring, null.Keyring, Locked])
def test_without_a_keyring_a_file_for_its_owner_alone_is_used_and_named(
    tmp_path: Path, absent: type[KeyringBackend]
) -> None:
    keyring.set_keyring(absent())
    home = tmp_path / "profile"
    place = CredentialStore(home).save(CONNECTOR_ID, FORM)

    [file] = home.iterdir()
    assert not place.in_keyring
    assert str(file) in place.words
    assert CredentialStore(home).load(CONNECTOR_ID) == (FORM, place)
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_keyring_that_comes_back_takes_over_from_the_file(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)
    keyring.set_keyring(fail.Keyring())
    store.save(CONNECTOR_ID, FORM)
    keyring.set_keyring(InMemory())
    assert store.save(CONNECTOR_ID, FORM).in_keyring
    assert list(tmp_path.iterdir()) == []


def test_another_connector_s_credential_is_not_taken_for_this_one_s(tmp_path: Path) -> None:
    keyring.set_keyring(fail.Keyring())
    store = CredentialStore(tmp_path)
    store.save(CONNECTOR_ID, FORM)
    assert store.load("ZZZZZZZZ99") is None


@pytest.mark.parametrize("backend", [InMemory, fail.Keyring, Locked])
def test_what_is_erased_is_gone_from_both_places(tmp_path: Path, backend: type[KeyringBackend]) -> None:
    store = CredentialStore(tmp_path)
    keyring.set_keyring(backend())
    store.save(CONNECTOR_ID, FORM)
    store.erase(CONNECTOR_ID)
    store.erase(CONNECTOR_ID)
    assert store.load(CONNECTOR_ID) is None
    assert list(tmp_path.iterdir()) == []
