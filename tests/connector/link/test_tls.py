"""Which certificates the connector accepts."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from dovetail.connector.link.tls import BadCaFile, ssl_context


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
