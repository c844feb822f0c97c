"""Every way out of a company, with real programs in it, against the server as it is served: pairing, syncing, wrong
credentials, and a proxy that dies in the middle of a sync. A recorder in front of the server holds all that any box on
the way could read."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dovetail.connector import pairing
from dovetail.connector.link import checks
from dovetail.connector.link.doctor import Ports, diagnose
from dovetail.connector.link.port import LinkError, Unreachable, WrongCredentials
from dovetail.connector.profile import Home, Profile
from dovetail.connector.realtime.diagnosis import Trouble
from dovetail.connector.realtime.ladder import Rung
from dovetail.connector.realtime.state import Phase
from dovetail.connector.running import open_connector
from dovetail.connector.sync.runs import Outcome, RunReport
from dovetail.protocol.credential import new_token, tokenize
from dovetail.protocol.messages import Realtime
from network import squid
from network.bench import DIRECT_ADDRESS, NAME, Bench, Way
from network.hints import Waiting, only, toggle, user
from network.processes import missing

WAYS = [
    "direct",
    "CONNECT",
    "CONNECT+Basic",
    "CONNECT over TLS+Basic",
    "CONNECT+Digest",
    "CONNECT+NTLM",
    "CONNECT+Negotiate",
    "CONNECT+Negotiate, password",
    "SOCKS5",
    "SOCKS5, 443 only",
    "PAC→CONNECT",
    "inspected",
    "inspected by mitmproxy",
]
EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//EN
BEGIN:VEVENT
UID:dentist@example.org
DTSTAMP:20260101T000000Z
DTSTART:20260105T100000Z
DTEND:20260105T110000Z
RRULE:FREQ=WEEKLY
SUMMARY:Dentist Dr Molar
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture(scope="module")
def pairings(lab: Bench) -> dict[str, tuple[str, str]]:
    """A Connector ID and token for each way, and another for its sync, which begins where nothing was sent yet."""
    names = [*WAYS, *(f"sync {way}" for way in WAYS)]
    return dict(zip(names, lab.served.new_pairings(len(names)), strict=True))


class Pc:
    """A User's PC behind `way`, with what it was told of its proxy."""

    def __init__(self, lab: Bench, way: Way, folder: Path, connector_id: str, token: str) -> None:
        self.lab, self.way, self.token = lab, way, token
        self.home = Home(folder / "home")
        (folder / "calendar").mkdir()
        (folder / "calendar" / "dentist.ics").write_text(EVENT.replace("\n", "\r\n"))
        self.wanted = Profile(
            server=f"https://{way.host}:{lab.recorder.port}",
            connector_id=connector_id,
            epoch=0,
            calendars={1: f"folder:{folder / 'calendar'}"},
            ca_file=lab.ca_file if way.own_ca else None,
            proxy=way.proxy,
        )

    def knows_the_proxys_password(self, wrong: bool = False) -> None:
        credential = self.way.wrong if wrong else self.way.right
        if credential is not None:
            self.home.proxy_credentials.save(self.way.proxy_name, credential)

    def pair(self, token: str | None = None) -> Profile:
        return pairing.pair(self.home, self.wanted, tokenize(token or self.token))[0]

    def announced(self) -> Realtime:
        """Where the server says that its hints are, as this PC finds it behind the recorders."""
        with open_connector(self.home, self.home.paired()) as connector:
            connector.sync()
            announced = connector.announced()
        assert announced is not None
        ports = {"starttls_port": self.lab.starttls.port, "direct_tls_port": self.lab.direct_tls.port}
        return announced.model_copy(update={"host": self.way.host, **ports})

    def sync(self) -> RunReport:
        with open_connector(self.home, self.home.paired()) as connector:
            return connector.sync()


