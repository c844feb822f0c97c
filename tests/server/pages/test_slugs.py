"""Addresses of booking pages, beside the server's own."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import ValidationError
from django.urls import get_resolver

from dovetail.server.pages.slugs import RESERVED, propose_slug, validate_slug_is_free
from server.people import a_host


def first_words() -> set[str]:
    """What every address of the server begins with."""

    def patterns(resolver, before=""):
        for pattern in resolver.url_patterns:
            route = before + re.sub(r"[\^$\\]|\(.*", "", str(pattern.pattern))
            if hasattr(pattern, "url_patterns"):
                yield from patterns(pattern, route)
            else:
                yield route

    words = {route.partition("/")[0] for route in patterns(get_resolver())}
    return {word for word in words if word and not word.startswith("<")}


def test_no_page_can_hide_behind_an_address_of_the_server() -> None:
    assert {"accounts", "api", "b", "home", "pages", "connector"} <= first_words() <= RESERVED
    assert "static" in RESERVED


@pytest.mark.parametrize("slug", ["api", "API", "b", "home"])
def test_a_word_the_server_needs_is_refused(slug) -> None:
    with pytest.raises(ValidationError):
        validate_slug_is_free(slug)


def test_an_address_is_made_of_the_name() -> None:
    assert propose_slug("Ada Lovelace", set()) == "ada-lovelace"
    assert propose_slug("Ada Lovelace", {"ada-lovelace", "ada-lovelace-2"}) == "ada-lovelace-3"
    assert propose_slug("Home", set()) == "home-2"
    assert propose_slug("李", set()).startswith("meet-")


@pytest.mark.django_db
def test_two_people_of_the_same_name_get_two_pages() -> None:
    slugs = {a_host(name="Home Api").pages.get().slug for _ in range(3)}
    assert slugs == {"home-api", "home-api-2", "home-api-3"}
