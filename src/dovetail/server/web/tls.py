"""The server's TLS: version 1.2 or newer, one protocol by ALPN, and certificates replaced while the process runs.

A renewed pair of files is noticed by its modification times, which works wherever Python does. It is tried in
a throw-away context first: when it is broken, or only one half of it has been written, the old one stays in
use and the log says so. New handshakes get the new certificate, open connections live on.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Collection
from pathlib import Path

log = logging.getLogger(__name__)

POLL_SECONDS = 30.0

Stamp = tuple[int, int, int]


class CertificateError(Exception):
    """A certificate or key cannot be used; the text says which file and why."""


def server_context(certificate: Path, key: Path, protocol: str = "http/1.1") -> ssl.SSLContext:
    """A context that serves `certificate` (PEM, with its chain) for this ALPN protocol. Raises CertificateError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([protocol])
    load(context, certificate, key)
    return context


def load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Load the pair into a living context, or raise CertificateError and leave the context as it was."""
    try:
        # With an empty password an encrypted key is refused; without one OpenSSL would ask at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise CertificateError(f"The certificate {certificate} with the key {key} cannot be used: {reason}") from error


class CertificateFiles:
    """A certificate and its key on disk, and when they were last seen to change."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.certificate = certificate
        self.key = key
        self.seen = self.stamps()

    def stamps(self) -> tuple[Stamp | None, Stamp | None]:
        return stamp(self.certificate), stamp(self.key)

    def reload(self, *contexts: ssl.SSLContext) -> bool:
        """Load the files into `contexts` if they changed since the last look; whether that was done."""
        now = self.stamps()
        if now == self.seen:
            return False
        self.seen = now
        try:
            for context in contexts:
                load(context, self.certificate, self.key)
        except CertificateError as error:
            log.error("%s. The previous certificate stays in use.", error)
            return False
        log.info("Now serving the renewed certificate %s", self.certificate)
        return True


def stamp(path: Path) -> Stamp | None:
    """What changes when a file is rewritten or replaced; None when it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


async def keep_current(
    contexts: Collection[ssl.SSLContext], files: CertificateFiles, renew: Callable[[], object] | None, every: float
) -> None:
    """For ever: let `renew` write new files if it is time, and load what has changed. `every` in seconds."""
    while True:
        await asyncio.sleep(every)
        if renew is not None:
            try:
                await asyncio.to_thread(renew)
            except (OSError, CertificateError) as error:
                log.error("The certificate could not be renewed: %s", error)
        files.reload(*contexts)
