"""The corporate network that the tests of one module share, and no keyring."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail

from network import bench
from network.bench import Bench


@pytest.fixture(scope="module")
def lab() -> Iterator[Bench]:
    # Not pytest's temporary folder: only its owner may look into that, and the proxies are another user's.
    with tempfile.TemporaryDirectory(prefix="dovetail-network-") as folder, bench.opened(Path(folder)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
