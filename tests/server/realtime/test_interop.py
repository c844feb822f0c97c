"""Clients that are not ours, against the server as it runs."""

import json
import subprocess
from pathlib import Path

import pytest

from dovetail.protocol.credential import new_token, tokenize
from dovetail.protocol.hints import Hint, jid
from dovetail.server.realtime import bus
from programs import not_run
from server.web.pages import wait_until

from .second_library import Library


@pytest.fixture
def library():
    library = Library()
    yield library
    library.close()


@pytest.mark.parametrize("direct", [True, False], ids=["direct TLS", "STARTTLS"])
def test_slixmpp_gets_hints_and_answers_to_pings(server, library, ada, direct):
    peer = library.peer(server.web, ada, direct=direct)
    library.run(peer.wait("sm_enabled"))
    bus.current().hint(ada.connector_id, Hint(cursor="1.0-7"))
    assert library.run(peer.hint()) == Hint(cursor="1.0-7")

    async def ping() -> float:
        return await peer["xep_0199"].ping("localhost", timeout=5)

    assert library.run(ping()) < 5


def test_slixmpp_resumes_what_it_missed(server, library, ada):
    peer = library.peer(server.web, ada)
    library.run(peer.wait("sm_enabled"))

    async def lose_the_link() -> None:
        peer.abort()

    library.run(lose_the_link())
    wait_until(lambda: server.hub.metrics().detached == 1)
    for number in range(3):
        bus.current().hint(ada.connector_id, Hint(cursor=f"1.0-{number}"))
    library.run(dial(peer))
    library.run(peer.wait("session_resumed"))
    assert library.run(peer.hint()) == Hint(cursor="1.0-2")
    assert peer.hints.empty()


def test_slixmpp_with_a_wrong_token_is_refused(server, library, ada):
    peer = library.peer(server.web, ada, password=tokenize(new_token()))
    library.run(peer.wait("failed_auth"))
    assert server.hub.metrics().online == 0


@pytest.fixture
def nbxmpp(authority):
    """`nbxmpp(transport, port, pairing)` gives what it prints, one object after the other."""
    python = "/usr/bin/python3"
    try:
        subprocess.run([python, "-c", "import nbxmpp"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        not_run("nbxmpp for the system's Python is not installed (python3-nbxmpp)")
    started = []

    def start(transport: str, port: int, pairing):
        program = str(Path(__file__).with_name("third_library.py"))
        known_as = [jid(pairing.connector_id, "").rstrip("@"), tokenize(pairing.token)]
        command = [python, program, transport, str(port), str(authority.certificate), *known_as]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return (json.loads(line) for line in started[-1].stdout)

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.peer
@pytest.mark.parametrize("transport", ["direct", "starttls", "websocket"])
def test_nbxmpp_gets_hints_over_each_transport_and_hears_of_a_revocation(server, nbxmpp, ada, transport):
    port = {"direct": server.web.xmpps_port, "starttls": server.web.xmpp_port, "websocket": server.web.port}[transport]
    told = nbxmpp(transport, port, ada)
    assert next(told)["what"] == "connected"
    bus.current().hint(ada.connector_id, Hint(cursor="1.0-7"))
    assert next(told) == {"what": "hint", "cursor": "1.0-7"}
    bus.current().kick(ada.connector_id)
    assert next(told)["what"] == "hint"
    ended = next(told)
    assert ended["what"] == "disconnected"
    assert "not-authorized" in ended["error"]


async def dial(peer) -> None:
    peer.dial()
