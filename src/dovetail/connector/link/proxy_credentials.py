"""The name and password for a proxy: in the keyring beside the connector's own credential, one for each proxy.

They are entered by the owner for one proxy, and are never offered to another.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from dovetail.connector.link.credentials import CredentialStore, Place
from dovetail.connector.link.routes import ProxyCredential

SERVICE = "Dovetail proxy"
FILE_NAME = "proxy-credential"


class ProxyCredentials:
    """`proxy` is its name, ``host:port``. Kept as base64 of JSON, which keeps any character one word."""

    def __init__(self, folder: Path) -> None:
        self._store = CredentialStore(folder, SERVICE, FILE_NAME, r"[A-Za-z0-9+/=]+")

    def save(self, proxy: str, credential: ProxyCredential) -> Place:
        pair = json.dumps([credential.user, credential.password]).encode()
        return self._store.save(proxy, base64.b64encode(pair).decode())

    def load(self, proxy: str) -> tuple[ProxyCredential, Place] | None:
        kept = self._store.load(proxy)
        if kept is None:
            return None
        try:
            user, password = json.loads(base64.b64decode(kept[0], validate=True))
        except (ValueError, TypeError):
            return None
        return ProxyCredential(str(user), str(password)), kept[1]

    def erase(self, proxy: str) -> None:
        self._store.erase(proxy)
