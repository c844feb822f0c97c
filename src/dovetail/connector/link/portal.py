"""Whether the sign-in page of a guest network answers in the server's place (a captive portal).

Looked into where a connection was dropped, cut or answered by a stranger, never on a timer: one plain GET of the
server's own port 80, directly. A Dovetail server leads to https on the same host; such a network leads to its own page,
which is named and not followed.
"""

from __future__ import annotations

from dovetail.connector.link import checks
from dovetail.connector.link.egress import Egress
from dovetail.connector.link.port import NotTheServer
from dovetail.connector.link.routes import Direct, is_loopback
from dovetail.connector.link.verdicts import Phase, Verdict, classify, find_egress_error

_SIGNS = {
    Verdict.CUT,
    Verdict.DROPPED,
    Verdict.NO_TLS,
    Verdict.REFUSED,
    Verdict.UNTRUSTED,
    Verdict.WRONG_NAME,
}


def sign_in_page(host: str, egress: Egress, error: Exception) -> NotTheServer | None:
    """What is to be told in the place of `error`, if such a page is why `host` could not be talked to."""
    if is_loopback(host) or not _may_be(error):
        return None
    if not all(isinstance(route, Direct) for route in egress.choose(host, 80).routes):
        return None
    leads_to = checks.check_redirect(host, 80, "", egress.open).leads_to
    if not leads_to:
        return None
    return NotTheServer(
        f"This network wants a sign-in first: it leads to {leads_to} instead of {host}. Open any web page in a browser"
        " and sign in; syncing goes on by itself."
    )


def _may_be(error: Exception) -> bool:
    egress = find_egress_error(error)
    verdict = classify(error, egress.phase if egress else Phase.TCP)
    return verdict in _SIGNS or (egress is not None and (egress.verdict, egress.phase) == (Verdict.STALLED, Phase.TLS))
