"""Pairing: a Connector ID and a security token for the User to copy into the connector.

The token is shown once and not kept: its MD5 form becomes a SCRAM verifier at once
(:mod:`dovetail.protocol.credential`).

A *new token* keeps the Connector ID, the epoch and all data, because the calendars and the items that were written are
still the same ones; it revokes the old token and every key. Only a disconnect ends an epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from dovetail.protocol.credential import Verifier, new_connector_id, new_token, tokenize
from dovetail.server.accounts.models import User
from dovetail.server.activity.models import record
from dovetail.server.connections import keys
from dovetail.server.connections.changes import tell_revoked
from dovetail.server.connections.models import Connection, State


class AlreadyConnected(Exception):
    """The User has a live connection: at most one each."""


class NotConnected(Exception):
    """There is no live connection to give a token to."""


@dataclass(frozen=True)
class Pairing:
    """What the User copies into the connector. `token` exists here only."""

    connection: Connection
    token: str = field(repr=False)

    @property
    def connector_id(self) -> str:
        return self.connection.connector_id


@transaction.atomic
def connect(user: User) -> Pairing:
    """Begin a connection: from here until its first sync the User's pages take no bookings. Raises AlreadyConnected."""
    connection = Connection.objects.select_for_update().filter(user=user).first()
    if connection is None:
        connection = Connection(user=user)
    elif connection.is_live:
        raise AlreadyConnected
    connection.connector_id = new_connector_id()
    connection.state = State.PENDING_FIRST_SYNC
    record(user, "connection.started", "user", connector_id=connection.connector_id)
    return _give_token(connection)


@transaction.atomic
def renew_token(user: User) -> Pairing:
    """A new token for the same connection; the old one and every key are revoked. Raises NotConnected."""
    connection = Connection.objects.select_for_update().filter(user=user).exclude(state=State.DISCONNECTED).first()
    if connection is None:
        raise NotConnected
    keys.revoke(connection)
    tell_revoked(connection.connector_id)
    record(user, "connection.token_renewed", "user", connector_id=connection.connector_id)
    return _give_token(connection)


def first_sign_in(connection: Connection, now: datetime) -> None:
    """Note that the connector has used its token."""
    if connection.paired_at is None:
        connection.paired_at = now
        connection.save(update_fields=["paired_at"])
        record(connection.user, "connection.paired", "connector", connector_id=connection.connector_id)


def _give_token(connection: Connection) -> Pairing:
    token = new_token()
    verifier = Verifier.of(tokenize(token))
    connection.salt, connection.stored_key = verifier.salt, verifier.stored_key
    connection.server_key = verifier.server_key
    connection.paired_at = None
    connection.save()
    return Pairing(connection, token)
