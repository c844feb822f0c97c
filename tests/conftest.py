"""What every test shares: the server's data directory is a temporary one, removed at the end."""

import atexit
import os
import shutil
import tempfile

import django
from hypothesis import settings

from network.table import pytest_terminal_summary  # noqa: F401 - a hook

_data = tempfile.mkdtemp(prefix="dovetail-tests-")
atexit.register(shutil.rmtree, _data, ignore_errors=True)
os.environ["DOVETAIL_DATA"] = _data
os.environ["DOVETAIL_BASE_URL"] = "https://localhost"
# Here and not in pyproject.toml: from there pytest-django would load the settings before the lines above.
os.environ["DJANGO_SETTINGS_MODULE"] = "dovetail.server.settings"
django.setup()

# The gate gives the same verdict on the same code; everybody else's runs look further each time.
settings.register_profile("gate", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("gate")
