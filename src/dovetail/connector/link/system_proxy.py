"""The proxy that this PC's user has set: HTTPS_PROXY and NO_PROXY on any system, else macOS's or GNOME's settings.

Windows' settings are read, and decided on, by Windows itself: see :mod:`dovetail.connector.link.winhttp`. Read anew for
each connection, so that a change counts at once. Left out: KDE's settings, and WPAD elsewhere than on Windows.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from dovetail.connector.link.bypass import Bypass
from dovetail.connector.link.routes import BadProxy, Proxy, read_proxy
from dovetail.connector.link.verdicts import EgressError, Phase, Verdict

ASK_SECONDS = 5.0


@dataclass(frozen=True)
class ProxySettings:
    """`found` says where. Neither `proxy` nor `pac_url`: direct."""

    found: str
    proxy: Proxy | None = None
    pac_url: str | None = None
    bypass: Bypass = field(default_factory=Bypass)
    notice: str = ""


def from_environment(environ: Mapping[str, str]) -> ProxySettings | None:
    """HTTPS_PROXY, or ALL_PROXY, in either case; None where neither is set."""
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        if address := environ.get(name, "").strip():
            bypass = Bypass.read(environ.get("no_proxy") or environ.get("NO_PROXY", ""), below_too=True)
            return ProxySettings(name.upper(), _proxy(address, name.upper()), bypass=bypass)
    return None


def from_desktop() -> ProxySettings:
    """The settings of the desktop that this program runs on."""
    if sys.platform == "darwin":
        return read_scutil(_said_by("scutil", "--proxy"))
    if shutil.which("gsettings"):
        return read_gsettings(_said_by("gsettings", "list-recursively", "org.gnome.system.proxy"))
    return ProxySettings("no settings")


def _said_by(*command: str) -> str:
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        asked = subprocess.run(  # noqa: S603 - two fixed commands
            [program, *command[1:]], capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return asked.stdout


def read_gsettings(text: str) -> ProxySettings:
    """Lines such as ``org.gnome.system.proxy.https host 'proxy.corp'``."""
    if not text:
        return ProxySettings("no settings")
    values = {}
    for line in text.splitlines():
        schema, _, rest = line.partition(" ")
        key, _, value = rest.partition(" ")
        values[f"{schema.removeprefix('org.gnome.system.proxy').lstrip('.')}.{key}".lstrip(".")] = value.strip()
    found = "GNOME's settings"
    bypass = Bypass.read(re.findall(r"'([^']*)'", values.get("ignore-hosts", "")))
    mode = values.get("mode", "'none'").strip("'")
    if mode == "auto":
        url = values.get("autoconfig-url", "''").strip("'")
        notice = (
            "" if url else "Finding a PAC file by itself (WPAD) works on Windows only: name it with --proxy pac:URL."
        )
        return ProxySettings(found, pac_url=url or None, bypass=bypass, notice=notice)
    if mode == "manual":
        for section, scheme in (("https", "http"), ("socks", "socks5")):
            host = values.get(f"{section}.host", "''").strip("'")
            if host:
                port = values.get(f"{section}.port", "0")
                return ProxySettings(found, _proxy(_address(scheme, host, port), found), bypass=bypass)
    return ProxySettings(found)


def read_scutil(text: str) -> ProxySettings:
    """What ``scutil --proxy`` prints: ``HTTPSProxy : proxy.corp`` and an array of exceptions."""
    values = dict(re.findall(r"^\s*(\w+) : ([^<\n].*?)\s*$", text, re.MULTILINE))
    listed = re.search(r"ExceptionsList : <array> \{(.*?)\}", text, re.DOTALL)
    exceptions = re.findall(r"^\s*\d+ : (.*?)\s*$", listed[1], re.MULTILINE) if listed else []
    if values.get("ExcludeSimpleHostnames") == "1":
        exceptions.append("<local>")
    found, bypass = "macOS' settings", Bypass.read(exceptions)
    if values.get("ProxyAutoConfigEnable") == "1" and values.get("ProxyAutoConfigURLString"):
        return ProxySettings(found, pac_url=values["ProxyAutoConfigURLString"], bypass=bypass)
    for section, scheme in (("HTTPS", "http"), ("SOCKS", "socks5")):
        if values.get(f"{section}Enable") == "1" and values.get(f"{section}Proxy"):
            address = _address(scheme, values[f"{section}Proxy"], values.get(f"{section}Port", "0"))
            return ProxySettings(found, _proxy(address, found), bypass=bypass)
    return ProxySettings(found)


def _address(scheme: str, host: str, port: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" + (f":{port}" if port.isdigit() and port != "0" else "")


def _proxy(address: str, found: str) -> Proxy:
    try:
        return read_proxy(address)
    except BadProxy as error:
        raise EgressError(Verdict.PROXY_UNSUPPORTED, Phase.PROXY, f"{found}: {error}") from None
