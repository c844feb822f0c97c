"""The server's address, however a person writes it."""

from __future__ import annotations

import pytest

from dovetail.connector.link.address import BadAddress, read_address


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("book.example.org", "https://book.example.org"),
        (" https://Book.Example.org/ ", "https://book.example.org"),
        ("https://book.example.org:443/connection/?a=b#c", "https://book.example.org"),
        ("book.example.org:8443", "https://book.example.org:8443"),
        ("localhost", "https://localhost"),
        ("192.0.2.7", "https://192.0.2.7"),
        ("https://[2001:DB8::0:1]:8443", "https://[2001:db8::1]:8443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_address_is_cut_down_to_its_origin(typed: str, origin: str) -> None:
    assert read_address(typed) == origin


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("http://book.example.org", "only over TLS"),
        ("HTTP://book.example.org", "only over TLS"),
        ("ftp://book.example.org", "ftp://"),
        ("https://anna:secret@book.example.org", "no user name"),
        ("", "missing"),
        ("https://", "not a host name"),
        ("https://book.example.org:port", "not an address"),
        ("https://book example.org", "not a host name"),
        ("https://[zz]", "not an"),
        ("https://book.example.org\r\nX-Y: z", r"is not an address"),
        ("https://-book.example.org", "not a host name"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(typed: str, words: str) -> None:
    with pytest.raises(BadAddress, match=words) as refusal:
        read_address(typed)
    assert "secret" not in str(refusal.value)
