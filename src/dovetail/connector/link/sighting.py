"""Who vouches for the server's certificate, and whether somebody opens TLS on the way: for status and doctor.

A company that opens TLS signs with a CA of its own, which IT has put into the system's store. So what the system
trusts, but neither the public authorities nor a CA file that the owner named do, is either opened or a server with a
private CA; a ``Via`` header in its answers, or an issuer that was another one before, says which. It is told, never
forbidden: the credential does not cross the wire (see SECURITY.md).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.x509.oid import NameOID
from pydantic import BaseModel, ConfigDict, ValidationError

from dovetail.connector.atomic import write_private
from dovetail.connector.link.transport import handshake

FILE_NAME = "network.json"
JUDGE_SECONDS = 10.0


class Inspection(StrEnum):
    NO = "no"
    POSSIBLE = "possible"  # a private CA: the server's own, or that of something in between
    YES = "yes"


class Sighting(BaseModel):
    """What was last seen of the way to the server. `way` and `found` in words; `usual_issuer` vouched before."""

    model_config = ConfigDict(frozen=True)

    host: str = ""
    way: str = ""
    found: str = ""
    notice: str = ""
    issuer: str = ""
    usual_issuer: str = ""
    inspected: Inspection = Inspection.NO
    at: datetime | None = None


class Sightings:
    """Kept in `file` where one is given. `open_stream` is the egress's; `ca_file` what the owner named."""

    def __init__(
        self, open_stream: Callable[[str, int, float], socket.socket], ca_file: Path | None, file: Path | None
    ) -> None:
        self._open = open_stream
        self._ca_file = ca_file
        self._file = file
        self.last = read_sighting(file)

    def saw_tls(self, host: str, port: int, connected: ssl.SSLSocket) -> None:
        issuer = issuer_of(connected)
        if (host, issuer) == (self.last.host, self.last.issuer):
            return
        known = self.is_vouched_for(host, port)
        before = self.last.usual_issuer if self.last.host == host else ""
        inspected = Inspection.NO if known else Inspection.YES if before else Inspection.POSSIBLE
        usual = issuer if known else before
        self._note(host=host, issuer=issuer, usual_issuer=usual, inspected=inspected)

    def saw_answer(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        if self.last.inspected is Inspection.POSSIBLE and any(name.lower() == b"via" for name, _ in headers):
            self._note(inspected=Inspection.YES)

    def went(self, way: str, found: str, notice: str) -> None:
        if (way, found, notice) != (self.last.way, self.last.found, self.last.notice):
            self._note(way=way, found=found, notice=notice)

    def is_vouched_for(self, host: str, port: int) -> bool:
        """Whether public authorities or the owner's CA file would have trusted it: found out by another handshake."""
        context = ssl.create_default_context(cafile=certifi.where())
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        try:
            handshake(self._open(host, port, JUDGE_SECONDS), context, host, JUDGE_SECONDS).close()
        except ssl.SSLCertVerificationError:
            return False
        except OSError:
            return True  # cut: not a reason to raise an alarm
        return True

    def keep_in(self, file: Path) -> None:
        """From now on, and what was seen so far."""
        self._file = file
        self._note()

    def _note(self, **changes: object) -> None:
        self.last = self.last.model_copy(update={**changes, "at": datetime.now(UTC)})
        if self._file is not None:
            write_private(self._file, self.last.model_dump_json(indent=2) + "\n")


def read_sighting(file: Path | None) -> Sighting:
    """An empty one where nothing was seen yet."""
    try:
        return Sighting.model_validate_json(file.read_bytes()) if file else Sighting()
    except (OSError, ValidationError):
        return Sighting()


def issuer_of(connected: ssl.SSLSocket) -> str:
    """Who signed the peer's certificate."""
    der = connected.getpeercert(True)  # the parsed form is empty where the system verifies, as on Windows
    if not der:
        return "nobody"
    return name_of(x509.load_der_x509_certificate(der).issuer)


def name_of(name: x509.Name) -> str:
    """Common name and organisation, as far as there are any."""
    kinds = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    found = [str(attribute.value) for kind in kinds for attribute in name.get_attributes_for_oid(kind)]
    return ", ".join(dict.fromkeys(found)) or name.rfc4514_string() or "nobody"


def inspection_words(sighting: Sighting) -> str:
    """One sentence, or nothing where nothing is to be said."""
    match sighting.inspected:
        case Inspection.YES:
            return (
                f"TLS is inspected on the way: the certificate is from {sighting.issuer}"
                + (f", not from {sighting.usual_issuer}" if sighting.usual_issuer else "")
                + ". Whoever runs it can read what is synced; the credential stays secret."
            )
        case Inspection.POSSIBLE:
            return (
                f"The certificate is from {sighting.issuer}, which only this PC's system trusts: the server has a"
                " private CA, or TLS is inspected on the way."
            )
        case _:
            return ""
