"""Proxy auto-configuration (PAC): the script of a company's IT, asked for the way to a host.

The script runs in QuickJS with a limit on time, memory and stack, and sees neither files nor the network: names that it
wants looked up are looked up here, between runs. It is told the host only, never a path.
Left out: finding the script by itself (WPAD), which Windows does for us, and IPv6 functions (``…Ex``).
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from importlib.resources import files

import quickjs

from dovetail.connector.link import direct
from dovetail.connector.link.verdicts import EgressError, Phase, Verdict

CPU_SECONDS = 1
MEMORY_BYTES = 32 << 20
STACK_BYTES = 512 << 10
MAX_LOOK_UPS = 8
LOOK_UP_SECONDS = 2.0

_FUNCTIONS = files("dovetail.connector.link").joinpath("pac_functions.js").read_text(encoding="utf-8")
_ASK = """(function (url, host) {
  try { return JSON.stringify({answer: String(FindProxyForURL(url, host))}); }
  catch (problem) {
    if (problem instanceof UnknownName) return JSON.stringify({unknown: problem.unknownName});
    throw problem;
  }
})(%s, %s)"""


def look_up(name: str) -> str | None:
    """The first IPv4 address of a name; None where there is none."""
    try:
        found = direct.resolve(name, 0, time.monotonic() + LOOK_UP_SECONDS)
    except OSError:
        return None
    return next((str(address[0]) for family, address in found if family is socket.AF_INET), None)


def own_address() -> str:
    """This PC's address on the way out; nothing is sent. It changes with the network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


class PacScript:
    """`text` of a PAC file. Not for use by several threads at once."""

    def __init__(self, text: str, look_up: Callable[[str], str | None] = look_up) -> None:
        self._text = text
        self._look_up = look_up

    def find(self, host: str) -> str:
        """The script's answer, such as ``PROXY proxy:8080; DIRECT``. Raises EgressError (pac_broken).

        It is asked as a browser asks for a page on `host`, for every port: scripts know no other traffic.
        """
        shown = f"[{host}]" if ":" in host else host
        question = _ASK % (json.dumps(f"https://{shown}/"), json.dumps(host))
        known: dict[str, str | None] = {}
        for _ in range(MAX_LOOK_UPS + 1):
            said = self._run(question, known)
            if "answer" in said:
                return str(said["answer"])
            name = str(said["unknown"])
            known[name] = self._look_up(name)
        raise EgressError(Verdict.PAC_BROKEN, Phase.PROXY, "it looks up too many names")

    def _run(self, question: str, known: dict[str, str | None]) -> dict[str, object]:
        # A new context each time: the time limit counts from its making, and no run can spoil the next.
        context = quickjs.Context()
        context.set_memory_limit(MEMORY_BYTES)
        context.set_max_stack_size(STACK_BYTES)
        context.set_time_limit(CPU_SECONDS)
        try:
            context.eval(_FUNCTIONS)
            context.eval(f"known = {json.dumps(known)}; ownAddress = {json.dumps(own_address())};")
            context.eval(self._text)
            said: dict[str, object] = json.loads(context.eval(question))
        except (quickjs.JSException, ValueError, TypeError) as error:
            detail = str(error).splitlines()[0][:120] if str(error) else "no reason given"
            raise EgressError(Verdict.PAC_BROKEN, Phase.PROXY, detail) from None
        return said
