"""Where the credential is kept: the operating system's keyring, or a file of the owner's alone where there is none.

Only the token's MD5 form is kept, never the token. Windows and macOS always have a keyring; a Linux machine without a
desktop has none, and there it is ``credential`` in the profile's folder, mode 0600. The owner is told which.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import keyring

from dovetail.connector.atomic import write_private

SERVICE = "Dovetail connector"
FILE_NAME = "credential"
TOKENIZED = r"[0-9a-f]{32}"


@dataclass(frozen=True)
class Place:
    """Where a credential lies: `words` for its owner, such as "the keyring of this account"."""

    words: str
    in_keyring: bool


_KEYRING = Place("the keyring of this account", in_keyring=True)


class CredentialStore:
    """The tokenized forms (32 hex digits) of a profile's Connector IDs; the file holds one at a time.

    Other secrets that are one word each are kept the same way under another `service` and `file_name`; `form` is the
    regular expression they match.
    """

    def __init__(self, folder: Path, service: str = SERVICE, file_name: str = FILE_NAME, form: str = TOKENIZED) -> None:
        self._service = service
        self._form = form
        self._file = folder / file_name
        self._file_place = Place(f"the file {self._file}, which only this account may read", in_keyring=False)

    def save(self, connector_id: str, tokenized: str) -> Place:
        """Keep it where it can be had back from; the answer is where that is."""
        try:
            keyring.set_password(self._service, connector_id, tokenized)
            kept = keyring.get_password(self._service, connector_id) == tokenized
        except Exception:  # back ends let errors of their own out, and a keyring that fails is no keyring
            kept = False
        if kept:
            self._file.unlink(missing_ok=True)
            return _KEYRING
        write_private(self._file, f"{connector_id} {tokenized}\n")
        return self._file_place

    def load(self, connector_id: str) -> tuple[str, Place] | None:
        """The tokenized form and where it lies, or None if it is in neither place."""
        if self._file.exists():
            kept = re.fullmatch(rf"(\S+) ({self._form})", self._file.read_text(encoding="utf-8").strip())
            if kept and kept[1] == connector_id:
                return kept[2], self._file_place
        try:
            tokenized = keyring.get_password(self._service, connector_id)
        except Exception:  # as above
            return None
        return (tokenized, _KEYRING) if tokenized else None

    def erase(self, connector_id: str) -> None:
        """Forget it in both places."""
        self._file.unlink(missing_ok=True)
        try:
            keyring.delete_password(self._service, connector_id)
        except Exception:  # also raised where there was nothing to forget
            return
