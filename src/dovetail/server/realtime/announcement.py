"""Where connectors are told to wait for hints."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings

from dovetail.protocol.messages import Realtime

WEBSOCKET_PATH = "/xmpp-websocket"


def domain() -> str:
    """Of the connectors' JIDs: the name in this server's public address."""
    return (urlsplit(settings.BASE_URL).hostname or "localhost").lower()


def announced() -> Realtime | None:
    """None where this server sends no hints."""
    if not settings.XMPP_PORTS:
        return None
    starttls_port, direct_tls_port = settings.XMPP_PORTS
    return Realtime(
        domain=domain(),
        host=domain(),
        starttls_port=starttls_port or None,
        direct_tls_port=direct_tls_port or None,
        websocket=WEBSOCKET_PATH,
    )
