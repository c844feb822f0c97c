"""What the registry, the processes and the windows of a PC say of its Outlook, for `diagnosis`. Outlook is not touched.

Where what is: the class in HKEY_CLASSES_ROOT, profiles and the switch to the new Outlook below the User's Office key,
the bitness in Click-to-Run's configuration or Outlook's own key, in either view of the registry. What cannot be read is
unknown, or not there.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import winreg
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import wintypes

from dovetail.connector.outlook.diagnosis import Facts

assert sys.platform == "win32"

_CLASS = "Outlook.Application"
_PROGRAM, _NEW_PROGRAM = "outlook.exe", "olk.exe"
_OFFICE = r"Software\Microsoft\Office"
_VERSIONS = ("16.0", "15.0", "14.0")
_OLD_PROFILES = r"Software\Microsoft\Windows NT\CurrentVersion\Windows Messaging Subsystem\Profiles"
_VIEWS = (winreg.KEY_WOW64_64KEY, winreg.KEY_WOW64_32KEY)
_DIALOG_CLASS = "#32770"
_SNAPSHOT_OF_PROCESSES = 2
_QUERY_LIMITED, _TOKEN_QUERY, _TOKEN_ELEVATION = 0x1000, 8, 20
_ACCESS_DENIED, _OWNER = 5, 4
_LOOK = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.HWND, wintypes.LPARAM)

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_user = ctypes.WinDLL("user32", use_last_error=True)
_advapi = ctypes.WinDLL("advapi32", use_last_error=True)
_kernel.CreateToolhelp32Snapshot.restype = wintypes.HANDLE
_kernel.OpenProcess.restype = wintypes.HANDLE
_kernel.GetCurrentProcess.restype = wintypes.HANDLE
for _function in (_kernel.Process32FirstW, _kernel.Process32NextW):
    _function.argtypes = (wintypes.HANDLE, ctypes.c_void_p)
_kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
_user.GetWindow.restype = wintypes.HWND
_user.GetWindow.argtypes = (wintypes.HWND, wintypes.UINT)
_user.GetClassNameW.argtypes = (wintypes.HWND, wintypes.LPWSTR, ctypes.c_int)
_user.GetWindowThreadProcessId.argtypes = (wintypes.HWND, ctypes.POINTER(wintypes.DWORD))
for _function in (_user.IsWindowVisible, _user.IsWindowEnabled):
    _function.argtypes = (wintypes.HWND,)
_advapi.OpenProcessToken.argtypes = (wintypes.HANDLE, wintypes.DWORD, ctypes.POINTER(wintypes.HANDLE))
_advapi.GetTokenInformation.argtypes = (
    *(wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD),
    ctypes.POINTER(wintypes.DWORD),
)


class _ProcessEntry(ctypes.Structure):
    """PROCESSENTRY32W."""

    _fields_ = [
        *(("size", wintypes.DWORD), ("usage", wintypes.DWORD), ("pid", wintypes.DWORD), ("heap", ctypes.c_size_t)),
        *((name, wintypes.DWORD) for name in ("module", "threads", "parent")),
        *(("priority", wintypes.LONG), ("flags", wintypes.DWORD), ("name", wintypes.WCHAR * 260)),
    ]


def read_facts() -> Facts:
    """As they are now."""
    registered, exists = _registration()
    running = _processes(_PROGRAM)
    return Facts(
        system=platform.system(),
        registered=registered,
        program_exists=exists,
        running=bool(running),
        running_elevated=_is_elevated(running[0]) if running else None,
        elevated=bool(_is_elevated(os.getpid())),
        dialog_open=_shows_dialog(frozenset(running)),
        new_installed=bool(_processes(_NEW_PROGRAM)) or _has_new_outlook(),
        new_preferred=any(
            _value(winreg.HKEY_CURRENT_USER, rf"{_OFFICE}\{version}\Outlook\Preferences", "UseNewOutlook") == 1
            for version in _VERSIONS
        ),
        profiles=_profiles(),
        office_bits=_office_bits(),
        python_bits=struct.calcsize("P") * 8,
        interactive=_session(os.getpid()) != 0,
    )


def outlook_runs() -> bool:
    """Classic Outlook, in this User's session."""
    return bool(_processes(_PROGRAM))


# --- the registry -----------------------------------------------------------------------------------------------------


def _value(root: int, path: str, name: str, view: int = 0) -> object:
    try:
        with winreg.OpenKey(root, path, 0, winreg.KEY_READ | view) as key:
            return winreg.QueryValueEx(key, name)[0]
    except OSError:
        return None


