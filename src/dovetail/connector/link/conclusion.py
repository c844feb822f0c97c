"""What a diagnosis comes to: whether syncing works, a verdict in plain words, and the one thing to do.

Pure: from the checks' outcomes to sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dovetail.connector.link import checks
from dovetail.connector.link.checks import NOT_DOVETAIL, NOT_XMPP, Check, HttpsFound
from dovetail.connector.link.failures import words
from dovetail.connector.link.routes import Choice
from dovetail.connector.link.sighting import Inspection
from dovetail.connector.link.verdicts import EgressError, Verdict

SKEW_TOLD_SECONDS = 120.0

_HOW = {
    Verdict.DROPPED: "dropped between this PC and {host} (no answer in {patience:g} s)",
    Verdict.STALLED: "let through and then swallowed on the way to {host} (silence after the connection)",
    Verdict.REFUSED: "closed at {host}, or rejected on the way",
    Verdict.UNREACHABLE: "rejected on the way to {host}",
    Verdict.BLOCKED_HERE: "blocked by a firewall on the way to {host}",
    Verdict.CUT: "cut on the way to {host}",
    Verdict.PROXY_POLICY_DENIED: "forbidden by the proxy's rules",
    Verdict.PROXY_CANNOT_REACH: "not reached by the proxy",
    Verdict.UNTRUSTED: "opened on the way to {host} by something that this PC does not trust",
    Verdict.DNS_FAIL: "not reached, for the name {host} cannot be found",
    NOT_XMPP: "answered by something that is no XMPP server",
}
_NO_SERVER = {Verdict.REFUSED, Verdict.PROXY_CANNOT_REACH}


@dataclass(frozen=True)
class Facts:
    """`used` is the HTTPS check of the way that the connector goes; `broken` what is wrong with the settings."""

    host: str
    choice: Choice
    https: Sequence[HttpsFound]
    checks: Sequence[Check]
    used: HttpsFound
    broken: EgressError | None
    inspected: Inspection
    xmpp_host: str

    @property
    def clock_skew(self) -> float | None:
        """By HTTPS, else by plain HTTP: a clock that is far off is what TLS fails for."""
        told = (check.clock_skew for check in (self.used.check, *self.checks))
        return next((skew for skew in told if skew is not None), None)


def conclude(facts: Facts) -> tuple[bool, str, str]:
    """Whether syncing works, the verdict, and what to do."""
    if facts.broken is not None:
        told = words(facts.broken.verdict, facts.broken.phase, facts.host, facts.broken.proxy, facts.broken.detail)
        return False, told, "Ask your IT for the right proxy settings, or name the proxy with `dovetail proxy --use`."
    if not facts.used.check.ok:
        verdict, to_do = _no_sync(facts)
        return False, _with_remarks(verdict, facts), to_do
    verdict, to_do = _real_time(facts)
    return True, _with_remarks(verdict, facts), to_do


def _real_time(facts: Facts) -> tuple[str, str]:
    """HTTPS works: how is XMPP?"""
    way = facts.used.check.way
    works = f"{facts.used.check.port} works {way}"
    xmpp = [check for check in facts.checks if check.name.startswith("XMPP") and check.way == way]
    if not xmpp:
        return f"All is well: {works}. The server has no ports for real-time sync.", "Nothing."
    if all(check.ok for check in xmpp):
        return f"All is well: {works}, and so do {_ports(xmpp)} for real-time sync.", "Nothing."
    failed = [check for check in xmpp if not check.ok]
    if len(failed) < len(xmpp):
        open_ports = _ports([check for check in xmpp if check.ok])
        return f"All is well: {works}, and so does {open_ports}, which is enough for real-time sync.", "Nothing."
    direct = [check for check in facts.checks if check.name.startswith("XMPP") and check.way == "directly"]
    besides = (
        f"; directly, {_told(direct, facts.xmpp_host)}" if way != "directly" and not any(c.ok for c in direct) else ""
    )
    told = f"{_told(failed, facts.xmpp_host)}{besides}; {works}."
    if all(check.verdict in _NO_SERVER for check in failed):
        return told, (
            "Nothing, in Auto-sync. For real-time sync ask whoever runs the server whether it offers it, and your IT to"
            f" allow outgoing TCP {_ports(failed)}."
        )
    if facts.inspected is not Inspection.NO and any(check.verdict == Verdict.STALLED for check in failed):
        return told, (
            f"Ask your IT to exempt {facts.xmpp_host} from TLS inspection on {_ports(failed)}, or keep Auto-sync, which"
            " works."
        )
    return told, f"Ask your IT to allow outgoing TCP {_ports(failed)}, or keep Auto-sync, which does not need them."


def _told(failed: Sequence[Check], host: str) -> str:
    """``5222 and 5223 are dropped …``; ports that fail alike share a clause."""
    clauses = []
    for verdict in dict.fromkeys(check.verdict for check in failed):
        alike = [check for check in failed if check.verdict == verdict]
        how = _HOW.get(verdict, f"not usable ({verdict.replace('_', ' ')})").format(
            host=host, patience=checks.PROBE_SECONDS
        )
        clauses.append(f"{_ports(alike)} {'are' if len(alike) > 1 else 'is'} {how}")
    return "; ".join(clauses)


def _no_sync(facts: Facts) -> tuple[str, str]:
    """HTTPS does not work by the connector's way."""
    used = facts.used
    portal = next((check for check in facts.checks if check.leads_to), None)
    if portal is not None:
        return (
            f"This network wants a sign-in first: {facts.host} leads to {portal.leads_to}.",
            "Open any web page in a browser, sign in to the network, and try again.",
        )
    other = next((found for found in facts.https if found.check.ok), None)
    if other is not None:
        return (
            f"{used.check.port} does not work {used.check.way}, but it does {other.check.way}. {used.reason}",
            "The proxy or its settings are wrong: ask your IT, or go round it with `dovetail proxy --use none`.",
        )
    if all(not check.ok for check in facts.checks) and used.check.verdict == Verdict.DNS_FAIL:
        return (
            f"Nothing answers: not even the name {facts.host} can be found.",
            "Check the server's address, and that this PC is online.",
        )
    issuer = f" It is signed by {used.check.tls_issuer}." if used.check.tls_issuer else ""
    if used.check.verdict == Verdict.DROPPED:
        return (
            f"{used.check.port} is dropped between this PC and {facts.host} (no answer in {checks.PROBE_SECONDS:g} s).",
            f"Ask your IT to allow outgoing TCP {used.check.port} to {facts.host}, or which proxy to use.",
        )
    if used.check.verdict == NOT_DOVETAIL:
        return used.reason, "Check the server's address."
    return f"{used.reason}{issuer}", "If that does not help, show this report to your IT."


def _with_remarks(verdict: str, facts: Facts) -> str:
    remarks = [verdict]
    issuer = facts.used.tls.issuer if facts.used.tls else ""
    if facts.inspected is Inspection.YES:
        remarks.append(f"TLS is inspected on the way, by {issuer}: syncing works, and the credential stays secret.")
    elif facts.inspected is Inspection.POSSIBLE:
        remarks.append(f"The certificate is from {issuer}, a private CA: the server's own, or a box that opens TLS.")
    skew = facts.clock_skew
    if skew is not None and abs(skew) > SKEW_TOLD_SECONDS:
        remarks.append(f"This PC's clock is {_long(abs(skew))} {'ahead' if skew > 0 else 'behind'}: set it.")
    if facts.choice.notice:
        remarks.append(facts.choice.notice)
    return " ".join(remarks)


def _long(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 48 * 60 else f"{round(minutes / 1440)} days"


def _ports(checks: Sequence[Check]) -> str:
    return " and ".join(dict.fromkeys(str(check.port) for check in checks))
