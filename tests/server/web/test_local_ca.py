"""The local authority and its certificates, judged by OpenSSL and by the fields other programs insist on."""

import ipaddress
import os
import shutil
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from dovetail.server.web import local_ca
from dovetail.server.web.tls import CertificateError

NOW = datetime.now(UTC)


def read(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def names(path):
    held = read(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in held]


def test_the_certificate_is_valid_for_the_names_and_always_for_this_machine(tmp_path):
    made = local_ca.ensure(tmp_path, ["book.example", "192.0.2.7", "2001:db8::7", "büro.example"])
    assert names(made.certificate) == [
        "book.example", "192.0.2.7", "2001:db8::7", "xn--bro-hoa.example", "localhost", "127.0.0.1", "::1",
    ]  # fmt: skip
    addresses = read(made.certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ipaddress.ip_address("192.0.2.7") in addresses.get_values_for_type(x509.IPAddress)


@pytest.mark.parametrize("host", ["localhost", "book.example"])
def test_openssl_accepts_the_chain_for_a_tls_server_of_that_name(tmp_path, host):
    made = local_ca.ensure(tmp_path, ["book.example"])
    verify = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", host]
    done = subprocess.run([*verify, "-CAfile", made.authority, made.certificate], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_authority_signs_end_certificates_only(tmp_path):
    made = local_ca.ensure(tmp_path, [])
    authority, server = read(made.authority), read(made.certificate)
    constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.value.ca, constraints.value.path_length, constraints.critical) == (True, 0, True)
    assert authority.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert not server.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not server.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    purposes = server.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_a_certificate_lasts_825_days_at_most_and_is_valid_at_once(tmp_path):
    made = read(local_ca.ensure(tmp_path, []).certificate)
    assert made.not_valid_after_utc - made.not_valid_before_utc <= timedelta(days=825)
    assert made.not_valid_before_utc < NOW - timedelta(minutes=30), "no room for a clock that is slow"


def test_asking_again_changes_nothing(tmp_path):
    before = local_ca.ensure(tmp_path, ["book.example"])
    contents = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert local_ca.ensure(tmp_path, ["book.example"]) == before
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == contents
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca.key", "ca.pem", "server.key", "server.pem"]


@pytest.mark.parametrize(("days_left", "renewed"), [(31, False), (29, True), (-1, True)])
def test_a_certificate_is_renewed_when_30_days_are_left(tmp_path, days_left, renewed):
    made = local_ca.ensure(tmp_path, [])
    first, authority = read(made.certificate), made.authority.read_bytes()
    now = first.not_valid_after_utc - timedelta(days=days_left)
    second = read(local_ca.ensure(tmp_path, [], now).certificate)
    assert (second.serial_number != first.serial_number) == renewed
    assert made.authority.read_bytes() == authority, "everybody would have to trust a new authority"


def test_a_certificate_is_renewed_when_the_names_change(tmp_path):
    first = read(local_ca.ensure(tmp_path, ["old.example"]).certificate)
    made = local_ca.ensure(tmp_path, ["new.example"])
    assert read(made.certificate).serial_number != first.serial_number
    assert "new.example" in names(made.certificate)
    assert "old.example" not in names(made.certificate)


def test_no_certificate_outlives_its_authority_and_an_authority_at_its_end_is_replaced(tmp_path):
    made = local_ca.ensure(tmp_path, [])
    end = read(made.authority).not_valid_after_utc
    late = read(local_ca.ensure(tmp_path, [], end - timedelta(days=200)).certificate)
    assert late.not_valid_after_utc == end
    local_ca.ensure(tmp_path, [], end - timedelta(days=20))
    assert read(made.authority).not_valid_after_utc > end
    read(made.certificate).verify_directly_issued_by(read(made.authority))


@pytest.mark.parametrize("name", ["server.pem", "server.key"])
@pytest.mark.parametrize("content", [None, b"", b"half a fi"])
def test_a_damaged_server_certificate_is_made_anew(tmp_path, name, content):
    local_ca.ensure(tmp_path, [])
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    made = local_ca.ensure(tmp_path, [])
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.certificate, made.key)


@pytest.mark.parametrize("moved", [["server.key"], ["server.pem"], ["server.pem", "server.key"]])
def test_a_certificate_that_belongs_to_another_key_or_authority_is_made_anew(tmp_path, moved):
    foreign = local_ca.ensure(tmp_path / "foreign", []).key.parent
    made = local_ca.ensure(tmp_path / "own", [])
    for name in moved:
        shutil.copy(foreign / name, made.key.parent / name)
    local_ca.ensure(tmp_path / "own", [])
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.certificate, made.key)
    read(made.certificate).verify_directly_issued_by(read(made.authority))


@pytest.mark.parametrize("name", ["ca.pem", "ca.key"])
@pytest.mark.parametrize("content", [None, b"", b"half a fi"])
def test_a_damaged_authority_is_not_replaced_behind_everybodys_back(tmp_path, name, content):
    local_ca.ensure(tmp_path, [])
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CertificateError, match="delete both"):
        local_ca.ensure(tmp_path, [])


@pytest.mark.parametrize("name", ["", "https://book.example", "book.example:443", "a b", "a" * 70 + ".example"])
def test_what_is_no_host_name_is_refused(tmp_path, name):
    with pytest.raises(CertificateError, match="neither a host name nor an IP address"):
        local_ca.ensure(tmp_path, [name])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps rights in access control lists")
def test_only_the_owner_can_read_the_keys(tmp_path):
    before = os.umask(0)
    try:
        made = local_ca.ensure(tmp_path / "tls", [])
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in made.key.parent.iterdir()}
    assert modes == {"ca.key": 0o600, "server.key": 0o600, "ca.pem": 0o644, "server.pem": 0o644}


def test_the_text_says_what_to_trust_and_how(tmp_path):
    made = local_ca.ensure(tmp_path, [])
    show = ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", made.authority]
    fingerprint = subprocess.run(show, capture_output=True, text=True).stdout.strip().partition("=")[2]
    assert fingerprint in made.trust
    assert str(made.authority) in made.trust
    for system in ("Windows", "Debian", "macOS", "Firefox"):
        assert system in made.trust
