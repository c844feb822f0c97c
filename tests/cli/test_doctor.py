"""`dovetail doctor network` of a PC that is paired, against the server as it is served."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from cli.server import serving

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_it_looks_where_the_server_has_its_ports_and_status_shows_the_same(dovetail: Run, tmp_path: Path) -> None:
    (tmp_path / "calendar").mkdir()
    with serving(tmp_path / "data") as served:
        ((connector_id, token),) = served.new_pairings(1)
        server = ["--server", served.address, "--ca-file", str(served.ca_file)]
        pairing = ["--id", connector_id, "--calendar", f"folder:{tmp_path}/calendar", "--token-stdin"]
        before = json.loads(dovetail("doctor", "network", *server, "--json").stdout)
        assert dovetail("connect", *server, *pairing, stdin=token).returncode == 0
        paired = dovetail("doctor", "network")
    assert {check["port"] for check in before["checks"] if check["name"].startswith("XMPP")} == {5222, 5223}
    words, _, _ = paired.stdout.partition("\n")
    assert words == f"All is well: {served.port} works directly. The server has no ports for real-time sync."
    assert paired.returncode == 0
    assert "XMPP" not in paired.stdout.replace("for real-time", "")
    status = dovetail("status").stdout
    assert f": {words}" in status
    assert "To do: Nothing." in status
    assert json.loads(dovetail("status", "--json").stdout)["doctor"]["verdict"] == words