def _registration() -> tuple[bool, bool | None]:
    """Whether the class is registered, and whether the program that it names is there."""
    class_id = _value(winreg.HKEY_CLASSES_ROOT, rf"{_CLASS}\CLSID", "")
    if not class_id:
        return False, None
    servers = [
        _value(winreg.HKEY_CLASSES_ROOT, rf"CLSID\{class_id}\{kind}", "", view)
        for view in _VIEWS
        for kind in ("LocalServer32", "LocalServer")
    ]
    commands = [os.path.expandvars(server) for server in servers if isinstance(server, str) and server]
    return bool(commands), any(os.path.exists(_program_in(command)) for command in commands) if commands else None


def _program_in(command: str) -> str:
    """The path in a command line, quoted or not."""
    if command.startswith('"'):
        return command[1:].partition('"')[0]
    end = command.lower().find(".exe")
    return command[: end + 4] if end >= 0 else command


def _profiles() -> int | None:
    counts = [_subkeys(rf"{_OFFICE}\{version}\Outlook\Profiles") for version in _VERSIONS]
    known = [count for count in (*counts, _subkeys(_OLD_PROFILES)) if count is not None]
    return sum(known) if known else None


def _subkeys(path: str) -> int | None:
    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, path) as key:
            return winreg.QueryInfoKey(key)[0]
    except OSError:
        return None


def _office_bits() -> int | None:
    found = [
        _value(winreg.HKEY_LOCAL_MACHINE, path, name, view)
        for view in _VIEWS
        for path, name in (
            (r"SOFTWARE\Microsoft\Office\ClickToRun\Configuration", "Platform"),
            *((rf"SOFTWARE\Microsoft\Office\{version}\Outlook", "Bitness") for version in _VERSIONS),
        )
    ]
    return next(({"x86": 32, "x64": 64}[bits] for bits in found if bits in ("x86", "x64")), None)


def _has_new_outlook() -> bool:
    """The name under which Windows starts it; the link leads to where nobody may look."""
    folder = os.environ.get("LOCALAPPDATA", "")
    return bool(folder) and os.path.lexists(os.path.join(folder, "Microsoft", "WindowsApps", _NEW_PROGRAM))


# --- processes and windows --------------------------------------------------------------------------------------------


def _processes(program: str) -> list[int]:
    """Of this session."""
    session = _session(os.getpid())
    found = []
    snapshot = _kernel.CreateToolhelp32Snapshot(_SNAPSHOT_OF_PROCESSES, 0)
    try:
        entry = _ProcessEntry(size=ctypes.sizeof(_ProcessEntry))
        there = _kernel.Process32FirstW(snapshot, ctypes.byref(entry))
        while there:
            if entry.name.lower() == program and _session(entry.pid) == session:
                found.append(int(entry.pid))
            there = _kernel.Process32NextW(snapshot, ctypes.byref(entry))
    finally:
        _kernel.CloseHandle(snapshot)
    return found


def _session(pid: int) -> int | None:
    session = wintypes.DWORD()
    return session.value if _kernel.ProcessIdToSessionId(pid, ctypes.byref(session)) else None


def _is_elevated(pid: int) -> bool | None:
    """A process that may not even be asked has more rights than this one."""
    with _opened(pid) as process:
        if not process:
            return True if ctypes.get_last_error() == _ACCESS_DENIED else None
        token = wintypes.HANDLE()
        if not _advapi.OpenProcessToken(process, _TOKEN_QUERY, ctypes.byref(token)):
            return True if ctypes.get_last_error() == _ACCESS_DENIED else None
        try:
            elevation, size = wintypes.DWORD(), wintypes.DWORD()
            asked = _advapi.GetTokenInformation(
                token, _TOKEN_ELEVATION, ctypes.byref(elevation), ctypes.sizeof(elevation), ctypes.byref(size)
            )
            return bool(elevation.value) if asked else None
        finally:
            _kernel.CloseHandle(token)


@contextmanager
def _opened(pid: int) -> Iterator[int | None]:
    process = _kernel.OpenProcess(_QUERY_LIMITED, False, pid)
    try:
        yield process
    finally:
        if process:
            _kernel.CloseHandle(process)


def _shows_dialog(pids: frozenset[int]) -> bool:
    """Whether one of these processes waits for the answer to a dialog box: one that keeps its owner from being used.
    Reminders do not."""
    found = False

    def look(window: int, _: int) -> bool:
        nonlocal found
        pid = wintypes.DWORD()
        _user.GetWindowThreadProcessId(window, ctypes.byref(pid))
        if pid.value in pids and _user.IsWindowVisible(window) and _class_of(window) == _DIALOG_CLASS:
            owner = _user.GetWindow(window, _OWNER)
            found = bool(owner) and not _user.IsWindowEnabled(owner)
        return not found

    if pids:
        _user.EnumWindows(_LOOK(look), 0)
    return found


def _class_of(window: int) -> str:
    name = ctypes.create_unicode_buffer(16)
    _user.GetClassNameW(window, name, len(name))
    return name.value
