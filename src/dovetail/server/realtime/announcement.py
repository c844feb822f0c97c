"""Where connectors are told to wait for hints."""

from __future__ import annotations

from django.conf import settings

from dovetail.protocol.messages import Realtime

WEBSOCKET_PATH = "/xmpp-websocket"
"""Where this server's own sessions are."""


def announced() -> Realtime | None:
    """None where this server sends no hints."""
    if not settings.XMPP_PORTS:
        return None
    starttls_port, direct_tls_port = settings.XMPP_PORTS
    component = settings.XMPP_COMPONENT
    return Realtime(
        domain=settings.XMPP_DOMAIN,
        host=settings.XMPP_HOST,
        starttls_port=starttls_port or None,
        direct_tls_port=direct_tls_port or None,
        websocket=settings.XMPP_WEBSOCKET,
        sender=component.name if component else None,
    )
