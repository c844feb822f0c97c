"""Which hosts go round the proxy: the lists of NO_PROXY, Windows, macOS and GNOME, read by one rule.

Entries: ``*`` for all, ``host``, ``.suffix``, ``*.glob``, an address, a network (``10.0.0.0/8``, macOS's
``169.254/16``), each with ``:port`` if wanted, and ``<local>`` for names without a dot. A plain name stands for what is
below it, too, in NO_PROXY only. Names are not looked up: behind a proxy they often cannot be.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Bypass:
    entries: tuple[str, ...] = ()
    below_too: bool = False
    """A plain ``corp.example`` means ``pc.corp.example`` as well."""

    @classmethod
    def read(cls, text: str | Iterable[str], *, below_too: bool = False) -> Bypass:
        pieces = re.split(r"[,;\s]+", text) if isinstance(text, str) else text
        return cls(tuple(piece.strip().lower() for piece in pieces if piece.strip()), below_too)

    def covers(self, host: str, port: int) -> bool:
        name = host.lower().strip("[]").rstrip(".")
        return any(self._matches(entry, name, port) for entry in self.entries)

    def _matches(self, entry: str, name: str, port: int) -> bool:
        if entry == "<local>":
            return "." not in name and ":" not in name
        entry = entry.partition("://")[2] or entry
        network = _network(entry)
        if network is not None:
            return _inside(name, network)
        pattern, colon, wanted = entry.rpartition(":")
        if colon and wanted.isdigit():
            if int(wanted) != port:
                return False
            entry = pattern.strip("[]")
            network = _network(entry)
            if network is not None:
                return _inside(name, network)
        if entry.startswith("."):
            return name.endswith(entry) or name == entry[1:]
        if fnmatchcase(name, entry):
            return True
        return self.below_too and name.endswith(f".{entry}")


def _network(text: str) -> Network | None:
    address, slash, bits = text.strip("[]").partition("/")
    if slash and "." in address and re.fullmatch(r"[\d.]+", address):
        address += ".0" * (3 - address.count("."))
    try:
        return ipaddress.ip_network(f"{address}/{bits}" if slash else address, strict=False)
    except ValueError:
        return None


def _inside(name: str, network: Network) -> bool:
    try:
        return ipaddress.ip_address(name) in network
    except ValueError:
        return False
