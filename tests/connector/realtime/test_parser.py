"""The stream parser: whatever way the bytes are cut, and nothing that XMPP forbids."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slixmpp.xmlstream.xmlstream import ET

from connector.realtime.impostor import HEADER
from dovetail.connector.realtime.parser import MAX_BYTES, NotXmpp, Parser

STANZAS = (
    b"<message from='localhost'><hint xmlns='urn:dovetail:hint:1' kind='sync' cursor='1.0-7'/></message>"
    b"<iq type='result' xml:lang='en'><q xmlns='a'>\xc3\xa9&amp;<b xmlns='b' c='d'/>tail</q></iq>"
)


def events(parser: Parser) -> list[tuple[str, str]]:
    return [(kind, element.tag) for kind, element in parser.read_events()]


@given(cuts=st.sets(st.integers(1, len(HEADER + STANZAS) - 1)))
@settings(max_examples=100, deadline=None)
def test_it_reads_what_elementtree_reads_however_the_bytes_are_cut(cuts):
    whole = HEADER + STANZAS
    oracle = ET.XMLPullParser(("start", "end"))
    oracle.feed(whole)
    wanted = list(oracle.read_events())
    parser, got = Parser(), []
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), len(whole)], strict=True):
        parser.feed(whole[first:last])
        got += parser.read_events()
    assert [(kind, element.tag, element.attrib) for kind, element in got] == [
        (kind, element.tag, element.attrib) for kind, element in wanted
    ]
    assert ET.tostring(got[0][1]) == ET.tostring(wanted[0][1])


def test_a_start_tag_is_known_as_soon_as_it_is_there():
    parser = Parser()
    parser.feed(HEADER)
    assert events(parser) == [("start", "{http://etherx.jabber.org/streams}stream")]
    long = b"<message from='" + b"x" * 3000 + b"'>"
    for first in range(0, len(long), 750):
        parser.feed(long[first : first + 750])
    assert events(parser) == [("start", "{jabber:client}message")]


@pytest.mark.parametrize(
    "words",
    [
        b"<!DOCTYPE x>",
        b"<?evil x?>",
        HEADER + b"<?evil x?>",
        HEADER + b"<!DOCTYPE x>",
        HEADER + b"&undeclared;",
        HEADER + b"</wrong>",
        HEADER + b"<a>" * 32,
        b"<html>",
        b"HTTP/1.1 200 OK",
        HEADER + b"\xff\xff<a/>",
    ],
)
def test_what_is_no_xmpp_is_refused(words):
    with pytest.raises(NotXmpp):
        Parser().feed(words)


def test_an_element_without_end_is_refused_and_many_small_ones_are_not():
    parser = Parser()
    parser.feed(HEADER)
    for _ in range(100):
        parser.feed(b"<a>" + b"x" * (MAX_BYTES // 50) + b"</a>")
    parser.feed(b"<a>" + b"x" * (MAX_BYTES - 10))
    with pytest.raises(NotXmpp):
        parser.feed(b"x" * 10)
