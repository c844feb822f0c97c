"""Which TLS is spoken, who trusts it, and how a certificate is replaced while the process runs."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import time

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from dovetail.server.web import local_ca
from dovetail.server.web.tls import CertificateError, server_context

from .conftest import read_all
from .pages import hello, wait_until


@pytest.fixture(scope="module")
def running(serve):
    with serve(hello) as running:
        yield running


def context_for(running, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata="".join(ssl.DER_cert_to_PEM_cert(c) for c in running.trust.get_ca_certs(True)))
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # else the client itself does not offer 1.1
    context.minimum_version = context.maximum_version = version
    return context


def handshake(running, context):
    plain = socket.create_connection(("127.0.0.1", running.port), timeout=5)
    try:
        return context.wrap_socket(plain, server_hostname="localhost")
    except BaseException:
        plain.close()
        raise


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(running, version):
    with handshake(running, context_for(running, version)) as connection:
        assert connection.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_tls_is_refused(running, version):
    with pytest.raises(ssl.SSLError):
        handshake(running, context_for(running, version))


def test_http_1_1_is_what_alpn_agrees_on(running):
    context = context_for(running, ssl.TLSVersion.TLSv1_3)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with handshake(running, context) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_client_that_trusts_the_local_authority_gets_through(running, name):
    assert httpx.get(f"https://{name}:{running.port}/", verify=running.trust).text == "hello"


def test_a_client_with_the_systems_own_authorities_does_not(running):
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(running.url, verify=ssl.create_default_context())


def test_plain_http_on_the_https_port_gets_nothing(running):
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/" not in read_all(plain)


# Replacing the certificate


@pytest.fixture
def own(tmp_path, authority):
    """A copy of the local authority's files that a test may change."""
    shutil.copytree(authority.certificate.parent, tmp_path, dirs_exist_ok=True)
    return local_ca.ensure(tmp_path, [])


def served_serial(running):
    with running.connect() as connection:
        return connection.getpeercert()["serialNumber"]


def test_a_renewed_certificate_is_served_while_open_connections_live_on(serve, own):
    with serve(hello, certificate=own.certificate, key=own.key, certificate_poll=0.05) as running:
        first = served_serial(running)
        with running.client() as open_before:
            assert open_before.get("/").text == "hello"
            own.certificate.unlink()
            local_ca.ensure(own.key.parent, ["renewed.example"])
            wait_until(lambda: served_serial(running) != first)
            assert open_before.get("/").text == "hello"


@pytest.mark.parametrize("content", [b"", b"not a certificate", None])
def test_a_broken_certificate_keeps_the_old_one_and_says_so(serve, own, caplog, content):
    caplog.set_level("INFO")
    with serve(hello, certificate=own.certificate, key=own.key, certificate_poll=0.05) as running:
        first = served_serial(running)
        good = own.certificate.read_bytes()
        if content is None:
            own.certificate.unlink()
        else:
            own.certificate.write_bytes(content)
        wait_until(lambda: "The previous certificate stays in use" in caplog.text)
        assert served_serial(running) == first
        time.sleep(0.2)
        assert caplog.text.count("The previous certificate stays") == 1, "said at every look"
        own.certificate.write_bytes(good)
        wait_until(lambda: "Now serving the renewed certificate" in caplog.text)


def test_a_certificate_whose_key_has_not_followed_yet_is_taken_up_when_it_has(serve, own, tmp_path, caplog):
    other = tmp_path / "other"
    shutil.copytree(own.authority.parent, other, ignore=shutil.ignore_patterns("server.*", "other"))
    new = local_ca.ensure(other, [])
    with serve(hello, certificate=own.certificate, key=own.key, certificate_poll=0.05) as running:
        first = served_serial(running)
        os.replace(new.certificate, own.certificate)
        wait_until(lambda: "stays in use" in caplog.text)
        assert served_serial(running) == first
        os.replace(new.key, own.key)
        wait_until(lambda: served_serial(running) != first)


def test_the_certificate_is_renewed_by_the_process_itself(serve, own):
    calls = []

    def renew():
        if not calls:
            calls.append(local_ca.ensure(own.key.parent, ["renewed.example"]))

    with serve(hello, certificate=own.certificate, key=own.key, certificate_poll=0.05, renew=renew) as running:
        wait_until(lambda: ("DNS", "renewed.example") in names_served(running))


def names_served(running):
    with running.connect() as connection:
        return connection.getpeercert()["subjectAltName"]


def test_a_renewal_that_fails_is_logged_and_tried_again(serve, own, caplog):
    calls = []

    def renew():
        calls.append(1)
        raise OSError("disk full")

    with serve(hello, certificate=own.certificate, key=own.key, certificate_poll=0.05, renew=renew):
        wait_until(lambda: len(calls) > 2)
    assert "disk full" in caplog.text


# Certificates that cannot be used at all


def test_files_that_are_not_there_are_named(tmp_path):
    with pytest.raises(CertificateError, match=r"missing\.pem.*No such file"):
        server_context(tmp_path / "missing.pem", tmp_path / "missing.key")


def test_a_key_of_another_certificate_is_refused(own, authority, tmp_path):
    other = local_ca.ensure(tmp_path / "other", [])
    with pytest.raises(CertificateError, match="KEY_VALUES_MISMATCH"):
        server_context(own.certificate, other.key)


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(own):
    key = serialization.load_pem_private_key(own.key.read_bytes(), password=None)
    locked = serialization.BestAvailableEncryption(b"secret")
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    own.key.write_bytes(key.private_bytes(pem, pkcs8, locked))
    code = (
        "import sys, pathlib; from dovetail.server.web.tls import *\n"
        "try: server_context(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))\n"
        "except CertificateError: print('refused')"
    )
    command = [sys.executable, "-c", code, str(own.certificate), str(own.key)]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("refused\n", "")
