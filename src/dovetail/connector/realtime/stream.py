"""The connector's end of an XMPP stream: slixmpp, kept on a short lead.

What slixmpp gives: RFC 6120 and 6121 as far as a client needs them, and sessions that are resumed (XEP-0198), also over
another kind of connection, because one object walks from one to the next. What is ours, mostly by overriding:

* who connects and when (:mod:`~.listener`): the library's own loop, redirects and keep-alive are off;
* one deadline from the first packet to the bound or resumed session;
* no stream without TLS, no mechanism but SCRAM-SHA-256, no success without the server's proof;
* pings of our own, so that a dead connection is noticed in a minute;
* late news of an abandoned connection does not reach its successor.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from slixmpp import ClientXMPP
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from dovetail.connector.link.egress import Egress
from dovetail.connector.link.signin import Credential
from dovetail.connector.link.verdicts import Phase
from dovetail.connector.realtime import scram
from dovetail.connector.realtime.diagnosis import StreamDown, Trouble, diagnose, of_sasl_failure, of_stream_error
from dovetail.connector.realtime.ladder import Place, Rung
from dovetail.connector.realtime.parser import Parser
from dovetail.connector.realtime.websocket import open_websocket
from dovetail.protocol.credential import MECHANISM
from dovetail.protocol.hints import RESOURCE, Hint, jid, read

# Its messages quote what is said on the stream, the proof of the credential included.
logging.getLogger("slixmpp").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class Patience:
    """In seconds. `deadline` is for TCP, TLS, signing in and binding together; a ping is sent after `ping_every` and
    waited for `ping_wait`: together they say how long a dead connection may pass for a live one."""

    deadline: float = 15.0
    ping_every: float = 17.0
    ping_wait: float = 8.0


class Stream(ClientXMPP):
    """One session of one connector. Make it and use it in one running loop. `told` hears of every hint that comes from
    `sender`, without which it is the domain itself."""

    def __init__(
        self,
        domain: str,
        credential: Credential,
        egress: Egress,
        told: Callable[[Hint], None],
        *,
        sender: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._sender = sender or domain
        self._context = egress.ssl_context()
        self._context.set_alpn_protocols(["xmpp-client"])
        full = f"{jid(credential.connector_id, domain)}/{RESOURCE}"
        super().__init__(full, credential.tokenized, sasl_mech=MECHANISM, ssl_context=self._context)
        self._egress = egress
        self._told = told
        self._patience = patience or Patience()
        self._place = Place(Rung.DIRECT_TLS, domain, 0)
        self._phase = Phase.TCP
        self._trouble: Trouble | None = None
        self._link: _Link | None = None
        self._ready: asyncio.Future[bool] = self.loop.create_future()
        self._ended: asyncio.Future[Trouble] = self.loop.create_future()
        self._heard = 0.0
        self._pinging: asyncio.Task[None] | None = None
        self.whitespace_keepalive = False
        self.register_plugin("xep_0198")
        self.register_plugin("xep_0199", {"keepalive": False})
        self.register_handler(Callback("Hint", MatchXPath(f"{{{self.default_ns}}}message"), self._on_message))
        self.add_event_handler("session_resumed", lambda _: self._is_ready(resumed=True))
        self.add_event_handler("stream_negotiated", self._on_negotiated)
        self.add_event_handler("auth_success", self._on_success)
        self.add_event_handler("failed_auth", lambda failure: self._fail(of_sasl_failure(failure["condition"])))
        self.add_event_handler("no_auth", lambda _: self._fail(Trouble.UNSAFE))

    # --- what the listener calls ------------------------------------------------------------------------------------

    async def open(self, place: Place) -> bool:
        """A session over `place`: whether it was resumed. Raises StreamDown."""
        self.drop()
        self._place, self._phase, self._trouble = place, Phase.TCP, None
        self._ready, self._ended = self.loop.create_future(), self.loop.create_future()
        attempt: asyncio.Future[Any] | None = None
        try:
            async with asyncio.timeout(self._patience.deadline):
                attempt = self.connect(place.host, place.port)
                await attempt
                resumed = await self._ready
        except Exception as error:
            self.drop()
            raise StreamDown(self._trouble or diagnose(error, self._phase)) from None
        except asyncio.CancelledError:
            self.drop()
            raise
        self._pinging = asyncio.create_task(self._ping())
        return resumed

    async def ended(self) -> Trouble:
        """Wait for the end of the connection that `open` made; why it ended."""
        return await asyncio.shield(self._ended)

    def drop(self) -> None:
        """Leave the connection as it is. The session can be resumed."""
        link, self._link = self._link, None
        self._stop_pinging()
        self.cancel_connection_attempt()
        if link is not None:
            link.stream = None
            if link.transport is not None:
                link.transport.abort()
        if self.transport is not None:
            super().connection_lost(None)
        for future in (self._ready, self._ended):
            if not future.cancel() and not future.cancelled():
                future.exception()  # or asyncio would say that nobody asked

    async def goodbye(self) -> None:
        """End the session in good form: the server need not keep it."""
        if self.transport is not None:
            with contextlib.suppress(Exception):
                await self.disconnect(wait=0.5)
        self.drop()
        if self._run_out_filters is not None:
            self._run_out_filters.cancel()

    # --- opening ----------------------------------------------------------------------------------------------------

    async def _connect_loop(self) -> None:
        """Once and one way, in the place of the library's own loop."""
        place = self._place
        link = self._link = _Link(self)
        socket = await self._egress.open_async(place.host, place.port, self._patience.deadline)
        self.event_when_connected = "connected"
        match place.rung:
            case Rung.DIRECT_TLS:
                self._phase = Phase.TLS
                await self.loop.create_connection(
                    lambda: link, sock=socket, ssl=self._context, server_hostname=place.host
                )
            case Rung.STARTTLS:
                self._phase = Phase.ANSWER
                await self.loop.create_connection(lambda: link, sock=socket)
            case Rung.WEBSOCKET:
                self._phase = Phase.TLS
                await open_websocket(link, socket, self._egress.ssl_context(), place)
        self._phase = Phase.ANSWER

    async def start_tls(self) -> bool:
        """After ``<proceed/>``: the certificate is to name the host, whatever the domain of the JID."""
        link = self._link
        if link is None or self.transport is None:
            return False
        self._phase = Phase.TLS
        self._current_connection_attempt = self.loop.create_future()
        try:
            secured = await self.loop.start_tls(self.transport, link, self._context, server_hostname=self._place.host)
        except OSError as error:
            self._fail(diagnose(error, self._phase))
            return False
        assert secured is not None
        link.transport = secured
        self._phase = Phase.ANSWER
        self.connection_made(secured, send_event=False)
        return True

    def init_parser(self) -> None:
        super().init_parser()
        self.parser = Parser()  # type: ignore[assignment]

    async def _handle_stream_features(self, features: Any) -> bool | None:
        if not isinstance(self.socket, ssl.SSLObject | ssl.SSLSocket) and "starttls" not in features["features"]:
            self._fail(Trouble.NO_STARTTLS)
            return True
        return await super()._handle_stream_features(features)

    def _on_success(self, _: Any) -> None:
        mechanism = self.plugin["feature_mechanisms"].mech
        if not (isinstance(mechanism, scram.Scram) and mechanism.is_proved):
            self._fail(Trouble.UNSAFE)

    def _on_negotiated(self, _: Any) -> None:
        if self.bound:
            self._is_ready(resumed=False)

    def _is_ready(self, *, resumed: bool) -> None:
        if not self._ready.done():
            self._ready.set_result(resumed)

    # --- its end ----------------------------------------------------------------------------------------------------

    def _handle_stream_error(self, error: Any) -> None:
        """The library would follow a redirect."""
        self._trouble = self._trouble or of_stream_error(error["condition"])

    def _fail(self, trouble: Trouble) -> None:
        """Cut the connection: it is of no use."""
        self._trouble = self._trouble or trouble
        link = self._link
        if link is not None and link.transport is not None:
            link.transport.abort()
        self._over(None)

    def connection_lost(self, exception: BaseException | None) -> None:
        super().connection_lost(exception)
        self._over(exception)

    def _over(self, error: BaseException | None) -> None:
        self._stop_pinging()
        if self._trouble is None:
            was_open = self._ready.done()
            self._trouble = Trouble.LOST if was_open else diagnose(error or ConnectionResetError(), self._phase)
        if not self._ready.done():
            self._ready.set_exception(StreamDown(self._trouble))
        elif not self._ended.done():
            self._ended.set_result(self._trouble)

    # --- while it lasts ---------------------------------------------------------------------------------------------

    def heard(self, data: bytes) -> None:
        self._heard = self.loop.time()
        try:
            self.data_received(data)
        except Exception:  # also the library's own, when it trips over what no honest server sends
            self._fail(Trouble.NOT_XMPP)
        mechanism = self.plugin["feature_mechanisms"].mech
        if isinstance(mechanism, scram.Scram) and mechanism.is_refuted:
            self._fail(Trouble.UNSAFE)

    def _on_message(self, message: Any) -> None:
        """Only from the address that the server has named: nobody else makes a connector sync, and sync again."""
        hint = read(message.xml)
        if hint is not None and message["from"] == self._sender:
            self._told(hint)

    def _stop_pinging(self) -> None:
        """A ping of one connection must not be missed on the next."""
        if self._pinging is not None:
            self._pinging.cancel()
            self._pinging = None

    async def _ping(self) -> None:
        """Anything that comes is an answer. Ends with the connection."""
        while True:
            await asyncio.sleep(self._patience.ping_every)
            asked = self.loop.time()
            ping = self.Iq(stype="get", sto=self.requested_jid.domain, sid=self.new_id())
            ping.enable("ping")
            self.send(ping)
            await asyncio.sleep(self._patience.ping_wait)
            if self._heard < asked:
                self._fail(Trouble.LOST)
                return


class _Link(asyncio.Protocol):
    """One connection. Once `stream` is None it is abandoned, and what it still hears goes nowhere."""

    def __init__(self, stream: Stream) -> None:
        self.stream: Stream | None = stream
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self.stream is None:
            self.transport.abort()
        else:
            self.stream.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self.stream is not None:
            self.stream.heard(data)

    def connection_lost(self, error: Exception | None) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.connection_lost(error)
