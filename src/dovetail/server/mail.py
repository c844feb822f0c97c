"""Django's mail settings from one URL, so that an operator sets one variable."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit


def email_settings(url: str) -> dict[str, Any]:
    """Settings for ``smtp://`` (plain), ``smtp+tls://`` (STARTTLS) or ``smtps://`` (TLS); "" writes mails to the log.

    Raises ValueError for any other scheme.
    """
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtp+tls", "smtps"):
        raise ValueError("DOVETAIL_EMAIL_URL must start with smtp://, smtp+tls:// or smtps://")
    default_port = {"smtp": 25, "smtp+tls": 587, "smtps": 465}[parts.scheme]
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or default_port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 20,
    }
