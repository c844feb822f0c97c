"""Programs that tests need and a machine may lack: named as not run for a person, a failure in CI."""

import os
import shutil

import pytest


def require_program(*names: str) -> str:
    """The path of the first of `names` there is."""
    for name in names:
        if path := shutil.which(name):
            return path
    message = f"not run: none of {', '.join(names)} is installed"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
