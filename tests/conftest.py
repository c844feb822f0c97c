"""What every test shares: the server's data directory is a temporary one, removed at the end."""

import atexit
import os
import shutil
import tempfile

_data = tempfile.mkdtemp(prefix="dovetail-tests-")
atexit.register(shutil.rmtree, _data, ignore_errors=True)
os.environ["DOVETAIL_DATA"] = _data
os.environ["DOVETAIL_BASE_URL"] = "https://localhost"
