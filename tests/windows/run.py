"""Runs the tests of this folder in the Windows Python of build/windows, beside a `dovetail serve` on this machine.

`run.py [PYTEST ARGUMENT…]`; scripts/test-windows prepares all and calls it. What the Windows Python prints comes
through a pipe, which programs that it started may hold open: the end of pytest itself is waited for, then Wine is
stopped.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path, PureWindowsPath

import trustme

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from cli.server import serving  # noqa: E402
from dovetail.demo.programs import free_port  # noqa: E402

PYTHON = ROOT / "build" / "windows" / "python" / "python.exe"
ZONE = "Europe/Berlin"  # not UTC: a wall clock must not pass for an instant
LONGEST_SECONDS = 900
QUITTING_SECONDS = 20


def as_windows(path: Path) -> str:
    return str(PureWindowsPath("Z:/", *path.absolute().parts[1:]))


def in_wine(arguments: list[str], environment: dict[str, str], seconds: float = LONGEST_SECONDS) -> int:
    """The exit status of the Windows Python, 124 if it had to be ended."""
    process = subprocess.Popen(
        ["wine", PYTHON, "-X", "utf8", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**_ours(), "TZ": ZONE, **environment},
        start_new_session=True,
    )
    printer = threading.Thread(target=_print, args=(process,), daemon=True)
    printer.start()
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        print(f"\nnot finished after {seconds:.0f} s: ended", flush=True)
        return 124
    finally:
        subprocess.run(["wineserver", "-k"], timeout=QUITTING_SECONDS, check=False)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        printer.join(QUITTING_SECONDS)


def stranger(folder: Path) -> dict[str, str]:
    """A key with its certificates, up to a root that no system knows, in a file."""
    authority, chain = trustme.CA(), folder / "stranger.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(chain)
    authority.cert_pem.write_to_path(chain, append=True)
    return {"DOVETAIL_TEST_STRANGER": as_windows(chain)}


def main(arguments: list[str]) -> int:
    with (
        tempfile.TemporaryDirectory(dir=PYTHON.parents[1]) as scratch,
        serving(Path(scratch) / "data", xmpp_ports=(free_port(0), free_port(0))) as served,
    ):
        environment = {
            "PYTHONPATH": ";".join(as_windows(ROOT / folder) for folder in ("src", "tests")),
            "PYTHONPYCACHEPREFIX": as_windows(PYTHON.parents[1] / "pycache"),
            "DOVETAIL_TEST_SERVER": served.address,
            "DOVETAIL_TEST_CA_FILE": as_windows(served.ca_file),
            **stranger(Path(scratch)),
        }
        here = Path(__file__).parent
        options = [
            *("-p", "no:cacheprovider", "-p", "no:faulthandler", f"--confcutdir={as_windows(here)}"),
            f"--basetemp={as_windows(Path(scratch) / 'pytest')}",
        ]
        named = [as_windows(Path(argument)) if Path(argument).exists() else argument for argument in arguments]
        where = [as_windows(here)] if named == arguments else []
        return in_wine(["-m", "pytest", *options, *named, *where], environment)


def _ours() -> dict[str, str]:
    """The environment, without what is meant for this machine's own Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _print(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    while some := os.read(process.stdout.fileno(), 1 << 16):
        sys.stdout.buffer.write(some.replace(b"\r\n", b"\n"))
        sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all that was started is ended
    sys.exit(main(sys.argv[1:]))
