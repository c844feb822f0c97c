"""What answers on a port and is no honest server: it says what a test wants, and keeps what it was told."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from dovetail.connector.link.egress import Egress
from dovetail.connector.link.routes import NONE
from dovetail.connector.link.signin import Credential
from dovetail.connector.realtime.diagnosis import StreamDown, Trouble
from dovetail.connector.realtime.ladder import Place
from dovetail.connector.realtime.stream import Patience, Stream
from dovetail.protocol.credential import new_connector_id, new_token, tokenize

HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
    b" from='localhost' id='1' version='1.0'>"
)
SASL = b"urn:ietf:params:xml:ns:xmpp-sasl"


def features(inside: bytes) -> bytes:
    return b"<stream:features>" + inside + b"</stream:features>"


def mechanisms(*names: bytes) -> bytes:
    listed = b"".join(b"<mechanism>" + name + b"</mechanism>" for name in names)
    return features(b"<mechanisms xmlns='" + SASL + b"'>" + listed + b"</mechanisms>")


class Impostor:
    """`port` is where it is, `received` what came."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.received = b""

    def hear(self, connection: socket.socket, until: bytes) -> None:
        while until not in self.received:
            piece = connection.recv(65536)
            if not piece:
                return
            self.received += piece


Script = Callable[[Impostor, socket.socket], None]


@contextmanager
def answering(script: Script, context: ssl.SSLContext | None = None) -> Iterator[Impostor]:
    """One connection, with TLS from the first byte if there is a `context`, is handled by `script`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        impostor = Impostor(listening.getsockname()[1])

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    connection.settimeout(5)
                    secured = context.wrap_socket(connection, server_side=True) if context else connection
                    with secured:
                        script(impostor, secured)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield impostor
    thread.join(6)


def says(*words: bytes) -> Script:
    """One after the other, each once something came; then it listens until the other side goes."""

    def script(impostor: Impostor, connection: socket.socket) -> None:
        for said in words:
            impostor.received += connection.recv(65536)
            connection.sendall(said)
        impostor.hear(connection, b"nothing ends this")

    return script


def resets(impostor: Impostor, connection: socket.socket) -> None:
    impostor.received += connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def trouble_at(place: Place, ca_file: object = None, egress: Egress | None = None) -> Trouble:
    """What a connector finds there within a second."""

    async def look() -> Trouble:
        credential = Credential(new_connector_id(), tokenize(new_token()))
        way = egress or Egress(NONE, ca_file=ca_file)
        stream = Stream("localhost", credential, way, lambda hint: None, patience=Patience(deadline=1.0))
        try:
            await stream.open(place)
        except StreamDown as down:
            return down.trouble
        finally:
            await stream.goodbye()
        raise AssertionError("it went through")

    return asyncio.run(look())