@pytest.fixture
def pc(
    lab: Bench,
    pairings: dict[str, tuple[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> Iterator[Pc]:
    name = request.param
    record_property("way", name)
    record_property("case", request.node.originalname.removeprefix("test_").replace("_", " "))
    if name not in lab.ways:
        missing("the Kerberos extra")
    way = lab.ways[name]
    for variable, value in way.environ.items():
        monkeypatch.setenv(variable, value)
    for recorder in lab.recorders:
        recorder.forget()
    alone = request.node.originalname == "test_sync"
    pc = Pc(lab, way, tmp_path, *pairings[f"sync {name}" if alone else name])
    yield pc
    lab.recorder.on_request = lambda data: None
    came_from = {DIRECT_ADDRESS} if name == "direct" else {squid.OUTGOING}
    peers = {peer for recorder in lab.recorders for peer in recorder.peers}
    assert peers <= came_from, "something went round the proxy"
    _holds_no_secret(_opened(pc), pc)


def _opened(pc: Pc) -> bytes:
    """All that crossed the wire, over HTTPS and XMPP."""
    return _readable(b"".join(bytes(recorder.seen) for recorder in pc.lab.recorders))


def _readable(seen: bytes) -> bytes:
    """Decrypted as it is, and what the messages of SCRAM hold in base64."""
    said = re.findall(rb"data=([A-Za-z0-9+/]+)|>([A-Za-z0-9+/]{16,})=*</(?:auth|response|challenge|success)>", seen)
    return seen + b"".join(base64.b64decode((https or xmpp) + b"==") for https, xmpp in said)


def _holds_no_secret(seen: bytes, pc: Pc) -> None:
    tokenized = tokenize(pc.token)
    binary = bytes.fromhex(tokenized)
    texts = [pc.token, pc.token.replace("-", ""), tokenized, base64.b64encode(tokenized.encode()).decode()]
    for secret in [binary, base64.b64encode(binary), *(text.encode() for text in texts)]:
        assert secret.lower() not in seen.lower()
    assert b"Dentist" not in seen


through_every_way = pytest.mark.parametrize("pc", WAYS, indirect=True)


@through_every_way
def test_pair(pc: Pc) -> None:
    pc.knows_the_proxys_password()

    profile = pc.pair()

    assert profile.epoch >= 1
    assert pc.lab.recorder.peers
    assert pc.wanted.connector_id.encode() in _opened(pc)
    way = pc.home.sighting().way
    assert way == "directly" if pc.way.name == "direct" else str(pc.way.daemon and pc.way.daemon.port) in way
    assert pc.home.sighting().inspected == pc.way.inspected
    assert ("Corp Inspection" in pc.home.sighting().issuer) == (pc.way.inspected != "no")


@through_every_way
def test_sync(pc: Pc) -> None:
    pc.knows_the_proxys_password()
    pc.pair()

    first, second = pc.sync(), pc.sync()

    assert (first.outcome, first.items_seen) == (Outcome.OK, 1)
    assert first.chunks_sent > 0
    assert (second.outcome, second.chunks_sent) == (Outcome.OK, 0)


@through_every_way
def test_wrong_credentials(pc: Pc, record_property: Callable[[str, object], None]) -> None:
    """Of the server: told as ever. Of the proxy: two tries, then no more until new ones are entered."""
    if pc.way.wrong is not None:
        before = pc.way.tries_seen() if pc.way.tries_seen else 0
        pc.knows_the_proxys_password(wrong=True)
        for _ in range(4):
            with pytest.raises(Unreachable, match="dovetail proxy localhost"):
                pc.pair()
        if pc.way.tries_seen is not None:
            tries = pc.way.tries_seen() - before
            assert 1 <= tries <= 2
            record_property("note", f"ok, {tries} sent")
        assert pc.lab.recorder.peers == []
    pc.knows_the_proxys_password()
    with pytest.raises(WrongCredentials):
        pc.pair(new_token())
    pc.pair()


@through_every_way
def test_proxy_killed_in_mid_sync(pc: Pc) -> None:
    pc.knows_the_proxys_password()
    pc.pair()
    struck, is_down = threading.Event(), threading.Event()

    def strike(data: bytes) -> None:
        if b"/connector/v1/sync" in data and not struck.is_set():
            struck.set()
            if pc.way.daemon is not None:
                pc.way.daemon.kill()
            pc.lab.recorder.cut()
            is_down.set()

    pc.lab.recorder.on_request = strike
    broken = _outcome(pc.sync)
    assert struck.is_set()
    assert is_down.wait(20)
    assert isinstance(broken, Unreachable), broken
    if pc.way.daemon is not None:
        while_down = _outcome(pc.sync)
        assert isinstance(while_down, Unreachable), while_down
        assert "proxy" in while_down.reason
        pc.way.daemon.start()

    mended, still = pc.sync(), pc.sync()

    assert (mended.outcome, mended.items_seen) == (Outcome.OK, 1)
    assert (still.outcome, still.chunks_sent) == (Outcome.OK, 0)


@through_every_way
def test_real_time(pc: Pc, record_property: Callable[[str, object], None]) -> None:
    """A session over each way to the server's hints, woken by what the User does there. Through what opens TLS none
    comes about: that is told, and syncing goes on by the clock."""
    pc.knows_the_proxys_password()
    pc.pair()
    announced = pc.announced()
    email = f"grace{WAYS.index(pc.way.name)}@example.org"
    with Waiting(pc) as waiting, user(pc.lab.served, email) as grace:
        if pc.way.swallows_xmpp:
            waiting.listener.aim(announced)
            waiting.until(lambda state: state.phase is Phase.DOWN)
            troubles = [f"{port.trouble}" for port in waiting.state.ports]
            assert len(troubles) == 3
            assert not {"None", "unknown"} & set(troubles)
            assert waiting.state.ports[2].trouble is Trouble.NO_WEBSOCKET
            assert waiting.state.line(5).startswith("every 5 min (real time is not to be had: ")
            assert pc.sync().outcome is Outcome.OK
            record_property("note", f"told: {', '.join(dict.fromkeys(troubles))}")
            return
        if pc.way.closes_xmpp:
            waiting.listener.aim(announced)
            waiting.until(lambda state: state.is_live)
            waiting.is_woken_when(lambda: toggle(grace))
            assert waiting.state.rung is Rung.WEBSOCKET
            assert [port.trouble for port in waiting.state.ports] == [
                Trouble.PROXY_FORBIDS,
                Trouble.PROXY_FORBIDS,
                None,
            ]
            assert "allow outgoing TCP" in waiting.state.for_it()
            record_property("note", "ok: WebSocket, the rest told")
            return
        for rung in Rung:
            waiting.listener.aim(only(rung, announced))
            waiting.until(lambda state, rung=rung: state.is_live and state.rung is rung)  # type: ignore[misc]
            waiting.is_woken_when(lambda: toggle(grace))
    for recorder in pc.lab.recorders:
        assert recorder.peers
    assert pc.wanted.connector_id.encode() in _readable(bytes(pc.lab.direct_tls.seen)).upper()
    record_property("note", "ok: TLS, STARTTLS, WebSocket")


@through_every_way
def test_doctor(pc: Pc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PROBE_SECONDS", 2.0)
    pc.knows_the_proxys_password()
    ports = Ports(1, pc.lab.starttls.port, pc.lab.direct_tls.port, pc.way.host, NAME)

    report = diagnose(pc.wanted.server, pc.home.egress(pc.wanted, keep=False), ports)

    assert report.ok, report
    assert f"{pc.lab.recorder.port} works {report.way}" in report.verdict
    xmpp = [check.verdict for check in report.checks if check.name.startswith("XMPP") and check.way == report.way]
    if pc.way.closes_xmpp:
        assert f"{ports.starttls} and {ports.direct_tls} are forbidden by the proxy's rules" in report.verdict
    elif pc.way.swallows_xmpp:
        assert "ok" not in xmpp
        assert "exempt book.lab.test from TLS inspection" in report.to_do
    else:
        assert xmpp == ["ok", "ok"]
        assert report.verdict.startswith("All is well: ")
    assert (report.way == "directly") == (pc.way.name == "direct")
    assert report.tls is not None
    assert report.inspected == pc.way.inspected
    assert ("TLS is inspected on the way, by Corp Inspection" in report.verdict) == (pc.way.inspected == "yes")
    assert ("from Corp Inspection, a private CA" in report.verdict) == (pc.way.inspected == "possible")
    assert "Secret" not in report.model_dump_json()
    assert pc.wanted.connector_id not in report.model_dump_json()


def _outcome(sync: Callable[[], RunReport]) -> LinkError | RunReport:
    try:
        return sync()
    except LinkError as error:
        return error
