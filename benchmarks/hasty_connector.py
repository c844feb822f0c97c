"""``python -m benchmarks.hasty_connector SECONDS``: ``dovetail run``, waiting for so much quiet in the calendar instead
of ten seconds. What comes after the wait can then be measured often."""

from __future__ import annotations

import sys

from dovetail.cli import main
from dovetail.connector.sync import scheduler

if __name__ == "__main__":
    scheduler.QUIET = float(sys.argv.pop(1))
    sys.argv[1:] = ["run"]
    main()
