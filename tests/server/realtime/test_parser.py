"""The parser by itself: whatever comes, in whatever pieces, it gives elements or one stream error."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.server.realtime.elements import Element, StreamError
from dovetail.server.realtime.parser import MAX_DEPTH, Parser, read_message

from .client import HEADER

LIMIT = 2000
CONDITIONS = {"bad-format", "not-well-formed", "policy-violation", "restricted-xml", "unsupported-encoding"}

names = st.sampled_from(["iq", "message", "a", "b"])
texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=20)


@st.composite
def trees(draw, depth: int = 3) -> ElementTree.Element:
    element = ElementTree.Element(
        f"{{urn:{draw(names)}}}{draw(names)}", draw(st.dictionaries(names, texts, max_size=2))
    )
    element.text = draw(texts)
    if depth:
        element.extend(draw(st.lists(trees(depth - 1), max_size=2)))
    return element


def plain(element: ElementTree.Element) -> Element:
    """ElementTree's element as ours; text after a child belongs to its parent in ours."""
    namespace, _, name = element.tag[1:].partition("}")
    return Element(namespace, name, dict(element.attrib), [plain(child) for child in element], element.text or "")


def read(data: bytes, cuts: list[int]) -> tuple[list[Element], str]:
    """What `data` gives when it comes in pieces, and the condition it ends with."""
    found: list[Element] = []
    parser = Parser(LIMIT, found.append, lambda root: None, lambda: None)
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    try:
        for start, end in pairwise(places):
            parser.feed(data[start:end])
    except StreamError as error:
        assert parser.is_stopped
        parser.feed(b"<more/>")
        return found, error.condition
    return found, ""


@settings(max_examples=100, deadline=None)
@given(st.lists(trees(), max_size=3), st.lists(st.integers(0, 5000), max_size=5))
def test_elements_are_read_as_another_parser_reads_them(elements, cuts):
    data = HEADER.encode() + b" ".join(ElementTree.tostring(element, "utf-8") for element in elements)
    if all(len(ElementTree.tostring(element, "utf-8")) < LIMIT for element in elements):
        expected = [plain(ElementTree.fromstring(ElementTree.tostring(element))) for element in elements]
        assert read(data, cuts) == (expected, "")


good = st.sampled_from([HEADER.encode(), b"<iq>", b"</iq>", b"<a b='c'/>", b"</stream:stream>", b"&lt;", b"'", b" "])
restricted = st.sampled_from([b"<!DOCTYPE x [", b"<!ENTITY a 'b'>", b"]>", b"&a;", b"<!--", b"-->", b"<?x y?>"])
fragments = good | restricted | st.sampled_from([b"<![CDATA[", b"]]>", b"\xff", b"\xe2\x82", b"\0"])


@settings(max_examples=300, deadline=None)
@given(st.lists(fragments | st.binary(max_size=20), max_size=30), st.lists(st.integers(0, 500), max_size=5))
def test_anything_gives_elements_or_one_stream_error_however_it_is_cut(parts, cuts):
    data = HEADER.encode() + b"".join(parts)
    found, condition = read(data, [])
    assert condition in CONDITIONS | {""}
    in_pieces, its_condition = read(data, cuts)
    assert in_pieces[: len(found)] == found[: len(in_pieces)]
    assert bool(condition) == bool(its_condition)
    assert all(b"<!DOCTYPE" not in element.text.encode() or b"CDATA" in data for element in found)


@settings(max_examples=200, deadline=None)
@given(st.lists(fragments | st.binary(max_size=20), max_size=20))
def test_any_message_is_one_element_or_a_stream_error(parts):
    try:
        found = read_message(b"".join(parts), LIMIT)
    except StreamError as error:
        found = error
    assert isinstance(found, Element) or found.condition in CONDITIONS


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1])
def test_the_depth_of_an_element_is_limited(depth):
    found, condition = read(HEADER.encode() + b"<a>" * depth + b"</a>" * depth, [])
    assert (len(found), condition) == ((1, "") if depth <= MAX_DEPTH else (0, "policy-violation"))


@pytest.mark.parametrize("text", [b"<a>", b"<a b='", b"<", b"<a><![CDATA[", b"<a>&"])
def test_what_an_element_takes_before_it_is_whole_is_limited(text):
    parser = Parser(LIMIT, lambda element: None, lambda root: None)
    parser.feed(HEADER.encode())
    parser.feed(text)
    for _ in range(LIMIT - len(text)):
        parser.feed(b"x")
    with pytest.raises(StreamError, match="policy-violation"):
        parser.feed(b"x")


def test_many_elements_may_come_in_one_piece():
    found, condition = read(HEADER.encode() + b"<a>text</a>" * 10_000, [])
    assert (len(found), condition) == (10_000, "")
