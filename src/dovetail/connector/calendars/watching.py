"""Hints that a folder of calendar files may have changed, by the file system's own notifications (watchfiles).

Hints only: a network drive may tell nothing, and nobody relies on being told. A folder that goes away and comes back
is watched again, and both are hints themselves.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from watchfiles._rust_notify import RustNotify

_log = logging.getLogger(__name__)
_GATHER_MS, _STEP_MS, _LOOK_MS = 400, 50, 5000


@contextmanager
def watching(
    folder: Path, concerns: Callable[[str], bool], changed: Callable[[], None], *, recursive: bool = True
) -> Iterator[None]:
    """While entered, `changed` is called from a thread of its own soon after a path has changed that `concerns`."""
    stop = threading.Event()
    identity = _identity(folder)  # before it is watched: a folder that comes in between is seen as a new one
    first = _notifier(folder, recursive)
    arguments = (folder, concerns, changed, stop, identity, first, recursive)
    thread = threading.Thread(target=_watch, args=arguments, name="dovetail-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5)


def _watch(
    folder: Path,
    concerns: Callable[[str], bool],
    changed: Callable[[], None],
    stop: threading.Event,
    identity: tuple[int, int] | None,
    notifier: RustNotify | None,
    recursive: bool,
) -> None:
    while not stop.is_set():
        if notifier is None:
            stop.wait(_LOOK_MS / 1000)
        else:
            seen = notifier.watch(_GATHER_MS, _STEP_MS, _LOOK_MS, stop)
            if isinstance(seen, set) and any(concerns(path) for _, path in seen):
                changed()
        now = _identity(folder)
        if now != identity:
            if notifier is not None:
                notifier.close()
            notifier, identity = _notifier(folder, recursive), now
            changed()
    if notifier is not None:
        notifier.close()


def _notifier(folder: Path, recursive: bool) -> RustNotify | None:
    try:
        return RustNotify([str(folder)], False, False, 0, recursive, True)
    except (OSError, RuntimeError) as error:
        _log.warning("calendar folder cannot be watched: %s", type(error).__name__)
        return None


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        stat = folder.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
