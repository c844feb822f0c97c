"""The server's address as a person types it, read into one https origin.

A bare host name gets ``https://``, the address of any page of the server is cut down to its origin, and plain http is
refused: nothing the connector says may travel without TLS.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_LABELS = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")


class BadAddress(ValueError):
    """What was typed cannot be the address of a server. The text says why, for the one who typed it."""


def read_address(text: str) -> str:
    """``https://host`` or ``https://host:port``, in lower case and without a trailing slash."""
    typed = text.strip()
    if not typed:
        raise BadAddress("The server's address is missing: it looks like https://book.example.org.")
    if "://" not in typed:
        typed = f"https://{typed}"
    try:
        parts = urlsplit(typed)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadAddress(f"{text!r} is not an address: it looks like https://book.example.org.") from None
    if parts.scheme.lower() == "http":
        raise BadAddress("Dovetail speaks only over TLS: write the address with https://, or just the host name.")
    if parts.scheme.lower() != "https":
        raise BadAddress(f"{parts.scheme}:// is no address of a Dovetail server: write https:// and the host name.")
    if parts.username is not None or parts.password is not None:
        raise BadAddress("The address must hold no user name or password: the Connector ID is asked for apart.")
    host = _ascii_host(host)
    origin = f"https://[{host}]" if ":" in host else f"https://{host}"
    return origin if port in (None, 443) else f"{origin}:{port}"


def _ascii_host(host: str) -> str:
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host).compressed
        except ValueError:
            raise BadAddress(f"[{host}] is not an IPv6 address.") from None
    try:
        ascii_host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        ascii_host = ""
    if not _LABELS.fullmatch(ascii_host):
        raise BadAddress(f"{host!r} is not a host name: the address looks like https://book.example.org.")
    return ascii_host.lower()
