"""A visitor of the server's pages without a screen: reads the forms of a page, fills one in, sends it.

What a browser without JavaScript does, no more; so the demo uses the pages just as a person would.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx


class NoSuchForm(Exception):
    """The page has no form like that; the message quotes what the page says instead."""


@dataclass
class Form:
    """`fields` as the page presets them; `boxes` maps a name to the values of its boxes that can be ticked; `buttons`
    maps what a submit button says to the (name, value) it sends."""

    action: str = ""
    method: str = "get"
    fields: dict[str, list[str]] = field(default_factory=dict)
    boxes: dict[str, list[str]] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self.shown: dict[str, str] = {}
        self._form: Form | None = None
        self._select = self._textarea = ""
        self._button: tuple[str, str] | None = None
        self._button_words: list[str] = []
        self._hidden_tag = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if tag in ("script", "style", "head"):
            self._hidden_tag = tag
        if tag == "input" and "readonly" in values:
            self.shown[values.get("id", "")] = values.get("value", "")
        if tag == "form":
            self._form = Form(values.get("action", ""), values.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form is not None:
            self._field(tag, values, {name for name, _ in attributes})

    def _field(self, tag: str, values: dict[str, str], present: set[str]) -> None:
        assert self._form is not None
        name = values.get("name", "")
        if tag == "input" and values.get("type") in ("submit", "button"):
            self._form.buttons[values.get("value", "")] = (name, values.get("value", ""))
        elif tag == "input" and name and "disabled" not in present:
            is_box = values.get("type") in ("checkbox", "radio")
            value = values.get("value", "on" if is_box else "")
            if is_box:
                self._form.boxes.setdefault(name, []).append(value)
            if not is_box or "checked" in present:
                self._form.fields.setdefault(name, []).append(value)
        elif tag == "button":
            self._button, self._button_words = (name, values.get("value", "")), []
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            chosen = self._form.fields.setdefault(self._select, [])
            if "selected" in present:
                chosen[:] = [values.get("value", "")]
        elif tag == "textarea":
            self._textarea = name
            self._form.fields[name] = [""]

    def handle_data(self, data: str) -> None:
        if self._hidden_tag:
            return
        if self._button is not None:
            self._button_words.append(data)
        if self._textarea and self._form is not None:
            self._form.fields[self._textarea] = [self._form.fields[self._textarea][0] + data]
        self.words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._hidden_tag:
            self._hidden_tag = ""
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""
        elif tag == "button" and self._button is not None and self._form is not None:
            self._form.buttons[" ".join("".join(self._button_words).split())] = self._button
            self._button = None


class Page:
    """An answer of the server: `text` is what a person reads, `shown` the read-only fields by id, `facts` its lists of
    terms."""

    def __init__(self, visitor: Visitor, response: httpx.Response) -> None:
        self.status, self.url, self.html = response.status_code, str(response.url), response.text
        self.path = response.url.path
        self._visitor = visitor
        reader = _FormReader()
        if "html" in response.headers.get("content-type", ""):
            reader.feed(response.text)
        self.forms = reader.forms
        self.shown = reader.shown
        self.facts = dict(re.findall(r"<dt>([^<]*)</dt>\s*<dd>([^<]*)</dd>", response.text))
        self.text = " ".join("".join(reader.words).split())

    @property
    def boxes(self) -> dict[str, list[str]]:
        """The values of the boxes that can be ticked, by name."""
        return {name: values for form in self.forms for name, values in form.boxes.items()}

    def submit(self, button: str, **values: str | list[str] | bool) -> Page:
        """Press the submit button that says or sends `button`, its form filled in. False unticks a box."""
        pressed = [
            (form, name, value)
            for form in self.forms
            for label, (name, value) in form.buttons.items()
            if button in (label, value)
        ]
        if not pressed:
            nothing = f"{self.path} (status {self.status}) has no button {button!r}"
            raise NoSuchForm(f"{nothing}; it says: {self.text[:600]}")
        form, name, value = pressed[0]
        return self._send(form, {name: value} if name else {}, values)

    def _send(self, form: Form, pressed: dict[str, str], values: dict[str, Any]) -> Page:
        fields: dict[str, Any] = {**form.fields, **pressed}
        for name, value in values.items():
            if value is False:
                fields.pop(name, None)
            else:
                fields[name] = "on" if value is True else value
        target = httpx.URL(self.url).join(form.action) if form.action else self.url
        return self._visitor.send(form.method, str(target), fields, referer=self.url)


class Visitor:
    """One browser's worth of cookies. Trusts the given CA file only."""

    def __init__(self, url: str, ca_file: Path) -> None:
        self._client = httpx.Client(
            base_url=url,
            verify=ssl.create_default_context(cafile=str(ca_file)),
            follow_redirects=True,
            timeout=30,
            trust_env=False,
        )

    def get(self, path: str, **query: str) -> Page:
        return Page(self, self._client.get(path, params=query or None))

    def json(self, path: str, **query: str) -> Any:
        response = self._client.get(path, params=query or None)
        response.raise_for_status()
        return response.json()

    def send(self, method: str, url: str, fields: dict[str, Any], referer: str) -> Page:
        if method == "get":
            return Page(self, self._client.get(url, params=fields))
        return Page(self, self._client.post(url, data=fields, headers={"Referer": referer}))

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
