"""A revoked credential is out at once, over every way in, and does not come back."""

import pytest

from dovetail.server.connections import erasure, pairing
from dovetail.server.connections.models import Connection
from dovetail.server.realtime import bus


def disconnect(ada):
    erasure.erase(ada.connection, actor="user")


def new_token(ada):
    pairing.renew_token(ada.connection.user)


def delete_the_account(ada):
    ada.connection.user.delete()


WAYS = pytest.mark.parametrize("revoke", [disconnect, new_token, delete_the_account])


@WAYS
def test_a_connected_one_is_told_and_out(server, connect, ada, revoke):
    client = connect(server).sign_in(ada)
    client.enable()
    revoke(ada)
    assert 'kind="disconnected"' in client.until("</message>")
    assert client.error() == "not-authorized"
    assert server.hub.metrics().detached == 0
    assert "<not-authorized/>" in connect(server).authenticate(ada)


@WAYS
def test_a_lost_session_cannot_be_resumed(server, connect, ada, revoke):
    client = connect(server).sign_in(ada)
    client.enable()
    client.socket.close()
    revoke(ada)
    assert "<not-authorized/>" in connect(server).authenticate(ada)
    server.run(lambda: None)
    assert (server.hub.metrics().online, server.hub.metrics().detached) == (0, 0)


def test_the_next_token_cannot_resume_the_session_of_the_one_before(server, connect, ada):
    """Even if word of the revocation was lost."""
    client = connect(server).sign_in(ada)
    previd = client.enable()
    bus.use(bus.NOWHERE)
    renewed = pairing.renew_token(ada.connection.user)
    again = connect(server)
    again.authenticate(renewed)
    assert "<failed" in again.resume(previd)


def test_one_who_is_signing_in_is_out_too(server, connect, ada):
    client = connect(server)
    client.authenticate(ada)
    disconnect(ada)
    assert client.error() == "not-authorized"


def test_a_revocation_that_nobody_told_of_is_found(server, connect, ada, eve):
    client, other = connect(server).sign_in(ada), connect(server).sign_in(eve)
    Connection.objects.filter(pk=ada.connection.pk).update(stored_key=b"")
    server.run(server.hub.verify)
    client.until("</message>")
    assert client.error() == "not-authorized"
    assert other.ping()


def test_others_stay(server, connect, ada, eve):
    other = connect(server).sign_in(eve)
    connect(server).sign_in(ada)
    disconnect(ada)
    assert "<message" not in other.ping()
