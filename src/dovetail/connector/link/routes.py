"""Ways out: direct, an HTTP proxy by CONNECT, a SOCKS5 proxy; and how people and PAC scripts write them.

Left out: SOCKS4, which is named when met, never passed over.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, unquote, urlsplit

from dovetail.connector.link.verdicts import EgressError, Phase, Verdict

SYSTEM = "system"
NONE = "none"
PAC_PREFIX = "pac:"


class BadProxy(ValueError):
    """What was typed names no proxy. The text says why."""


class Kind(StrEnum):
    HTTP = "http"
    HTTPS = "https"  # an HTTP proxy that is itself reached over TLS
    SOCKS5 = "socks5"


_WORDS = {Kind.HTTP: "", Kind.HTTPS: "TLS ", Kind.SOCKS5: "SOCKS5 "}
_KINDS = {
    "http": Kind.HTTP,
    "https": Kind.HTTPS,
    "socks": Kind.SOCKS5,
    "socks5": Kind.SOCKS5,
    "socks5h": Kind.SOCKS5,
}
_PORTS = {Kind.HTTP: 80, Kind.HTTPS: 443, Kind.SOCKS5: 1080}


@dataclass(frozen=True)
class ProxyCredential:
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Direct:
    def __str__(self) -> str:
        return "directly"


@dataclass(frozen=True)
class Proxy:
    """`given` is a credential that came with the address; it is never part of the proxy's words."""

    kind: Kind
    host: str
    port: int
    given: ProxyCredential | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """``host:port``: what people, the keyring and error messages call it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"through the {_WORDS[self.kind]}proxy {self.name}"


Route = Direct | Proxy


@dataclass(frozen=True)
class Choice:
    """`routes` in the order to try; `found` is where they are from, `notice` what the owner should know of that."""

    routes: tuple[Route, ...]
    found: str
    notice: str = ""


def read_mode(text: str) -> str:
    """``system``, ``none``, a proxy's address or ``pac:URL``, as ``--proxy`` takes them, in one spelling."""
    typed = text.strip()
    if typed.lower() in (SYSTEM, NONE):
        return typed.lower()
    if typed.lower().startswith(PAC_PREFIX):
        url = typed[len(PAC_PREFIX) :]
        if urlsplit(url).scheme.lower() not in ("http", "https", "file"):
            raise BadProxy(
                f"{url!r} is no address of a PAC file: it looks like pac:http://proxy.example.org/proxy.pac."
            )
        return PAC_PREFIX + url
    proxy = read_proxy(typed)
    if proxy.given is not None:
        raise BadProxy(
            "The proxy's address must hold no name or password, for other programs can read it: write the address"
            " alone, and run `dovetail proxy ADDRESS --user NAME`."
        )
    return f"{proxy.kind}://{proxy.name}"


def read_proxy(text: str) -> Proxy:
    """``http://host:port``, ``https://host:port``, ``socks5://host:port``, or ``host:port`` for an HTTP proxy."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError:
        raise BadProxy("That is no address of a proxy: it looks like http://proxy.example.org:8080.") from None
    kind = _KINDS.get(parts.scheme.lower())
    if kind is None or not parts.hostname:
        raise BadProxy(
            "That is no address of a proxy: write http://host:port, https://host:port or socks5://host:port."
        )
    return Proxy(kind, parts.hostname, port or _PORTS[kind], _given(parts))


def _given(parts: SplitResult) -> ProxyCredential | None:
    if parts.username is None:
        return None
    return ProxyCredential(unquote(parts.username), unquote(parts.password or ""))


def read_pac_answer(answer: str) -> tuple[Route, ...]:
    """``PROXY a:1; SOCKS5 b:2; DIRECT`` in that order. Raises EgressError where it names nothing we can use."""
    routes: list[Route] = []
    for part in filter(None, (piece.strip() for piece in answer.split(";"))):
        word, _, address = part.partition(" ")
        match word.upper():
            case "DIRECT":
                routes.append(Direct())
            case "PROXY" | "HTTP":
                routes.append(_pac_proxy("http", address))
            case "HTTPS":
                routes.append(_pac_proxy("https", address))
            case "SOCKS" | "SOCKS5":
                routes.append(_pac_proxy("socks5", address))
    if not answer.strip():
        return (Direct(),)
    if not routes:
        raise EgressError(Verdict.PROXY_UNSUPPORTED, Phase.PROXY, f"the PAC file answers {answer[:80]!r}")
    return tuple(routes)


def _pac_proxy(scheme: str, address: str) -> Proxy:
    try:
        return read_proxy(f"{scheme}://{address.strip()}")
    except BadProxy:
        raise EgressError(Verdict.PAC_BROKEN, Phase.PROXY, f"the PAC file names {address[:80]!r}") from None


def is_loopback(host: str) -> bool:
    """This PC itself, which is never behind a proxy."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
