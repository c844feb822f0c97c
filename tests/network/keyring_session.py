"""A desktop session's keyring, unlocked, and commands run in it: ``dbus-run-session -- python keyring_session.py``.

Standard input is a list of ``[command, its input]`` in JSON. Prints what each printed and its exit code, as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys

daemon = subprocess.Popen(
    ["gnome-keyring-daemon", "--unlock", "--components=secrets", "--foreground"],
    stdin=subprocess.PIPE,
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)
assert daemon.stdin is not None
daemon.stdin.write(b"the session's own password")
daemon.stdin.close()
try:
    answers = []
    for command, given in json.load(sys.stdin):
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)
        answers.append([done.returncode, done.stdout, done.stderr])
    print(json.dumps(answers))
finally:
    daemon.terminate()
    daemon.wait(10)
