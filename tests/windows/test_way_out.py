"""What the connector asks Windows itself: the user's proxy and who signs in to it, whom to trust, where secrets lie."""

from __future__ import annotations

import asyncio
import http.server
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import keyring
import pytest

from dovetail.connector.link import proxy_auth, winhttp
from dovetail.connector.link.credentials import SERVICE, CredentialStore
from dovetail.connector.link.direct import connect
from dovetail.connector.link.routes import Direct, read_proxy
from dovetail.connector.link.tls import ssl_context
from dovetail.connector.link.verdicts import EgressError, Verdict
from dovetail.protocol.credential import new_connector_id, new_token, tokenize

if sys.platform == "win32":
    import winreg

_SETTINGS = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings\Connections"
_NAME = "DefaultConnectionSettings"
_DIRECT, _PROXY, _PAC_URL, _DETECT = 1, 2, 4, 8
_PAC = """function FindProxyForURL(url, host) {
    if (dnsDomainIs(host, ".corp.example")) return "DIRECT";
    return "PROXY proxy.corp.example:8080; PROXY spare.corp.example:8081";
}"""


@pytest.fixture
def settings() -> Iterator[Callable[..., None]]:
    """Sets the user's Internet options, as Windows keeps them, until the end of the test."""

    def set_them(proxy: str = "", bypass: str = "", pac_url: str = "", *, detect: bool = False) -> None:
        flags = _DIRECT | (_PROXY if proxy else 0) | (_PAC_URL if pac_url else 0) | (_DETECT if detect else 0)
        texts = b"".join(struct.pack("<I", len(text)) + text.encode() for text in (proxy, bypass, pac_url))
        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, _SETTINGS) as key:
            value = struct.pack("<III", 0x46, 1, flags) + texts + bytes(32)
            winreg.SetValueEx(key, _NAME, 0, winreg.REG_BINARY, value)

    yield set_them
    with winreg.CreateKey(winreg.HKEY_CURRENT_USER, _SETTINGS) as key:
        winreg.DeleteValue(key, _NAME)


@contextmanager
def pac_file(text: str) -> Iterator[str]:
    """On a server of its own; gives its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/x-ns-proxy-autoconfig")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{serving.server_port}/proxy.pac"
        finally:
            serving.shutdown()
            thread.join()


# --- proxies ----------------------------------------------------------------------------------------------------------


def test_the_users_proxy_is_taken(settings: Callable[..., None]) -> None:
    settings("http=other.example:3128;https=proxy.corp.example:8080")

    chosen = winhttp.choose("books.example.org", 443)

    assert chosen.routes == (read_proxy("http://proxy.corp.example:8080"),)
    assert chosen.found == winhttp.FOUND


def test_what_the_user_excepts_goes_directly(settings: Callable[..., None]) -> None:
    settings("proxy.corp.example:8080", "*.intern.example;<local>")

    assert winhttp.choose("books.intern.example", 443).routes == (Direct(),)
    assert winhttp.choose("books.example.org", 443).routes != (Direct(),)


def test_without_settings_the_way_is_direct(settings: Callable[..., None]) -> None:
    settings()

    assert winhttp.choose("books.example.org", 443).routes == (Direct(),)


def test_a_pac_file_decides(settings: Callable[..., None]) -> None:
    with pac_file(_PAC) as address:
        settings(pac_url=address)

        outside, inside = winhttp.choose("books.example.org", 443), winhttp.choose("books.corp.example", 443)

    # Wine gives the first of several, Windows all
    assert outside.routes[0] == read_proxy("http://proxy.corp.example:8080")
    assert inside.routes == (Direct(),)


def test_a_pac_file_that_cannot_be_had_is_named(settings: Callable[..., None]) -> None:
    with pac_file(_PAC) as address:
        pass
    settings(pac_url=address)

    chosen = winhttp.choose("books.example.org", 443)

    assert chosen.routes == (Direct(),)
    assert "PAC" in chosen.notice


@pytest.mark.parametrize("scheme", ["Negotiate", "NTLM"])
def test_sspi_is_asked_for_the_user_and_its_refusal_is_told(scheme: str) -> None:
    """Nobody is signed in to a domain here, and Wine has no NTLM of its own."""
    proxy = read_proxy("http://proxy.corp.example:8080")

    with pytest.raises(EgressError) as raised:
        proxy_auth.choose([scheme], proxy, None, "books.example.org:443")[1].answer("")

    assert raised.value.verdict is Verdict.PROXY_TICKET_MISSING


# --- trust ------------------------------------------------------------------------------------------------------------


def test_a_certificate_of_a_ca_that_windows_does_not_know_is_refused(stranger: int) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shakes_hands(stranger, ssl_context())


def test_a_name_that_is_not_in_the_certificate_is_refused() -> None:
    """Asked of the server that does not send its root: Wine, unlike Windows, finds no fault in that."""
    port = urllib.parse.urlsplit(os.environ["DOVETAIL_TEST_SERVER"]).port
    assert port

    with pytest.raises(ssl.SSLCertVerificationError, match=r"(?i)0x800b010f|name"):  # CERT_E_CN_NO_MATCH
        shakes_hands(port, ssl_context(), "books.example.org")


def test_windows_own_authorities_are_there() -> None:
    assert len(ssl.enum_certificates("ROOT")) > 50


def test_an_asyncio_stream_is_judged_in_the_same_way(stranger: int) -> None:
    async def version() -> str:
        _, writer = await asyncio.open_connection("localhost", stranger, ssl=ssl_context())
        try:
            return str(writer.get_extra_info("ssl_object").version())
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(version())


@pytest.fixture
def stranger() -> Iterator[int]:
    """A server that shows its whole chain, up to a root that nobody here knows; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["DOVETAIL_TEST_STRANGER"])

    def serve() -> None:
        with suppress(OSError):  # closed at the end
            while True:
                plain, _ = listening.accept()
                with suppress(OSError), context.wrap_socket(plain, server_side=True) as secure:
                    secure.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listening.getsockname()[1])


def shakes_hands(port: int, context: ssl.SSLContext, name: str = "localhost") -> str:
    """The version of TLS."""
    with (
        connect("localhost", port, time.monotonic() + 20) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return str(secure.version())


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_the_credential_lies_in_the_credential_manager_and_in_no_file(tmp_path: Path) -> None:
    store, connector_id, tokenized = CredentialStore(tmp_path), new_connector_id(), tokenize(new_token())

    place = store.save(connector_id, tokenized)
    try:
        kept = store.load(connector_id)
        in_the_manager = keyring.get_password(SERVICE, connector_id)
    finally:
        store.erase(connector_id)

    assert type(keyring.get_keyring()).__name__ == "WinVaultKeyring"
    assert place.in_keyring
    assert kept == (tokenized, place)
    assert in_the_manager == tokenized
    assert list(tmp_path.iterdir()) == []
    assert store.load(connector_id) is None


def test_another_process_of_the_same_user_finds_the_credential(tmp_path: Path) -> None:
    name = f"test {uuid.uuid4()}"
    keyring.set_password(SERVICE, name, "0123456789abcdef")
    code = f"import keyring; print(keyring.get_password({SERVICE!r}, {name!r}))"
    try:
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    finally:
        keyring.delete_password(SERVICE, name)

    assert said.stdout.strip() == "0123456789abcdef"
