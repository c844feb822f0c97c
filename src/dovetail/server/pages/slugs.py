"""The names that booking pages have in addresses. Pages live at the root, beside the server's own addresses."""

from __future__ import annotations

import secrets

from django.core.exceptions import ValidationError
from django.utils.text import slugify

# fmt: off
RESERVED = frozenset({
    "about", "account", "accounts", "activity", "admin", "api", "assets", "b", "book", "booking",
    "bookings", "calendar", "connect", "connection", "connector", "contact", "dovetail", "event-types",
    "favicon", "help", "home", "imprint", "legal", "login", "logout", "media", "pages", "privacy", "problems",
    "realtime", "robots", "settings", "signup", "static", "status", "support", "terms", "webhooks", "xmpp",
    "xmpp-websocket",
})
# fmt: on


def validate_slug_is_free(slug: str) -> None:
    """Raises ValidationError for a name that the server needs, now or likely later."""
    if slug.lower() in RESERVED:
        raise ValidationError(f"“{slug}” is needed by the server itself. Please choose another name.", code="reserved")


def propose_slug(name: str, taken: set[str]) -> str:
    """An address made of a name: ``ada-lovelace``, or ``ada-lovelace-2`` where that is taken."""
    stem = slugify(name)[:50] or f"meet-{secrets.token_hex(3)}"
    candidates = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + len(RESERVED) + 2))
    return next(slug for slug in candidates if slug not in taken and slug not in RESERVED)
