"""The diagnosis of the way to the server: every check by every way, at once, and what comes of them in plain words.

A report always comes, also where nothing answers at all. It may be pasted into a ticket: it names the server, the proxy
and issuers of certificates, and holds no user, Connector ID, password or path.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict

from dovetail import __version__
from dovetail.connector.link.checks import (
    Check,
    HttpsFound,
    Opener,
    TlsFound,
    check_https,
    check_name,
    check_redirect,
    check_xmpp,
)
from dovetail.connector.link.conclusion import Facts, conclude
from dovetail.connector.link.egress import Egress
from dovetail.connector.link.routes import Choice, Direct, Route, is_loopback
from dovetail.connector.link.sighting import Inspection
from dovetail.connector.link.verdicts import EgressError, Phase

FILE_NAME = "network-report.json"


@dataclass(frozen=True)
class Ports:
    """Where to look besides the port of the server's address: as the server has told, None where it offers nothing.

    `xmpp_host` is where its XMPP ports are and `domain` what it answers to there, if not its own name.
    """

    http: int = 80
    starttls: int | None = 5222
    direct_tls: int | None = 5223
    xmpp_host: str = ""
    domain: str = ""


class Report(BaseModel):
    """`ok`: syncing works. `way` is the one that the connector goes, `found` where that is from."""

    model_config = ConfigDict(frozen=True)

    ok: bool
    verdict: str
    to_do: str
    server: str
    at: AwareDatetime
    version: str
    system: str
    way: str
    found: str
    notice: str = ""
    checks: tuple[Check, ...] = ()
    tls: TlsFound | None = None
    inspected: Inspection = Inspection.NO
    clock_skew_seconds: float | None = None
    round_trip_ms: int | None = None


def diagnose(origin: str, egress: Egress, ports: Ports | None = None) -> Report:
    """Some seconds of work, whatever is in the way. `origin` as :func:`read_address` gives it. Raises BadCaFile."""
    host = urlsplit(origin).hostname or ""
    try:
        choice = egress.choose(host, urlsplit(origin).port or 443)
        broken = None
    except EgressError as error:
        choice, broken = Choice((Direct(),), "the settings, which cannot be followed"), error
    https, checks = _run(origin, host, egress, choice.routes, ports or Ports())
    if broken is not None:
        checks.insert(0, _settings_check(broken))
    used = _used(https, choice.routes)
    inspected = _inspected(used, egress, host, urlsplit(origin).port or 443)
    facts = Facts(host, choice, https, checks, used, broken, inspected, (ports and ports.xmpp_host) or host)
    ok, verdict, to_do = conclude(facts)
    return Report(
        ok=ok,
        verdict=verdict,
        to_do=to_do,
        server=origin,
        at=datetime.now(UTC),
        version=__version__,
        system=f"{platform.system()} {platform.release()}",
        way=used.check.way,
        found=choice.found,
        notice=choice.notice,
        checks=tuple(checks),
        tls=used.tls,
        inspected=inspected,
        clock_skew_seconds=facts.clock_skew,
        round_trip_ms=used.round_trip_ms,
    )


def _run(
    origin: str, host: str, egress: Egress, routes: tuple[Route, ...], ports: Ports
) -> tuple[list[HttpsFound], list[Check]]:
    """All at once; directly too, where a proxy is used, for that is what IT wants to know."""
    ways = list(dict.fromkeys([*routes, Direct()]))
    with ThreadPoolExecutor(max_workers=16) as pool:
        name = pool.submit(check_name, host, urlsplit(origin).port or 443)
        https = [pool.submit(check_https, origin, str(way), _opener(egress, way), egress.ssl_context()) for way in ways]
        others = [pool.submit(check) for way in ways for check in _others(host, egress, way, ports)]
        found = [future.result() for future in https]
        return found, [name.result(), *(each.check for each in found), *(other.result() for other in others)]


def _others(host: str, egress: Egress, way: Route, ports: Ports) -> list[Callable[[], Check]]:
    opener = _opener(egress, way)
    checks: list[Callable[[], Check]] = [partial(check_redirect, host, ports.http, str(way), opener)]
    for port, starttls in ((ports.starttls, True), (ports.direct_tls, False)):
        if port is not None:
            where = (ports.xmpp_host or host, port, str(way), opener, egress.ssl_context())
            checks.append(partial(check_xmpp, *where, starttls=starttls, domain=ports.domain))
    return checks


def _opener(egress: Egress, way: Route) -> Opener:
    return lambda host, port, seconds: egress.open_by(way, host, port, time.monotonic() + seconds)


def _settings_check(error: EgressError) -> Check:
    return Check(name="proxy settings", port=0, way="", verdict=error.verdict, phase=Phase.PROXY, detail=error.detail)


def _used(https: list[HttpsFound], routes: tuple[Route, ...]) -> HttpsFound:
    """Of the ways that the connector may go the first that works, or else the first."""
    own = [found for found in https if found.check.way in {str(route) for route in routes}]
    return next((found for found in own if found.check.ok), own[0])


def _inspected(used: HttpsFound, egress: Egress, host: str, port: int) -> Inspection:
    if used.tls is None or is_loopback(host) or egress.sightings.is_vouched_for(host, port):
        return Inspection.NO
    before = egress.sightings.last
    known_otherwise = before.host == host and before.usual_issuer not in ("", used.tls.issuer)
    return Inspection.YES if used.via or known_otherwise else Inspection.POSSIBLE
