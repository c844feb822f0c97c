"""The command ``dovetail`` as on a User's PC, with its patience cut short so that a test need not wait for drops.

``python pc.py PROBE CONNECT DEAD …``: seconds of each, then the command line.
"""

from __future__ import annotations

import sys

from dovetail.cli import main
from dovetail.connector.link import checks, direct, egress

checks.PROBE_SECONDS, egress.CONNECT_SECONDS = float(sys.argv[1]), float(sys.argv[2])
direct.DEAD_AFTER_SECONDS = int(sys.argv[3])
sys.argv[1:4] = []
main()
