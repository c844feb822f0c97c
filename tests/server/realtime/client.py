"""A client that says what a test wants it to, right or wrong, over a blocking socket."""

from __future__ import annotations

import base64
import re
import socket
import ssl
from contextlib import suppress

from scramp import ScramClient

from dovetail.protocol.credential import MECHANISM, tokenize
from dovetail.server.connections.pairing import Pairing
from server.web.conftest import Running

SECONDS = 10
HEADER = (
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
    " to='localhost' version='1.0'>"
)
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
MANAGEMENT = "urn:xmpp:sm:3"
STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
BIND = "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
PING = "<iq type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>"


class Client:
    def __init__(self, running: Running, *, direct: bool = True, address: str = "127.0.0.1") -> None:
        port = running.xmpps_port if direct else running.xmpp_port
        self.trust = running.trust
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS, source_address=(address, 0))
        self.received = ""
        if direct:
            self.start_tls()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        with suppress(OSError):
            self.socket.close()

    def start_tls(self) -> None:
        self.socket = self.trust.wrap_socket(self.socket, server_hostname="localhost")

    def send(self, said: str | bytes) -> None:
        self.socket.sendall(said.encode() if isinstance(said, str) else said)

    def until(self, end: str) -> str:
        """What comes up to and with `end`; what comes after it is kept."""
        while end not in self.received:
            part = self.socket.recv(65536)
            assert part, f"closed after {self.received!r}"
            self.received += part.decode()
        found, _, self.received = self.received.partition(end)
        return found + end

    def rest(self) -> str:
        """All that comes until the server closes."""
        with suppress(ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError, BrokenPipeError):
            while part := self.socket.recv(65536):
                self.received += part.decode()
        found, self.received = self.received, ""
        return found

    def ask(self, said: str, end: str) -> str:
        self.send(said)
        return self.until(end)

    def error(self, said: str | bytes = "") -> str:
        """The condition of the stream error that this ends with."""
        with suppress(ConnectionResetError, BrokenPipeError, ssl.SSLError):
            self.send(said)
        rest = self.rest()
        found = re.search(r"<stream:error [^>]*><([a-z-]+) ", rest)
        assert found, f"no stream error in {rest!r}"
        assert rest.endswith("</stream:stream>")
        return found[1]

    def open(self) -> str:
        return self.ask(HEADER, "</stream:features>")

    def secure(self) -> None:
        """STARTTLS, from the first byte on."""
        self.open()
        self.ask(STARTTLS, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        self.start_tls()

    def authenticate(self, pairing: Pairing, token: str = "") -> str:
        """The last answer of SASL; a right one has proved the server and a new stream is begun."""
        self.open()
        scram = ScramClient([MECHANISM], pairing.connector_id.lower(), tokenize(token or pairing.token))
        first = base64.b64encode(scram.get_client_first().encode()).decode()
        answer = self.ask(f"<auth xmlns='{SASL}' mechanism='{MECHANISM}'>{first}</auth>", ">")
        if "<failure" in answer:
            return answer + self.until("</failure>")
        scram.set_server_first(self.carried("</challenge>"))
        final = base64.b64encode(scram.get_client_final().encode()).decode()
        answer = self.ask(f"<response xmlns='{SASL}'>{final}</response>", ">")
        if "<failure" in answer:
            return answer + self.until("</failure>")
        scram.set_server_final(self.carried("</success>"))
        self.open()
        return answer

    def carried(self, end: str) -> str:
        return base64.b64decode(self.until(end).removesuffix(end)).decode()

    def bind(self) -> str:
        """Our full JID."""
        return re.search("<jid>(.*)</jid>", self.ask(BIND, "</iq>"))[1]

    def enable(self) -> str:
        """Stream management; the id to resume by."""
        answer = self.ask(f"<enable xmlns='{MANAGEMENT}' resume='true'/>", "/>")
        return re.search(' id="([^"]+)"', answer)[1]

    def sign_in(self, pairing: Pairing) -> Client:
        self.authenticate(pairing)
        self.bind()
        return self

    def resume(self, previd: str, handled: int = 0) -> str:
        return self.ask(f"<resume xmlns='{MANAGEMENT}' previd='{previd}' h='{handled}'/>", ">")

    def ping(self) -> str:
        return self.ask(PING, "</iq>")
