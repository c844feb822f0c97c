"""The way out: the one place where the connector's HTTP client is made.

It goes directly or through the proxy that ``HTTPS_PROXY`` and ``NO_PROXY`` name. Proxies found by PAC or in the
system's settings, and those that want more than Basic, are left out; whoever sends takes the client as it comes.
"""

from __future__ import annotations

from pathlib import Path

import httpx

from dovetail import __version__
from dovetail.connector.link.tls import ssl_context

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
"""Between two pieces of an answer: a first sync of thousands of appointments makes the server think for a while."""

_DIRECT = dict.fromkeys(("all://localhost", "all://127.0.0.1", "all://[::1]"))
"""This PC itself is never behind a proxy (None: the transport that uses none)."""


def open_client(ca_file: Path | None = None) -> httpx.Client:
    """A client that follows no redirect, repeats nothing and keeps no cookie beyond its life. Raises BadCaFile."""
    return httpx.Client(
        verify=ssl_context(ca_file),
        mounts=_DIRECT,
        follow_redirects=False,
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=2, keepalive_expiry=5.0),
        headers={"User-Agent": f"dovetail-connector/{__version__}", "Accept-Encoding": "identity"},
    )
