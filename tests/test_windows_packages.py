"""What the Windows tests run with is what is installed elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
OTHERWISE = {"importlib-metadata"}  # a later one needs a package more, for nothing that is used


def pinned(*files: str) -> dict[str, str]:
    lines = "\n".join((ROOT / file).read_text() for file in files)
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", lines, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def test_windows_packages_have_the_versions_of_the_lock() -> None:
    locked = pinned("requirements.lock")
    windows = pinned("scripts/windows/requirements.txt", "scripts/windows/sources.txt")

    there = windows.keys() & locked.keys() - OTHERWISE
    assert len(there) > 40
    assert {name: windows[name] for name in there} == {name: locked[name] for name in there}
