"""The system's proxy settings in the forms in which each system gives them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dovetail.connector.link import egress as egress_module
from dovetail.connector.link.egress import Egress
from dovetail.connector.link.routes import Choice, Direct, Kind, Proxy
from dovetail.connector.link.system_proxy import ProxySettings, from_environment, read_gsettings, read_scutil
from dovetail.connector.link.verdicts import EgressError, Verdict
from dovetail.connector.link.winhttp import UserSettings, decide, read_proxy_list
from programs import require_program

HOST = "book.example.org"
CORP = Proxy(Kind.HTTP, "proxy.corp", 8080)

GNOME = """org.gnome.system.proxy autoconfig-url '{pac}'
org.gnome.system.proxy ignore-hosts ['localhost', '127.0.0.0/8', '*.corp', '::1']
org.gnome.system.proxy mode '{mode}'
org.gnome.system.proxy.https host 'proxy.corp'
org.gnome.system.proxy.https port 8080
org.gnome.system.proxy.socks host ''
org.gnome.system.proxy.socks port 0
"""
MACOS = """<dictionary> {
  ExceptionsList : <array> {
    0 : *.local
    1 : 169.254/16
  }
  ExcludeSimpleHostnames : 1
  HTTPSEnable : 1
  HTTPSPort : 8080
  HTTPSProxy : proxy.corp
  ProxyAutoConfigEnable : 0
  SOCKSEnable : 0
}
"""


def choose(environ: dict[str, str], mode: str = "system") -> Choice:
    return Egress(mode, environ=environ).choose(HOST, 443)


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> list[ProxySettings]:
    """The settings that the desktop will be found to have."""
    settings = [ProxySettings("a desktop's settings")]
    monkeypatch.setattr(egress_module.system_proxy, "from_desktop", lambda: settings[0])
    return settings


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_environment_names_the_proxy(name: str) -> None:
    choice = choose({name: "http://proxy.corp:8080"})
    assert (choice.routes, choice.found) == ((CORP,), name.upper())


def test_no_proxy_is_honoured_for_the_environments_proxy_and_for_one_named() -> None:
    environ = {"HTTPS_PROXY": "http://proxy.corp:8080", "NO_PROXY": "example.org"}
    assert choose(environ).routes == (Direct(),)
    assert choose(environ, "http://proxy.corp:8080").routes == (Direct(),)


def test_the_environment_goes_before_the_desktop(desktop: list[ProxySettings]) -> None:
    desktop[0] = ProxySettings("a desktop's settings", Proxy(Kind.HTTP, "other", 1))
    assert choose({"HTTPS_PROXY": "proxy.corp:8080"}).routes == (CORP,)
    assert choose({}).routes == (Proxy(Kind.HTTP, "other", 1),)


def test_a_change_of_settings_counts_at_the_next_connection(desktop: list[ProxySettings]) -> None:
    egress = Egress(environ={})
    assert egress.choose(HOST, 443).routes == (Direct(),)
    desktop[0] = ProxySettings("a desktop's settings", CORP)
    assert egress.choose(HOST, 443).routes == (CORP,)


def test_none_means_none() -> None:
    assert choose({"HTTPS_PROXY": "http://proxy.corp:8080"}, "none").routes == (Direct(),)


def test_this_pc_is_reached_directly_whatever_the_settings_say() -> None:
    egress = Egress("http://proxy.corp:8080", environ={"HTTPS_PROXY": "http://proxy.corp:8080"})
    assert egress.choose("localhost", 8443).routes == (Direct(),)


def test_a_proxy_that_cannot_be_used_is_named_and_not_gone_round() -> None:
    with pytest.raises(EgressError, match="HTTPS_PROXY") as refusal:
        choose({"HTTPS_PROXY": "socks4://anna:s3cret@proxy.corp:1080"})
    assert refusal.value.verdict is Verdict.PROXY_UNSUPPORTED
    assert "s3cret" not in str(refusal.value)


def test_an_empty_variable_is_none() -> None:
    assert from_environment({"HTTPS_PROXY": " ", "ALL_PROXY": ""}) is None


def test_gnomes_manual_proxy_and_its_exceptions() -> None:
    settings = read_gsettings(GNOME.format(mode="manual", pac=""))
    assert settings.proxy == CORP
    assert settings.bypass.covers("pc.corp", 443)
    assert not settings.bypass.covers(HOST, 443)


def test_gnomes_pac_file_and_its_absence() -> None:
    assert read_gsettings(GNOME.format(mode="auto", pac="http://w/p.pac")).pac_url == "http://w/p.pac"
    alone = read_gsettings(GNOME.format(mode="auto", pac=""))
    assert (alone.proxy, alone.pac_url) == (None, None)
    assert "WPAD" in alone.notice
    assert read_gsettings(GNOME.format(mode="none", pac="")).proxy is None
    assert read_gsettings("").proxy is None


def test_macos_proxy_and_its_exceptions() -> None:
    settings = read_scutil(MACOS)
    assert settings.proxy == CORP
    for host in ("printer.local", "169.254.1.2", "intranet"):
        assert settings.bypass.covers(host, 443), host
    assert not settings.bypass.covers(HOST, 443)


def test_macos_pac_file_goes_first_when_it_is_on() -> None:
    on = MACOS.replace(
        "ProxyAutoConfigEnable : 0", "ProxyAutoConfigEnable : 1\n  ProxyAutoConfigURLString : http://w/p"
    )
    assert read_scutil(on).pac_url == "http://w/p"
    assert read_scutil(MACOS.replace("HTTPSEnable : 1", "HTTPSEnable : 0")).proxy is None


@pytest.mark.parametrize(
    ("text", "routes"),
    [
        ("proxy.corp:8080", (CORP,)),
        ("proxy.corp:8080;other:1", (CORP, Proxy(Kind.HTTP, "other", 1))),
        ("http=web:80;https=proxy.corp:8080;socks=s:1080", (CORP,)),
        ("http=web:80;socks=s:1080", (Proxy(Kind.SOCKS5, "s", 1080),)),
        ("http=web:80", ()),
        ("", ()),
    ],
)
def test_windows_notation_of_proxies(text: str, routes: tuple[Proxy, ...]) -> None:
    assert read_proxy_list(text) == routes


def test_windows_settings_are_decided_as_windows_does() -> None:
    manual = UserSettings(proxy="proxy.corp:8080", bypass="*.inside;<local>")
    assert decide(manual, None, HOST, 443).routes == (CORP,)
    assert decide(manual, None, "pc.inside", 443).routes == (Direct(),)
    assert decide(UserSettings(), None, HOST, 443).routes == (Direct(),)
    by_pac = Choice((Proxy(Kind.HTTP, "from-pac", 1),), "PAC")
    assert decide(manual, by_pac, HOST, 443) == by_pac


def test_on_windows_a_pac_file_that_cannot_be_had_leaves_the_manual_proxy_and_a_word() -> None:
    missing = Choice((), "PAC", "The PAC file cannot be had.")
    assert decide(UserSettings(proxy="proxy.corp:8080"), missing, HOST, 443).routes == (CORP,)
    alone = decide(UserSettings(pac_url="http://w/p"), missing, HOST, 443)
    assert (alone.routes, alone.notice) == ((Direct(),), "The PAC file cannot be had.")


def test_gnomes_own_settings_count_from_the_next_connection_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The real program with the desktop's real schemas, on settings of this test's own."""
    program = require_program("gsettings")
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("GSETTINGS_BACKEND", "keyfile")

    def set_to(key: str, value: str, section: str = "") -> None:
        subprocess.run([program, "set", f"org.gnome.system.proxy{section}", key, value], check=True)

    egress = Egress(environ={})
    assert egress.choose(HOST, 443) == Choice((Direct(),), "GNOME's settings")
    set_to("host", "proxy.corp", ".https")
    set_to("port", "8080", ".https")
    set_to("mode", "manual")
    assert egress.choose(HOST, 443) == Choice((CORP,), "GNOME's settings")
    set_to("ignore-hosts", "['*.example.org']")
    assert egress.choose(HOST, 443).routes == (Direct(),)
    script = tmp_path / "proxy.pac"
    script.write_text('function FindProxyForURL(url, host) { return "HTTPS proxy.corp:8443"; }')
    set_to("autoconfig-url", script.as_uri())
    set_to("mode", "auto")
    assert egress.choose(HOST, 443).routes == (Proxy(Kind.HTTPS, "proxy.corp", 8443),)
