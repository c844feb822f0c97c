"""A certificate authority for the tests, a server that trusts nobody, and a connector that trusts that authority."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from connector.link.loopback import Loopback, serving
from dovetail.connector.link.https import HttpsServer, open_server
from dovetail.connector.link.signin import Credential
from dovetail.protocol.credential import Verifier, new_connector_id, new_token, tokenize


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def token() -> str:
    return new_token()


@pytest.fixture
def credential(token: str) -> Credential:
    return Credential(new_connector_id(), tokenize(token))


@pytest.fixture
def loopback(authority: trustme.CA, credential: Credential) -> Iterator[Loopback]:
    known = Loopback(credential.connector_id, Verifier.of(credential.tokenized))
    with serving(known, authority.issue_cert("localhost")) as server:
        yield server


@pytest.fixture
def reach(loopback: Loopback, credential: Credential, ca_file: Path) -> Iterator[Callable[..., HttpsServer]]:
    """Opens the connector's side of `loopback`, with another credential or CA if asked."""
    opened: list[HttpsServer] = []

    def open_it(credential: Credential = credential, ca_file: Path | None = ca_file) -> HttpsServer:
        opened.append(open_server(loopback.origin, credential, ca_file))
        return opened[-1]

    yield open_it
    for server in opened:
        server.close()
