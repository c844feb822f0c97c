"""A pinned public key: on top of the certificate's authority, for HTTPS and for what runs in asyncio."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import subprocess
from pathlib import Path

import pytest
import trustme
from cryptography import x509

from connector.link.loopback import Loopback, serving
from connector.link.test_https import REQUEST
from dovetail.connector.link import failures
from dovetail.connector.link.egress import Egress
from dovetail.connector.link.https import HttpsServer, open_server
from dovetail.connector.link.port import NotTheServer
from dovetail.connector.link.signin import Credential
from dovetail.connector.link.tls import BadPin, PinMismatch, pin_of, read_pin, ssl_context
from dovetail.connector.link.verdicts import Verdict, classify
from dovetail.protocol.credential import Verifier

ANOTHER = "sha256/" + base64.b64encode(hashlib.sha256(b"another key").digest()).decode()


@pytest.fixture
def leaf(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("localhost")


@pytest.fixture
def pin(leaf: trustme.LeafCert) -> str:
    """As the command that everybody knows computes it, not as we do."""
    script = "openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64"
    certificate = leaf.cert_chain_pems[0].bytes()
    told = subprocess.run(["sh", "-c", script], input=certificate, capture_output=True, check=True).stdout
    return f"sha256/{told.decode().strip()}"


def reached(loopback: Loopback, credential: Credential, ca_file: Path, *pins: str) -> HttpsServer:
    return open_server(loopback.origin, credential, egress=Egress("none", ca_file=ca_file, pins=pins))


def test_the_server_with_the_pinned_key_is_talked_to(
    credential: Credential, ca_file: Path, leaf: trustme.LeafCert, pin: str
) -> None:
    known = Loopback(credential.connector_id, Verifier.of(credential.tokenized))
    with serving(known, leaf) as loopback, reached(loopback, credential, ca_file, ANOTHER, pin) as server:
        assert server.exchange(REQUEST).cursor == "c1"


def test_a_trusted_server_with_another_key_is_told_nothing_at_all(
    credential: Credential, ca_file: Path, leaf: trustme.LeafCert
) -> None:
    known = Loopback(credential.connector_id, Verifier.of(credential.tokenized))
    with serving(known, leaf) as loopback, reached(loopback, credential, ca_file, ANOTHER) as server:
        with pytest.raises(NotTheServer, match=r"has another key than those pinned: nothing was told to it.*--pin"):
            server.exchange(REQUEST)
        assert not loopback.wire
        assert loopback.requests == []


def test_the_pinned_key_does_not_make_a_stranger_s_certificate_good(
    credential: Credential, leaf: trustme.LeafCert, pin: str, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))
    known = Loopback(credential.connector_id, Verifier.of(credential.tokenized))
    with serving(known, leaf) as loopback, reached(loopback, credential, stranger, pin) as server:
        with pytest.raises(NotTheServer, match="does not trust"):
            server.exchange(REQUEST)
        assert not loopback.wire


def test_in_asyncio_the_key_is_looked_at_before_anything_is_said(
    loopback: Loopback, ca_file: Path, authority: trustme.CA
) -> None:
    port = int(loopback.origin.rpartition(":")[2])

    async def connect(*pins: str) -> None:
        _, writer = await asyncio.open_connection("localhost", port, ssl=ssl_context(ca_file, pins))
        writer.close()

    with pytest.raises(PinMismatch) as refusal:
        asyncio.run(connect(ANOTHER))
    assert classify(refusal.value) is Verdict.NOT_PINNED
    asyncio.run(connect())


def test_the_pin_is_that_of_the_key_and_stays_when_the_certificate_is_renewed(leaf: trustme.LeafCert, pin: str) -> None:
    assert pin_of(x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())) == pin


@pytest.mark.parametrize("typed", [ANOTHER, ANOTHER.replace("sha256/", "SHA256//"), f" {ANOTHER}\n"])
def test_a_pin_is_read_as_people_write_it(typed: str) -> None:
    assert read_pin(typed) == ANOTHER


@pytest.mark.parametrize("typed", ["", "sha256/", ANOTHER[:-4], "sha1/" + ANOTHER[7:], ANOTHER[7:], "sha256/ä"])
def test_what_is_no_pin_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(BadPin, match="looks like sha256/"):
        read_pin(typed)


def test_every_verdict_has_a_sentence_of_its_own() -> None:
    told = failures.words(Verdict.NOT_PINNED, failures.Phase.TLS, "book.example.org")
    assert "book.example.org" in told
