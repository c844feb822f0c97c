"""Files as a calendar adapter needs them: a version, an atomic write, and a plain word for what went wrong.

A *version* is made of what the file system says of a file, so that looking at 10,000 unchanged files opens none. Clocks
of file systems are coarse (FAT: two seconds): a file changed within VERSION_SECONDS before it was read carries its
content's digest in its version too. Such a version never matches a later look, and an update still recognizes it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
import zlib
from collections.abc import Callable
from datetime import tzinfo
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from dovetail import __version__
from dovetail.connector.calendars.port import CalendarError, ItemChanged

VERSION_SECONDS = 2.0
_SETTLED_NS = int(VERSION_SECONDS * 1e9)


class Versions:
    """Versions of files as read in one zone by one release: in another, the same file may mean other times."""

    def __init__(self, local: tzinfo) -> None:
        self._meaning = f"{zlib.crc32(f'{local} {__version__}'.encode()):x}"

    def settled(self, seen: os.stat_result) -> str:
        """As it will be once the file is old enough, from a look at the directory alone."""
        return f"{_of(seen)}-{self._meaning}"

    def full(self, seen: os.stat_result, digest: Callable[[], str]) -> str:
        """The version of a file that was read: with its content's digest while it is not settled."""
        return self.settled(seen) if is_settled(seen) else f"{self.settled(seen)}~{digest()}"

    def holds(self, version: str, now: os.stat_result, digest: Callable[[], str]) -> bool:
        """Whether a version that :meth:`full` gave is still that of the file."""
        settled, _, known_digest = version.partition("~")
        return settled == self.settled(now) and (not known_digest or known_digest == digest())


def is_changed(before: os.stat_result, now: os.stat_result) -> bool:
    """Whether a file was surely written since."""
    return _of(before) != _of(now)


def is_settled(seen: os.stat_result) -> bool:
    """Whether the next change will surely show in the version. A time in the future is not settled."""
    return seen.st_mtime_ns < time.time_ns() - _SETTLED_NS


def _of(seen: os.stat_result) -> str:
    """Modification time, size and, where a directory listing tells them, inode and change time."""
    version = f"{seen.st_mtime_ns:x}-{seen.st_size:x}"
    return version if os.name == "nt" else f"{version}-{seen.st_ino:x}-{seen.st_ctime_ns:x}"


def open_file(path: Path) -> BufferedReader:
    """For reading. What is no regular file (a pipe would keep us waiting for ever) is an OSError."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "it is no ordinary file", str(path))
    return open(path, "rb")


def write_atomically(
    path: Path, write: Callable[[BinaryIO], object], *, expected: os.stat_result | None = None
) -> None:
    """Give `path` what `write` writes: whole, or not at all.

    1. a temporary file beside it, whose name no calendar program reads, is written and flushed to the disk;
    2. the file must still be what `expected` says (None: there must be no such file), else ItemChanged;
    3. the temporary file takes the name, and the directory is flushed where that can be done.
    """
    path = Path(os.path.realpath(path))
    draft = path.with_name(f".{path.name}.tmp")
    try:
        with open(draft, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if expected is not None:
            os.chmod(draft, expected.st_mode & 0o777)
        if _differs(path, expected):
            raise ItemChanged("The calendar file was changed by another program meanwhile.")
        os.replace(draft, path)
    except OSError as error:
        raise cannot(error, "write to", f"“{path.parent.name}”") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    _flush_directory(path.parent)


def delete(path: Path, *, expected: os.stat_result) -> None:
    """Take away a file that must still be what `expected` says, else ItemChanged."""
    try:
        if _differs(path, expected):
            raise ItemChanged("The calendar file was changed by another program meanwhile.")
        path.unlink()
    except OSError as error:
        raise cannot(error, "delete in", f"“{path.parent.name}”") from error
    _flush_directory(path.parent)


def _differs(path: Path, expected: os.stat_result | None) -> bool:
    try:
        now = path.stat()
    except FileNotFoundError:
        return expected is not None
    return expected is None or is_changed(expected, now)


def _flush_directory(directory: Path) -> None:
    """So that the new name survives a power failure; Windows offers nothing of the kind and needs nothing."""
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def cannot(error: OSError, verb: str, what: str) -> CalendarError:
    """A reason that the owner of the PC understands and can act on."""
    match error:
        case FileNotFoundError() | NotADirectoryError():
            why = "it is not there. Is its drive connected?"
        case PermissionError():
            why = "permission is denied, or another program holds it open."
        case _:
            why = f"the system says: {error.strerror or type(error).__name__}."
    return CalendarError(f"Cannot {verb} {what}: {why}")
