"""How ways out are written, and which hosts go round the proxy."""

from __future__ import annotations

import pytest

from dovetail.connector.link.bypass import Bypass
from dovetail.connector.link.routes import (
    BadProxy,
    Direct,
    Kind,
    Proxy,
    is_loopback,
    read_mode,
    read_pac_answer,
    read_proxy,
)
from dovetail.connector.link.verdicts import EgressError, Verdict


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("System", "system"),
        (" none ", "none"),
        ("proxy.corp:8080", "http://proxy.corp:8080"),
        ("http://proxy.corp", "http://proxy.corp:80"),
        ("https://proxy.corp", "https://proxy.corp:443"),
        ("socks5h://[fd00::1]:1081", "socks5://[fd00::1]:1081"),
        ("pac:http://wpad.corp/p.pac", "pac:http://wpad.corp/p.pac"),
    ],
)
def test_a_way_out_is_read_as_people_write_it(typed: str, read: str) -> None:
    assert read_mode(typed) == read
    assert read_mode(read) == read


@pytest.mark.parametrize("typed", ["", "http://", "ftp://proxy:1", "socks4://proxy:1", "proxy:nn", "pac:proxy.pac"])
def test_what_is_no_way_out_is_refused(typed: str) -> None:
    with pytest.raises(BadProxy):
        read_mode(typed)


def test_a_password_on_the_command_line_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadProxy, match="dovetail proxy") as refusal:
        read_mode("http://anna:s3cret@proxy.corp:8080")
    assert "s3cret" not in str(refusal.value)


def test_a_proxys_words_never_hold_its_password() -> None:
    proxy = read_proxy("http://anna:p%40ss@proxy.corp:8080")
    assert proxy.given is not None
    assert proxy.given.password == "p@ss"
    assert "p@ss" not in f"{proxy} {proxy!r} {proxy.name}"


def test_a_pac_files_answer_is_a_list_in_its_order() -> None:
    assert read_pac_answer("PROXY a:1; HTTPS b:2; SOCKS5 c:3;DIRECT") == (
        Proxy(Kind.HTTP, "a", 1),
        Proxy(Kind.HTTPS, "b", 2),
        Proxy(Kind.SOCKS5, "c", 3),
        Direct(),
    )
    assert read_pac_answer("") == (Direct(),)


@pytest.mark.parametrize(
    ("answer", "meant"), [("SOCKS4 only:1080", Verdict.PROXY_UNSUPPORTED), ("PROXY :x", Verdict.PAC_BROKEN)]
)
def test_an_answer_that_cannot_be_followed_is_not_read_as_direct(answer: str, meant: Verdict) -> None:
    with pytest.raises(EgressError) as refusal:
        read_pac_answer(answer)
    assert refusal.value.verdict is meant


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "pc.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_this_pc_is_never_behind_a_proxy(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example.org", "10.0.0.1", "book.example.org"])
def test_other_hosts_may_be(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("entry", "host", "port", "covered"),
    [
        ("*", "any.example", 443, True),
        ("corp.example", "corp.example", 443, True),
        ("corp.example", "pc.corp.example", 443, True),
        ("corp.example", "notcorp.example", 443, False),
        (".corp.example", "pc.corp.example", 443, True),
        (".corp.example", "evilcorp.example", 443, False),
        ("*.corp.example", "pc.corp.example", 443, True),
        ("*.corp.example", "corp.example", 443, False),
        ("10.*", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("169.254/16", "169.254.7.7", 443, True),
        ("10.0.0.0/8", "ten.example", 443, False),
        ("fd00::/8", "[fd00::7]", 443, True),
        ("book.example:8443", "book.example", 8443, True),
        ("book.example:8443", "book.example", 443, False),
        ("<local>", "intranet", 443, True),
        ("<local>", "intra.net", 443, False),
        ("CORP.example", "Pc.Corp.EXAMPLE.", 443, True),
    ],
)
def test_the_bypass_list_covers_what_its_entry_says(entry: str, host: str, port: int, covered: bool) -> None:
    for text in (entry, f"other.example, {entry}", f"{entry};x"):
        assert Bypass.read(text, below_too=True).covers(host, port) is covered


def test_windows_plain_names_do_not_cover_what_is_below_them() -> None:
    assert not Bypass.read("corp.example").covers("pc.corp.example", 443)
