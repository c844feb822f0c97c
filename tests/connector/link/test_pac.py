"""PAC scripts: what companies write, what attackers could, and what happens when the file cannot be had."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dovetail.connector.link import pac_source
from dovetail.connector.link.pac import PacScript
from dovetail.connector.link.pac_source import PacSource, PacUnavailable
from dovetail.connector.link.routes import Direct, Kind, Proxy
from dovetail.connector.link.verdicts import EgressError, Verdict

HOST = "book.example.org"
SIMPLE = 'function FindProxyForURL(url, host) { return "PROXY proxy:8080"; }'


def script(expression: str) -> PacScript:
    names = {"inside.corp": "10.1.2.3", HOST: "192.0.2.7"}
    return PacScript(f"function FindProxyForURL(url, host) {{ return String({expression}); }}", names.get)


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("url", "https://book.example.org/"),
        ('dnsDomainIs(host, ".example.org")', "true"),
        ('dnsDomainIs(host, ".example.com")', "false"),
        ('shExpMatch(host, "book.*.org")', "true"),
        ('shExpMatch(host, "book?example.org")', "true"),
        ('shExpMatch(host, "ook")', "false"),
        ("isPlainHostName(host)", "false"),
        ('localHostOrDomainIs("book", "book.example.org")', "true"),
        ("dnsDomainLevels(host)", "2"),
        ('isInNet(host, "192.0.2.0", "255.255.255.0")', "true"),
        ('isInNet("inside.corp", "10.0.0.0", "255.0.0.0")', "true"),
        ('isInNet("192.0.2.9", "10.0.0.0", "255.0.0.0")', "false"),
        ('isResolvable("nowhere.corp")', "false"),
        ('dnsResolve("inside.corp")', "10.1.2.3"),
        ('weekdayRange("MON", "SUN") && weekdayRange("SUN", "SAT")', "true"),
        ('dateRange(2000, 2099) && dateRange("JAN", "DEC") && dateRange(1, 31)', "true"),
        ('dateRange(1, "JAN", 2000, 2, "JAN", 2000)', "false"),
        ("timeRange(0, 0, 0, 23, 59, 59)", "true"),
        ("timeRange(new Date().getHours())", "true"),
    ],
)
def test_the_functions_answer_as_in_a_browser(expression: str, answer: str) -> None:
    assert script(expression).find(HOST) == answer


@pytest.mark.parametrize(
    "text",
    [
        "function FindProxyForURL() { while (true); }",
        "function FindProxyForURL() { var a = []; while (true) a.push(new Array(100000).join('x') + a.length); }",
        "function FindProxyForURL(u, h) { return FindProxyForURL(u, h); }",
        "this is no script",
        "var nothing = 1;",
        "function FindProxyForURL() { for (var i = 0; ; i++) dnsResolve('name' + i); }",
        "while (true);",
    ],
    ids=["loop", "memory", "recursion", "syntax", "no function", "look-ups", "loop at load"],
)
def test_a_broken_or_hostile_script_ends_in_an_error_and_in_time(text: str) -> None:
    began = time.process_time()
    with pytest.raises(EgressError) as refusal:
        PacScript(text, lambda name: None).find(HOST)
    assert refusal.value.verdict is Verdict.PAC_BROKEN
    assert time.process_time() - began < 5


def test_a_script_that_hoards_memory_is_stopped_by_its_limit_and_not_by_the_clock() -> None:
    hoard = "function FindProxyForURL() { return 'x'.repeat(100000000).length + '' + new ArrayBuffer(200000000); }"
    with pytest.raises(EgressError, match="memory"):
        PacScript(hoard).find(HOST)


def test_a_script_cannot_read_what_another_run_left_or_the_computer() -> None:
    leaky = PacScript(
        "var n = 0; function FindProxyForURL() {"
        " return 'PROXY p:' + (++n) + typeof require + typeof std + typeof process; }"
    )
    assert {leaky.find(HOST), leaky.find(HOST)} == {"PROXY p:1undefinedundefinedundefined"}


class Source:
    """A web server's PAC file, that may go away."""

    def __init__(self) -> None:
        self.text: str | None = SIMPLE
        self.fetched = 0

    def fetch(self, url: str) -> str:
        self.fetched += 1
        if self.text is None:
            raise PacUnavailable("no answer")
        return self.text


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    monkeypatch.setattr(pac_source, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(pac_source, "own_address", lambda: "10.0.0.7")
    return Source()


def test_the_file_is_not_fetched_for_every_connection(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pac_source, "KEPT_SECONDS", 60.0)
    pac = PacSource(source.fetch)
    assert [pac.choose("http://pac/", HOST, "x").routes for _ in range(3)] == [(Proxy(Kind.HTTP, "proxy", 8080),)] * 3
    assert source.fetched == 1


def test_on_another_network_it_is_fetched_again_at_once(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pac_source, "KEPT_SECONDS", 60.0)
    pac = PacSource(source.fetch)
    pac.choose("http://pac/", HOST, "x")
    monkeypatch.setattr(pac_source, "own_address", lambda: "192.168.1.5")
    source.text = 'function FindProxyForURL() { return "DIRECT"; }'
    assert pac.choose("http://pac/", HOST, "x").routes == (Direct(),)


def test_a_silent_source_does_not_change_the_way_and_is_told(source: Source) -> None:
    pac = PacSource(source.fetch)
    pac.choose("http://pac/", HOST, "x")
    source.text = None
    choice = pac.choose("http://pac/", HOST, "x")
    assert choice.routes == (Proxy(Kind.HTTP, "proxy", 8080),)
    assert "used on" in choice.notice


def test_at_home_where_the_file_cannot_be_had_the_direct_way_is_tried_and_told(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    pac = PacSource(source.fetch)
    pac.choose("http://pac/", HOST, "x")
    source.text = None
    monkeypatch.setattr(pac_source, "own_address", lambda: "192.168.1.5")
    choice = pac.choose("http://pac/", HOST, "x")
    assert choice.routes == (Direct(),)
    assert "without a proxy" in choice.notice


def test_a_broken_file_is_never_read_as_direct(source: Source) -> None:
    source.text = "<html>Please sign in</html>"
    with pytest.raises(EgressError):
        PacSource(source.fetch).choose("http://pac/", HOST, "x")


def test_a_file_on_this_pc_is_read(tmp_path: Path) -> None:
    file = tmp_path / "proxy.pac"
    file.write_text(SIMPLE)

    def no_client() -> object:
        raise AssertionError("nothing is to be fetched")

    assert pac_source.fetch_pac(file.as_uri(), no_client) == SIMPLE  # type: ignore[arg-type]
    with pytest.raises(PacUnavailable):
        pac_source.fetch_pac((tmp_path / "gone.pac").as_uri(), no_client)  # type: ignore[arg-type]
