"""A WebSocket to a server under test, over TLS."""

import ssl
from typing import Any

from websockets.sync.client import ClientConnection, connect

HANDSHAKE_SECONDS = 5


def dial(url: str, trust: ssl.SSLContext, **options: Any) -> ClientConnection:
    """The library's client reads in one thread while it writes in another, and its handshake over TLS hangs now and
    then (about once in 400, never seen with a plain socket): then it is done once more."""
    try:
        return connect(url, ssl=trust, open_timeout=HANDSHAKE_SECONDS, **options)
    except TimeoutError:
        return connect(url, ssl=trust, **options)
