"""A browser without JavaScript: loads pages over HTTPS, fills in the forms they show, presses a button.

CSRF is enforced, so a form without its token does not work here either.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

from django.http import HttpResponse
from django.test import Client

VOID = {"input", "link", "meta", "br", "hr", "img"}


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)  # name and value
    radios: dict[str, list[str]] = field(default_factory=dict)
    text: str = ""


class _Page(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address, self.forms, self.text, self.links = address, [], "", []
        self._form: Form | None = None
        self._named = self._select = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attributes}
        if tag == "a":
            self.links.append(has.get("href", ""))
        if tag == "form":
            self._form = Form(
                urljoin(self.address, has.get("action") or self.address), has.get("method", "get").lower()
            )
            self.forms.append(self._form)
        if self._form is None:
            return
        name, value = has.get("name", ""), has.get("value", "")
        if tag == "button":
            self._form.buttons.append((name, value))
        elif tag == "input" and has.get("type") == "radio":
            self._form.radios.setdefault(name, []).append(value)
        elif tag == "input" and has.get("type") == "checkbox":
            if "checked" in has:
                self._form.fields[name] = value or "on"
        elif tag == "input" and name:
            self._form.fields[name] = value
        elif tag == "textarea":
            self._named = name
            self._form.fields[name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and ("selected" in has or self._select not in self._form.fields):
            self._form.fields[self._select] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._named = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._form is not None:
            self._form.text += data
            if self._named:
                self._form.fields[self._named] += data.removeprefix("\n")


class Browser:
    """`status`, `text` and `address` are those of the page shown, after redirects."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.response: HttpResponse = HttpResponse()
        self.address = ""

    def sign_in(self, user: object) -> Browser:
        self.client.force_login(user)
        return self

    def open(self, address: str) -> Browser:
        return self._show(self.client.get(address, secure=True, follow=True), address)

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def text(self) -> str:
        return " ".join(self._page().text.split())

    @property
    def links(self) -> list[str]:
        return self._page().links

    @property
    def forms(self) -> list[Form]:
        return self._page().forms

    def form(self, text: str = "") -> Form:
        """The first form that has this text in it."""
        return next(form for form in self.forms if text in form.text)

    def times(self) -> list[str]:
        """The times that can be pressed."""
        return [value for form in self.forms for name, value in form.buttons if name == "start"]

    def send(self, form: Form, **filled: str) -> Browser:
        data = {**form.fields, **filled}
        if form.method == "get":
            return self._show(self.client.get(form.action, data, secure=True, follow=True), form.action)
        headers = {"referer": f"https://testserver{self.address}"}
        answer = self.client.post(form.action, data, secure=True, follow=True, headers=headers)
        return self._show(answer, form.action)

    def _show(self, response: HttpResponse, address: str) -> Browser:
        self.response = response
        hops = getattr(response, "redirect_chain", [])
        self.address = hops[-1][0] if hops else address
        return self

    def _page(self) -> _Page:
        page = _Page(self.address)
        page.feed(self.response.content.decode())
        return page
