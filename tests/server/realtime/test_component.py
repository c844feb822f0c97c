"""The link to an XMPP server that goes wrong. How it goes right is seen with real ones (tests/connector/realtime)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from dovetail.protocol.hints import Hint
from dovetail.server.realtime import component, component_link
from dovetail.server.realtime.component import Component, longest_pause
from dovetail.server.xmpp_server import ComponentAccount

HEADER = (
    "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' id='s1'"
    " xmlns:stream='http://etherx.jabber.org/streams' from='hints.localhost'>"
)
REFUSED = "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"


class Talk:
    """One link, as the XMPP server has it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, text: str) -> None:
        self.writer.write(text.encode())

    async def until(self, end: str) -> str:
        return (await self.reader.readuntil(end.encode())).decode()

    async def accept(self) -> None:
        await self.until('hints.localhost">')
        self.say(HEADER)
        assert hashlib.sha1(b"s1secret").hexdigest() in await self.until("</handshake>")
        self.say("<handshake/>")


Script = Callable[[Talk], Awaitable[None]]


@asynccontextmanager
async def linked(*scripts: Script, listening: tuple[str, ...] = ()) -> AsyncIterator[Component]:
    """A component whose server keeps to one script after the other, and to the last one from then on."""
    links = iter(scripts)
    ended: list[BaseException] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal last
        last = next(links, last)
        try:
            await last(Talk(reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except AssertionError as error:
            ended.append(error)
        finally:
            writer.transport.abort()

    last = scripts[-1]
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    account = ComponentAccount("hints.localhost", "secret", "127.0.0.1", server.sockets[0].getsockname()[1])

    async def who() -> tuple[str, ...]:
        return listening

    made = Component(account, "localhost", who, chance=lambda: 0.01)
    running = asyncio.create_task(made.run())
    try:
        async with asyncio.timeout(10):
            yield made
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        server.close()
        for talk in asyncio.all_tasks() - {asyncio.current_task()}:
            talk.cancel()
        await asyncio.sleep(0.01)
    assert not ended, ended


async def until(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0.01)


async def accept_and_stay(talk: Talk) -> None:
    await talk.accept()
    await talk.reader.read()


def test_pauses_between_tries_grow_to_a_minute():
    assert [longest_pause(failures) for failures in (0, 1, 2, 5, 6, 1000)] == [1, 2, 4, 32, 60, 60]


def test_a_refused_secret_is_said_and_tried_again(caplog):
    async def refuse(talk: Talk) -> None:
        await talk.until('hints.localhost">')
        talk.say(HEADER)
        await talk.until("</handshake>")
        talk.say(REFUSED)

    async def story() -> None:
        async with linked(refuse, refuse, accept_and_stay) as made:
            await until(lambda: made.metrics().is_up)

    asyncio.run(story())
    assert [record.message.rpartition(": ")[2] for record in caplog.records if "down" in record.message] == [
        "not-authorized",
        "not-authorized",
    ]


@pytest.mark.parametrize("said", ["HTTP/1.1 400 Bad Request\r\n\r\n", "<!DOCTYPE x>", HEADER.replace(">", ">\x00", 1)])
def test_what_is_no_xmpp_server_is_left(said, caplog):
    async def talk_nonsense(talk: Talk) -> None:
        talk.say(said)
        await talk.reader.read()

    async def story() -> None:
        async with linked(talk_nonsense, accept_and_stay) as made:
            await until(lambda: made.metrics().is_up)

    asyncio.run(story())
    assert "no XMPP" in caplog.text


def test_a_server_that_falls_silent_is_left_for_a_new_link(monkeypatch):
    monkeypatch.setattr(component_link, "PING_EVERY", 0.1)
    monkeypatch.setattr(component_link, "PING_WAIT", 0.1)

    async def story() -> None:
        async with linked(accept_and_stay) as made:
            await until(lambda: made.metrics().counts.get("link-up") == 2)

    asyncio.run(story())


def test_a_server_that_answers_pings_is_kept(monkeypatch):
    monkeypatch.setattr(component_link, "PING_EVERY", 0.05)

    async def answer(talk: Talk) -> None:
        await talk.accept()
        while True:
            await talk.until("</iq>")
            talk.say("<iq type='result' id='ping' from='localhost' to='hints.localhost'/>")

    async def story() -> None:
        async with linked(answer) as made:
            await until(lambda: made.metrics().is_up)
            await asyncio.sleep(0.4)
            assert made.metrics().counts == {"link-up": 1}

    asyncio.run(story())


def test_a_revocation_is_told_with_each_link_until_it_is_confirmed(caplog):
    async def refuse(talk: Talk) -> None:
        await talk.accept()
        asked = await talk.until("</iq>")
        assert 'user="abc"' in asked
        talk.say("<iq type='error' id='r1' from='localhost' to='hints.localhost'/>")

    async def confirm(talk: Talk) -> None:
        await talk.accept()
        await talk.until("</iq>")
        talk.say("<iq type='result' id='r2' from='localhost' to='hints.localhost'/>")

    async def story() -> None:
        async with linked(refuse, confirm, accept_and_stay) as made:
            made.kick("ABC")
            await until(lambda: made.metrics().counts.get("link-up") == 3)
            counts = made.metrics().counts
            assert (counts["revocation-sent"], counts["revocation-done"]) == (2, 1)

    asyncio.run(story())
    assert "is Dovetail's module loaded there?" in caplog.text


def test_a_new_link_wakes_everybody_in_real_time_once():
    heard: list[str] = []

    async def listen(talk: Talk) -> None:
        await talk.accept()
        while True:
            heard.append(await talk.until("</message>"))

    async def story() -> None:
        async with linked(listen, listening=("AAA", "BBB")) as made:
            made.hint("CCC", Hint())  # is not awaited: the link is not up yet
            await until(lambda: len(heard) == 2)
            assert made.metrics().counts == {"hint-unsent": 1, "link-up": 1, "hint-sent": 2}

    asyncio.run(story())
    assert ['to="aaa@localhost/connector"' in heard[0], 'to="bbb@localhost/connector"' in heard[1]] == [True, True]


def test_of_hints_in_a_row_the_newest_is_sent_when_a_while_has_passed(monkeypatch):
    monkeypatch.setattr(component, "SPACING", 0.2)
    heard: list[str] = []

    async def listen(talk: Talk) -> None:
        await talk.accept()
        while True:
            heard.append(await talk.until("</message>"))

    async def story() -> None:
        async with linked(listen) as made:
            await until(lambda: made.metrics().is_up)
            for number in range(5):
                made.hint("AAA", Hint(cursor=f"1.0-{number}"))
            made.hint("BBB", Hint())
            await until(lambda: len(heard) == 3)

    asyncio.run(story())
    assert ["1.0-0" in heard[0], "bbb@" in heard[1], "1.0-4" in heard[2]] == [True, True, True]
