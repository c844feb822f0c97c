"""Whom the connector trusts: the operating system's certificate store, plus one CA file where the owner names it.

TLS 1.2 or newer, the host name is always checked, and there is no way to turn verification off. `truststore` asks the
system at each handshake, so what a company's IT installs counts at once (on Linux also the file in SSL_CERT_FILE).
"""

from __future__ import annotations

import ssl
from pathlib import Path

import truststore


class BadCaFile(ValueError):
    """The extra CA file cannot be used. The text says why."""


def ssl_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """A new context. Each consumer makes its own: httpcore sets ALPN on the one it is given."""
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
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
