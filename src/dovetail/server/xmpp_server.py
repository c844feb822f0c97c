"""Which XMPP server sends the hints: this one, or one that Dovetail is a component of. From the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

SCHEME = "xmpp-component"
SECRET_LENGTH = 16
"""In characters, at least: what guards the verifiers of every connector is made by a machine."""


@dataclass(frozen=True)
class ComponentAccount:
    """Dovetail as a component (XEP-0114) called `name`, of the XMPP server that listens for it at `host` and `port`."""

    name: str
    secret: str = field(repr=False)
    host: str
    port: int


def component_account(url: str) -> ComponentAccount | None:
    """``xmpp-component://name:secret@host:port``; None for "". Raises ValueError."""
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme != SCHEME or not (parts.username and parts.password and parts.hostname):
        raise ValueError(f"DOVETAIL_XMPP_COMPONENT must be {SCHEME}://name:secret@host:port")
    return ComponentAccount(unquote(parts.username), unquote(parts.password), parts.hostname, parts.port or 5347)


def keys_secret(secret: str) -> str:
    """What an XMPP server shows to be told verifiers; "" for nobody. Raises ValueError."""
    if secret and len(secret) < SECRET_LENGTH:
        raise ValueError(f"DOVETAIL_XMPP_KEYS_SECRET needs at least {SECRET_LENGTH} characters")
    return secret


def websocket_address(address: str) -> str:
    """A path at the public address, or another address. Raises ValueError."""
    if not address.startswith(("/", "wss://")):
        raise ValueError("DOVETAIL_XMPP_WEBSOCKET must be a path or start with wss://")
    return address
