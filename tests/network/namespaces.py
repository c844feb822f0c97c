"""Plays a script of scenes in throw-away namespaces, which any user may make where the kernel lets them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from network.processes import missing, require

HERE = Path(__file__).parent
NAMESPACES = ["unshare", "-Ur", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child"]
Answers = dict[str, dict[str, Any]]


@contextmanager
def played(script: str, seconds: float) -> Iterator[Answers]:
    """What a script of this folder said of each of its scenes. Skips, or fails in CI, where it cannot be played."""
    for program in ("squid", "nft", "ip", "unshare"):
        require(program)
    if subprocess.run([*NAMESPACES, "true"], capture_output=True).returncode:
        missing("a kernel that lets this user make namespaces")
    folder = tempfile.mkdtemp(prefix="dovetail-firewall-")
    try:
        done = subprocess.run(
            [*NAMESPACES, sys.executable, str(HERE / script), folder],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE.parents[1] / "src")]),
                "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
                "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            },
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        scenes = [json.loads(line) for line in done.stdout.splitlines()]
        assert scenes, done.stderr[-3000:]
        yield {scene["scene"]: scene for scene in scenes}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
