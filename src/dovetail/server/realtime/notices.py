"""A hint or a revocation on its way from one process of the server to the one that has the sessions."""

from __future__ import annotations

import json

from dovetail.protocol.hints import Hint, HintKind
from dovetail.server.realtime.bus import HintBus


def hint(connector_id: str, hint: Hint) -> str:
    return json.dumps({"hint": connector_id, "kind": hint.kind.value, "cursor": hint.cursor})


def kick(connector_id: str) -> str:
    return json.dumps({"kick": connector_id})


def deliver(notice: str, bus: HintBus) -> None:
    """Raises ValueError and KeyError for what is none."""
    told = json.loads(notice)
    if not isinstance(told, dict):
        raise ValueError("a notice is an object")
    if "kick" in told:
        bus.kick(str(told["kick"]))
    else:
        bus.hint(str(told["hint"]), Hint(HintKind(told["kind"]), str(told["cursor"])))
