"""The hint as it crosses the wire."""

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.protocol.hints import NAMESPACE, Hint, HintKind, jid, read, write

xml_text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=64)


def message(inner: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<message xmlns='jabber:client'>{inner}</message>")


@settings(max_examples=200, deadline=None)
@given(kind=st.sampled_from(HintKind), cursor=xml_text)
def test_what_is_written_is_read_whatever_the_cursor_holds(kind, cursor):
    hint = Hint(kind, cursor)
    assert read(message(write(hint))) == hint


def test_a_message_without_a_hint_is_none():
    assert read(message("<body>hello</body>")) is None
    assert read(message("<hint xmlns='urn:other' kind='sync'/>")) is None


@pytest.mark.parametrize("attributes", ["kind='of-tomorrow' cursor='1'", "cursor='1' more='x'"])
def test_a_hint_of_a_later_version_wakes_as_well(attributes):
    assert read(message(f"<hint xmlns='{NAMESPACE}' {attributes}/>")) == Hint(HintKind.SYNC, "1")


def test_an_endless_cursor_is_cut():
    assert len(read(message(write(Hint(cursor="9" * 1000)))).cursor) == 64


def test_a_connector_is_named_in_lower_case():
    assert jid("AB2CD3EF4G", "book.example.org") == "ab2cd3ef4g@book.example.org"
