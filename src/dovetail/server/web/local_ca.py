"""A certificate authority of one's own for a trial on this machine or network, and the server certificate it signs.

EC P-256 keys; the authority may sign end certificates only (RFC 5280: CA, path length 0). Server certificates
carry the given names besides localhost, last 825 days at most (the longest Apple's clients take from a
private authority), and are renewed when 30 days are left or the names change. The authority is made once, so
trusting it is done once. Left out: revocation and name constraints. Not meant for a public server: use a
public authority there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dovetail.server.web.tls import CertificateError

AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=825)
RENEW_BEFORE = timedelta(days=30)
CLOCK_SKEW = timedelta(hours=1)
ALWAYS = ("localhost", "127.0.0.1", "::1")

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


@dataclass(frozen=True)
class LocalCertificate:
    """Paths of PEM files; `trust` tells a person how to make their programs trust `authority`."""

    authority: Path
    certificate: Path
    key: Path
    trust: str


def ensure(folder: Path, names: Iterable[str], now: datetime | None = None) -> LocalCertificate:
    """Make, keep or renew the authority and the server certificate for `names` in `folder`.

    `names` are host names or IP addresses. Raises CertificateError for a name that cannot be in a certificate
    and for an authority whose files are damaged (a new one would silently undo everybody's trust), OSError
    from writing.
    """
    now = now or datetime.now(UTC)
    wanted = [subject_name(name) for name in dict.fromkeys([*names, *ALWAYS])]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority_path, authority_key = folder / "ca.pem", folder / "ca.key"
    certificate_path, key_path = folder / "server.pem", folder / "server.key"

    authority = read_authority(authority_path, authority_key)
    if authority is None or expires_soon(authority[0], now):
        authority = new_authority(now)
        write_pair(authority, authority_path, authority_key)
    if not usable(certificate_path, key_path, authority[0], wanted, now):
        write_pair(new_server_certificate(authority, wanted, now), certificate_path, key_path)
    trust = how_to_trust(authority_path, authority[0])
    return LocalCertificate(authority_path, certificate_path, key_path, trust)


def subject_name(name: str) -> x509.GeneralName:
    """`name` as a certificate holds it: an address, or a host name in its ASCII form."""
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass
    try:
        ascii_name = name.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_name = ""
    if not ascii_name.replace("-", "").replace(".", "").isalnum():
        raise CertificateError(f"{name!r} is neither a host name nor an IP address")
    return x509.DNSName(ascii_name.lower())


def expires_soon(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_after_utc - now < RENEW_BEFORE


def read_pair(certificate: Path, key: Path) -> Pair:
    """Raises OSError or ValueError when the files are not a certificate and the key that fits it."""
    read = x509.load_pem_x509_certificate(certificate.read_bytes())
    private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != read.public_key():
        raise ValueError("the key does not belong to the certificate")
    return read, private


def read_authority(certificate: Path, key: Path) -> Pair | None:
    if not certificate.exists() and not key.exists():
        return None
    try:
        return read_pair(certificate, key)
    except (OSError, ValueError, TypeError) as error:
        raise CertificateError(
            f"The local authority {certificate} and its key {key} cannot be read ({error}). "
            "Restore both, or delete both to make a new authority, which has to be trusted anew."
        ) from error


def usable(
    certificate: Path, key: Path, authority: x509.Certificate, names: list[x509.GeneralName], now: datetime
) -> bool:
    """Whether the server certificate on disk is whole, ours, lasts, and has exactly these names."""
    try:
        found, _ = read_pair(certificate, key)
        found.verify_directly_issued_by(authority)
        held = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:  # whatever is wrong with it, a new one is the answer
        return False
    return list(held) == names and not expires_soon(found, now)


def new_authority(now: datetime) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Dovetail"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Dovetail local authority, made {now:%Y-%m-%d}"),
        ]
    )
    usage = key_usage(key_cert_sign=True, crl_sign=True)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now - CLOCK_SKEW + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.sign(key, hashes.SHA256()), key


def new_server_certificate(authority: Pair, names: list[x509.GeneralName], now: datetime) -> Pair:
    issuer, issuer_key = authority
    key = ec.generate_private_key(ec.SECP256R1())
    start = now - CLOCK_SKEW
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Dovetail")])
    issuer_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(min(start + SERVER_LIFE, issuer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256()), key


def key_usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def write_pair(pair: Pair, certificate: Path, key: Path) -> None:
    """The key first: until the certificate follows, the two do not fit, and nobody loads them."""
    pem_key = pair[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write(key, pem_key, mode=0o600)
    write(certificate, pair[0].public_bytes(serialization.Encoding.PEM), mode=0o644)


def write(path: Path, content: bytes, mode: int) -> None:
    """Replace the file as a whole; its content is never readable under wider rights than `mode`."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def how_to_trust(path: Path, authority: x509.Certificate) -> str:
    fingerprint = authority.fingerprint(hashes.SHA256()).hex(":").upper()
    return f"""\
Browsers and the connector trust this server once they trust its authority:
  {path.absolute()}
  SHA-256 {fingerprint}
Windows         certutil -user -addstore Root ca.pem
Debian, Ubuntu  sudo cp ca.pem /usr/local/share/ca-certificates/dovetail-local.crt && sudo update-ca-certificates
macOS           security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db ca.pem
Firefox         Settings > Privacy & Security > Certificates > View Certificates > Authorities > Import
Copy ca.pem to each machine that should trust it, never ca.key. Remove it there when the trial is over."""
