"""What others may want to know of a connection, told after the commit: a hint only, the tables have the state."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.dispatch import Signal

from dovetail.server.connections.models import Connection

settings_changed = Signal()
"""Sent with `user_id`: what a sync hands out as settings is not what it was."""

credential_revoked = Signal()
"""Sent with `connector_id`: its keys and its verifier are good no more, whoever uses them is to be stopped."""


def tell_settings_changed(user_id: int) -> None:
    _after_commit(settings_changed, user_id=user_id)


def tell_revoked(connector_id: str) -> None:
    _after_commit(credential_revoked, connector_id=connector_id)


def _after_commit(signal: Signal, **what: int | str) -> None:
    transaction.on_commit(partial(signal.send_robust, sender=Connection, **what))
