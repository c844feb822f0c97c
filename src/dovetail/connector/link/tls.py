"""Whom the connector trusts: the operating system's certificate store, plus one CA file where the owner names it.

TLS 1.2 or newer, the host name is always checked, and there is no way to turn verification off. `truststore` asks the
system at each handshake, so what a company's IT installs counts at once (on Linux also the file in SSL_CERT_FILE).

Pins are on top of that, never instead: hashes of the server's own public key (RFC 7469 section 2.4). A pin of a CA's
key is of no use here, for not every system tells which chain it has verified.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import truststore
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PIN_PREFIX = "sha256/"


class BadCaFile(ValueError):
    """The extra CA file cannot be used. The text says why."""


class BadPin(ValueError):
    """What was typed is no pin. The text says why."""


class PinMismatch(ssl.SSLCertVerificationError):
    """The certificate is trusted, but its key is none of those that the owner has pinned."""


def ssl_context(ca_file: Path | None = None, pins: tuple[str, ...] = ()) -> ssl.SSLContext:
    """A new context. Each consumer makes its own: httpcore sets ALPN on the one it is given."""
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.pins = pins
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except FileNotFoundError:
            raise BadCaFile(f"There is no file {ca_file}: name the certificate of the CA your server uses.") from None
        except ssl.SSLError:
            raise BadCaFile(f"{ca_file} holds no CA certificate in PEM form.") from None
        except OSError as error:
            raise BadCaFile(f"{ca_file} cannot be read: {error.strerror}.") from None
    return context


def read_pin(text: str) -> str:
    """``sha256/`` and the base64 of 32 bytes, in one spelling."""
    kind, _, encoded = text.strip().partition("/")
    try:
        digest = base64.b64decode(encoded.lstrip("/"), validate=True)
    except ValueError:
        digest = b""
    if kind.lower() != "sha256" or len(digest) != hashlib.sha256().digest_size:
        raise BadPin(
            f"{text!r} is no pin: it looks like sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=, and `dovetail"
            " doctor network` shows that of a server."
        )
    return PIN_PREFIX + base64.b64encode(digest).decode()


def pin_of(certificate: x509.Certificate) -> str:
    """Of the key in it, as :func:`read_pin` gives it."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PIN_PREFIX + base64.b64encode(hashlib.sha256(key).digest()).decode()


class _Context(truststore.SSLContext):
    """Refuses, at the end of a handshake and before a byte is said, a peer whose key is not pinned."""

    pins: tuple[str, ...] = ()

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        secured = super().wrap_socket(*arguments, **options)
        try:
            self._check(secured.getpeercert(True))
        except PinMismatch:
            secured.close()
            raise
        return secured

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        """For asyncio, which shakes hands later."""
        secured = super().wrap_bio(*arguments, **options)
        if self.pins:
            secured.do_handshake = self._checked(secured, secured.do_handshake)  # type: ignore[method-assign]
        return secured

    def _checked(self, secured: ssl.SSLObject, shake_hands: Callable[[], None]) -> Callable[[], None]:
        def do_handshake() -> None:
            shake_hands()
            self._check(secured.getpeercert(True))

        return do_handshake

    def _check(self, der: bytes | None) -> None:
        if self.pins and (der is None or pin_of(x509.load_der_x509_certificate(der)) not in self.pins):
            raise PinMismatch("the key is none of those pinned")
