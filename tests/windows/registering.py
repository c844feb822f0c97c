"""The model Outlook in the registry, as Setup enters Outlook: a program that COM starts when it is asked for.

Under HKEY_LOCAL_MACHINE, because Wine does not look for classes below the user.
"""

from __future__ import annotations

import subprocess
import sys
import winreg
from collections.abc import Sequence

OUTLOOK = "{0006F03A-0000-0000-C000-000000000046}"
USER = "{5B1E6A0B-3C7C-4C55-9D0E-5F0A6E7C2D11}"
"""Not Outlook's: through it the tests do in the model what a User does in Outlook's window."""

_CLASSES = {"Outlook.Application": OUTLOOK, "Dovetail.ModelOutlookUser": USER}
_OFFICE = r"SOFTWARE\Microsoft\Office\ClickToRun\Configuration"
_PROFILE = r"Software\Microsoft\Office\16.0\Outlook\Profiles\Outlook"


def register(command: Sequence[str]) -> None:
    for program, class_id in _CLASSES.items():
        _set(f"{program}\\CLSID", class_id)
        _set(f"CLSID\\{class_id}", program)
        _set(f"CLSID\\{class_id}\\ProgID", program)
        _set(f"CLSID\\{class_id}\\LocalServer32", subprocess.list2cmdline(command))
    winreg.CreateKey(winreg.HKEY_CURRENT_USER, _PROFILE)
    with winreg.CreateKey(winreg.HKEY_LOCAL_MACHINE, _OFFICE) as office:
        winreg.SetValueEx(office, "Platform", 0, winreg.REG_SZ, "x64")


def _set(key: str, value: str) -> None:
    assert sys.platform == "win32"
    winreg.SetValue(winreg.HKEY_LOCAL_MACHINE, f"SOFTWARE\\Classes\\{key}", winreg.REG_SZ, value)
