"""Windows' own answer to "which proxy for this address?", with PAC files and WPAD (DHCP and DNS), by WinHTTP.

`WinHttpGetIEProxyConfigForCurrentUser` reads the user's settings; `WinHttpGetProxyForUrl` finds and runs the PAC file,
outside this process. Both as documented on learn.microsoft.com (winhttp.h). The words that come back are read by plain
functions that any system can test; the calls themselves need Windows.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from dovetail.connector.link.bypass import Bypass
from dovetail.connector.link.routes import BadProxy, Choice, Direct, Route, read_proxy

FOUND = "Windows' settings"

_AUTO_DETECT, _CONFIG_URL = 0x1, 0x2
_BY_DHCP, _BY_DNS = 0x1, 0x2
_NAMED_PROXY = 3
_LOGIN_FAILURE = 12015  # ERROR_WINHTTP_LOGIN_FAILURE: the PAC file's server wants to know who asks
_NO_SCRIPT = {12166: "broken", 12167: "not reached", 12180: "not found"}


@dataclass(frozen=True)
class UserSettings:
    """As in *Internet options*: `proxy` and `bypass` in WinHTTP's notation."""

    auto_detect: bool = False
    pac_url: str = ""
    proxy: str = ""
    bypass: str = ""


def read_proxy_list(text: str) -> tuple[Route, ...]:
    """``a:1``, ``a:1;b:2`` or ``http=a:1;https=b:2;socks=c:3``: those for https, in order."""
    routes: list[Route] = []
    socks: list[Route] = []
    for part in filter(None, re.split(r"[;\s]+", text)):
        scheme, equals, address = part.rpartition("=")
        try:
            if not equals or scheme.lower() == "https":
                routes.append(read_proxy(address if "://" in address else f"http://{address}"))
            elif scheme.lower() == "socks":
                socks.append(read_proxy(f"socks5://{address.rpartition('/')[2]}"))
        except BadProxy:
            continue
    return tuple(routes or socks)


def decide(settings: UserSettings, by_script: Choice | None, host: str, port: int) -> Choice:
    """`by_script` is what the PAC file said, None where there is none or it could not be had."""
    if by_script is not None and (by_script.routes or not settings.proxy):
        return by_script if by_script.routes else Choice((Direct(),), FOUND, by_script.notice)
    routes = read_proxy_list(settings.proxy)
    notice = by_script.notice if by_script else ""
    if not routes or Bypass.read(settings.bypass).covers(host, port):
        return Choice((Direct(),), FOUND, notice)
    return Choice(routes, FOUND, notice)


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    class _UserConfig(ctypes.Structure):
        _fields_ = [
            ("auto_detect", wintypes.BOOL),
            ("pac_url", ctypes.c_void_p),
            ("proxy", ctypes.c_void_p),
            ("bypass", ctypes.c_void_p),
        ]

    class _AutoProxyOptions(ctypes.Structure):
        _fields_ = [
            ("flags", wintypes.DWORD),
            ("detect", wintypes.DWORD),
            ("pac_url", wintypes.LPCWSTR),
            ("reserved", ctypes.c_void_p),
            ("reserved_too", wintypes.DWORD),
            ("log_on", wintypes.BOOL),
        ]

    class _ProxyInfo(ctypes.Structure):
        _fields_ = [("access", wintypes.DWORD), ("proxy", ctypes.c_void_p), ("bypass", ctypes.c_void_p)]

    _winhttp = ctypes.WinDLL("winhttp", use_last_error=True)
    _kernel32 = ctypes.WinDLL("kernel32")
    _kernel32.GlobalFree.argtypes = [ctypes.c_void_p]
    _winhttp.WinHttpOpen.restype = ctypes.c_void_p
    _winhttp.WinHttpOpen.argtypes = [
        wintypes.LPCWSTR, wintypes.DWORD, wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.DWORD,
    ]  # fmt: skip
    _winhttp.WinHttpCloseHandle.argtypes = [ctypes.c_void_p]
    _winhttp.WinHttpGetProxyForUrl.argtypes = [
        ctypes.c_void_p, wintypes.LPCWSTR, ctypes.POINTER(_AutoProxyOptions), ctypes.POINTER(_ProxyInfo),
    ]  # fmt: skip

    def choose(host: str, port: int) -> Choice:
        """Blocks while Windows looks for a PAC file, for seconds at worst."""
        settings = user_settings()
        return decide(settings, _by_script(settings, host), host, port)

    def user_settings() -> UserSettings:
        config = _UserConfig()
        if not _winhttp.WinHttpGetIEProxyConfigForCurrentUser(ctypes.byref(config)):
            return UserSettings()
        pac_url, proxy, bypass = (_taken(text) for text in (config.pac_url, config.proxy, config.bypass))
        return UserSettings(bool(config.auto_detect), pac_url, proxy, bypass)

    def _by_script(settings: UserSettings, host: str) -> Choice | None:
        if not settings.auto_detect and not settings.pac_url:
            return None
        flags = (_AUTO_DETECT if settings.auto_detect else 0) | (_CONFIG_URL if settings.pac_url else 0)
        detect = _BY_DHCP | _BY_DNS if settings.auto_detect else 0
        session = _winhttp.WinHttpOpen("dovetail-connector", 1, None, None, 0)
        if not session:
            return None
        try:
            url = f"https://{f'[{host}]' if ':' in host else host}/"
            for log_on in (False, True):  # first without: that uses Windows' cache
                options = _AutoProxyOptions(flags, detect, settings.pac_url or None, None, 0, log_on)
                info = _ProxyInfo()
                if _winhttp.WinHttpGetProxyForUrl(session, url, ctypes.byref(options), ctypes.byref(info)):
                    named = _taken(info.proxy)
                    _taken(info.bypass)
                    routes = read_proxy_list(named) if info.access == _NAMED_PROXY else (Direct(),)
                    return Choice(routes, f"{FOUND} (PAC)")
                error = ctypes.get_last_error()
                if error != _LOGIN_FAILURE:
                    break
        finally:
            _winhttp.WinHttpCloseHandle(session)
        if not settings.pac_url:
            return None
        return Choice((), FOUND, f"The PAC file cannot be had ({_NO_SCRIPT.get(error, f'error {error}')}).")

    def _taken(text: int | None) -> str:
        """A string that Windows allocated, and that is ours to free."""
        if not text:
            return ""
        copy = ctypes.wstring_at(text)
        _kernel32.GlobalFree(text)
        return copy
