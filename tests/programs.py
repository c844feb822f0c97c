"""Programs that tests need and a machine may lack: named as not run for a person, a failure in CI."""

import os
import shutil
from typing import NoReturn

import pytest


def require_program(*names: str) -> str:
    """The path of the first of `names` there is."""
    for name in names:
        if path := shutil.which(name):
            return path
    not_run(f"none of {', '.join(names)} is installed")


def not_run(why: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"not run: {why}")
    pytest.skip(f"not run: {why}")
