"""A directory for squid's NTLM that checks passwords, by pyspnego's accepting side, and counts the wrong ones.

Squid speaks to a helper that it starts over standard input and output (``YR``, ``KK``; ``TT``, ``AF``, ``NA``): here a
shell that leads to this program, so that the helper needs nothing that the proxy's user may not read.
"""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import spnego

HELPER = "#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/$1\ncat <&3 &\nexec cat >&3\n"
USER, PASSWORD = "CORP\\alice", "Secret-1 ä"


class Directory:
    def __init__(self, port: int, helper: Path) -> None:
        self.program = f"/bin/bash {helper} {port}"
        self.wrong = 0

    def serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, client.makefile("rw", encoding="ascii", newline="\n") as lines:
            context = spnego.server(protocol="ntlm")
            for line in lines:
                word, _, token = line.strip().partition(" ")
                if word == "YR":
                    context = spnego.server(protocol="ntlm")
                lines.write(self._step(context, token) + "\n")
                lines.flush()

    def _step(self, context: spnego.ContextProxy, token: str) -> str:
        try:
            said = context.step(base64.b64decode(token))
        except spnego.exceptions.SpnegoError:
            self.wrong += 1
            return "NA wrong"
        if context.complete:
            return f"AF {context.client_principal}"
        return f"TT {base64.b64encode(said or b'').decode()}"


@contextmanager
def directory(folder: Path) -> Iterator[Directory]:
    """In `folder`, which the proxy may read."""
    helper, users = folder / "ntlm-helper", folder / "ntlm-users"
    helper.write_text(HELPER)
    users.write_text(f"{USER.replace(chr(92), ':')}:{PASSWORD}\n", encoding="utf-8")
    users.chmod(0o600)
    before = os.environ.get("NTLM_USER_FILE")
    os.environ["NTLM_USER_FILE"] = str(users)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        opened = Directory(listener.getsockname()[1], helper)
        threading.Thread(target=opened.serve, args=(listener,), daemon=True).start()
        try:
            yield opened
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            os.environ.pop("NTLM_USER_FILE")
            if before is not None:
                os.environ["NTLM_USER_FILE"] = before
