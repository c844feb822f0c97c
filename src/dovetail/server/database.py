"""Django's database setting from one URL, so that an operator sets one variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

# IMMEDIATE: a transaction that reads, then writes must not fail half-way with "database is locked".
# secure_delete from the first day: erased means overwritten. FULL: a confirmed booking is a promise.
_SQLITE = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA cache_size=-16000;"
    ),
}


def database_settings(url: str, data: Path) -> dict[str, Any]:
    """``postgresql://user:password@host:port/name``, whose query are options of libpq (``?host=/run/postgresql`` for a
    Unix socket); "" is one SQLite file in `data`. Connections stay open: the process has a few fixed threads.

    Raises ValueError for any other scheme.
    """
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": data / "dovetail.sqlite3",
            "CONN_MAX_AGE": None,
            "TEST": {"NAME": data / "test.sqlite3"},
            "OPTIONS": _SQLITE,
        }
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("DOVETAIL_DATABASE_URL must start with postgresql://")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")) or "dovetail",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or parts.hostname or "",
        "PORT": options.pop("port", "") or str(parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }
