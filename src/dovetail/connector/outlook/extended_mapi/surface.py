"""What this adapter uses of pywin32, in one object: on Windows the extension itself, in tests a double of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Surface:
    """`mapi` is the module win32com.mapi.mapi, `stream` the id of the interface IStream, `guid` makes one of its text
    in braces."""

    mapi: Any
    stream: Any
    guid: Callable[[str], Any]


def pywin32() -> Surface:
    """Raises ImportError where pywin32, or what it needs, is not installed. Loads nothing of Outlook yet."""
    mapi = import_module("win32com.mapi.mapi")
    import_module("win32timezone")  # imported by the extension on its own, at the first time it hands over
    return Surface(mapi, import_module("pythoncom").IID_IStream, import_module("pywintypes").IID)
