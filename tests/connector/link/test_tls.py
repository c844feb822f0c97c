"""Which certificates the connector accepts."""

from __future__ import annotations

import socket
import ssl
import subprocess
from pathlib import Path

import pytest
import trustme

from connector.link.loopback import Loopback, serving
from dovetail.connector.link.checks import check_https
from dovetail.connector.link.tls import BadCaFile, ssl_context
from dovetail.connector.link.verdicts import Verdict
from dovetail.protocol.credential import Verifier
from programs import require_program


def test_verification_and_tls_1_2_are_not_negotiable(ca_file: Path) -> None:
    for context in (ssl_context(), ssl_context(ca_file)):
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_ca_file_that_is_not_there_or_not_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCaFile, match=r"no file .*missing\.pem"):
        ssl_context(tmp_path / "missing.pem")
    (tmp_path / "notes.txt").write_text("no certificate")
    with pytest.raises(BadCaFile, match=r"notes\.txt holds no CA certificate"):
        ssl_context(tmp_path / "notes.txt")
    with pytest.raises(BadCaFile, match=r"cannot be read|holds no"):
        ssl_context(tmp_path)


@pytest.mark.parametrize(("version", "spoken"), [("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)])
def test_a_server_that_speaks_nothing_newer_than_tls_1_1_is_not_talked_to(
    version: str, spoken: bool, authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    leaf, pem = authority.issue_cert("localhost"), tmp_path / "server.pem"
    leaf.private_key_and_cert_chain_pem.write_to_path(str(pem))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [require_program("openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(pem), version]
    with subprocess.Popen(
        [*command, "-cipher", "DEFAULT@SECLEVEL=0", "-www"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as server:
        try:
            assert server.stdout is not None
            assert any(line.startswith(b"ACCEPT") for line in server.stdout)
            found = check_https(f"https://localhost:{port}", "directly", opened, ssl_context(ca_file))
        finally:
            server.terminate()
    assert (found.tls is not None) == spoken
    assert (found.check.verdict == Verdict.OLD_TLS) == (not spoken)
    assert ("not safe any more" in found.reason) == (not spoken)


def test_the_chain_is_shown_as_the_server_sent_it(authority: trustme.CA, ca_file: Path) -> None:
    between = authority.create_child_ca()
    known = Loopback("ABCDEFGH23", Verifier.of("0" * 32))
    with serving(known, between.issue_cert("localhost", common_name="book.example.org")) as loopback:
        found = check_https(loopback.origin, "directly", opened, ssl_context(ca_file))
    assert found.tls is not None
    assert len(found.tls.chain) == 2
    assert found.tls.chain[0].startswith("book.example.org")
    assert found.tls.issuer == found.tls.chain[1]


def opened(host: str, port: int, seconds: float) -> socket.socket:
    return socket.create_connection((host, port), seconds)
