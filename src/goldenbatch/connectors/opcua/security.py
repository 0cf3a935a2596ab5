"""Who we are to a server and which servers we believe: certificates and the trust list.

A certificate is believed when it lies in `trusted/` of the connection's folder, when the card
names its SHA-256, or when an authority in `trusted/` issued it and none of its lists in `crl/`
revokes it. Nothing is believed because it was seen first: what is refused is kept in
`rejected/`, from where a person may move it.

References:
    OPC 10000-4, 6.1.3 (determining if a certificate is trusted); OPC 10000-6, 6.2.2.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from goldenbatch.core.acquisition import SourceError

if TYPE_CHECKING:
    from cryptography import x509

    from goldenbatch.connectors.opcua.settings import Security

CERTIFICATE, KEY = "certificate.der", "key.pem"
TRUSTED, REJECTED, REVOKED = "trusted", "rejected", "crl"
VALID_DAYS = 5 * 365
WARN_DAYS = 30
"""A certificate that ends within so many days is said in the source's health."""
N_BITS = 2048
"""Largest key size that every policy of this connector takes without doubt (Part 7)."""
MAX_REJECTED = 20


def thumbprint(certificate: bytes) -> str:
    """SHA-256 of a certificate (DER), hexadecimal.

    >>> thumbprint(b"not a certificate")[:16]
    '47209c9b7af839de'
    """
    return hashlib.sha256(certificate).hexdigest()


@dataclass(frozen=True)
class Identity:
    """Our own application certificate.

    Attributes:
        certificate: File of the certificate (DER).
        key: File of its private key (PEM), readable by its owner only.
    """

    certificate: Path
    key: Path

    @cached_property
    def parsed(self) -> x509.Certificate:
        """The certificate."""
        from cryptography import x509

        return x509.load_der_x509_certificate(self.certificate.read_bytes())

    @property
    def uri(self) -> str:
        """Application URI as the certificate says it."""
        return application_uri(self.parsed)

    def days_left(self, now: int) -> float:
        """Days until it ends, from a time in microseconds UTC."""
        return (self.parsed.not_valid_after_utc.timestamp() - now / 1e6) / 86_400


def certificate_health(identity: Identity, server: bytes, now: int) -> dict[str, float | str]:
    """Until when the certificates of a line are good, and what must be renewed soon.

    Args:
        identity: Ours.
        server: The server's, DER; empty: it has none.
        now: Present time, microseconds UTC.
    """
    from cryptography import x509

    days = {"our": identity.days_left(now)}
    if server:
        end = x509.load_der_x509_certificate(server).not_valid_after_utc.timestamp()
        days["the server's"] = (end - now / 1e6) / 86_400
    soon = [
        f"{whose} certificate ends in {max(0, round(left))} days"
        for whose, left in days.items()
        if left < WARN_DAYS
    ]
    told: dict[str, float | str] = {"certificate_days": round(days["our"])}
    if server:
        told["server_certificate_days"] = round(days["the server's"])
    return {**told, "certificate_warning": "; ".join(soon)}


def application_uri(certificate: x509.Certificate) -> str:
    """Application URI in a certificate's alternative name; empty when there is none."""
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ""
    uris = names.value.get_values_for_type(x509.UniformResourceIdentifier)
    return uris[0] if uris else ""


def ensure_identity(folder: Path, name: str, now: int) -> Identity:
    """The application certificate of a connection, made when there is none yet.

    Args:
        folder: Where it lies.
        name: Name of the connection.
        now: Present time, microseconds UTC.

    Raises:
        SourceError: The certificate has ended, or one of its two files is missing.
    """
    found = Identity(folder / CERTIFICATE, folder / KEY)
    if not found.certificate.exists() and not found.key.exists():
        _make_identity(found, name, now)
    for path in (found.certificate, found.key):
        if not path.is_file():
            raise SourceError(
                f"connection {name!r}: {path.name} of its certificate is missing.",
                hint=f"Bring it back, or remove both files in {folder.name} to be made anew.",
            )
    if found.days_left(now) <= 0:
        raise SourceError(
            f"connection {name!r}: our certificate ended on {found.parsed.not_valid_after_utc}.",
            hint=f"Remove {CERTIFICATE} and {KEY}; servers must then trust the new one.",
        )
    return found


def _make_identity(identity: Identity, name: str, now: int) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    identity.key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in (TRUSTED, REJECTED, REVOKED):
        (identity.key.parent / folder).mkdir(exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65_537, key_size=N_BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    certificate = _self_signed(key, name, now).public_bytes(serialization.Encoding.DER)
    _write_private(identity.key, pem)
    _write_private(identity.certificate, certificate)


def _self_signed(key: object, name: str, now: int) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    if not isinstance(key, RSAPrivateKey):
        raise TypeError("an RSA key is needed")
    host = socket.gethostname()
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"goldenbatch {name}"[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "goldenbatch"),
        ]
    )
    start = datetime.datetime.fromtimestamp(now / 1e6, datetime.UTC)
    names = [x509.UniformResourceIdentifier(f"urn:{host}:goldenbatch:{name}"), x509.DNSName(host)]
    usage = dict.fromkeys(("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False)
    wanted = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - datetime.timedelta(hours=1))
        .not_valid_after(start + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(key_agreement=False, **dict.fromkeys(wanted, True), **usage),
            critical=True,
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _write_private(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


class Trust:
    """Which server certificates are believed.

    Args:
        folder: Folder of the connection, with `trusted/`, `rejected/` and `crl/`.
        security: What the card says.
        name: Name of the connection.
    """

    def __init__(self, folder: Path, security: Security, name: str) -> None:
        self._folder, self._security, self._name = folder, security, name

    def check(self, chain: bytes, uri: str, now: int) -> bytes:
        """The server's own certificate (DER), if it is believed.

        Args:
            chain: What the endpoint shows: a certificate, perhaps followed by its issuers.
            uri: Application URI that the server says it has.
            now: Present time, microseconds UTC.

        Raises:
            SourceError: It is not believed; says why and what to do.
        """
        from cryptography import x509

        own = leading(chain)
        try:
            parsed = x509.load_der_x509_certificate(own)
        except ValueError as error:
            raise SourceError(
                f"connection {self._name!r}: the server shows no certificate.",
                hint="Correct the server's certificate, or the card's security policy.",
            ) from error
        if not self._is_trusted(own, parsed):
            self._refuse(own, "is not trusted")
        moment = datetime.datetime.fromtimestamp(now / 1e6, datetime.UTC)
        is_valid = parsed.not_valid_before_utc <= moment <= parsed.not_valid_after_utc
        if not is_valid and not self._security.is_expired_trusted:
            self._refuse(own, f"is valid only until {parsed.not_valid_after_utc:%Y-%m-%d}")
        if uri and application_uri(parsed) != uri:
            self._refuse(own, f"names {application_uri(parsed)!r}, but the server is {uri!r}")
        return own

    def _refuse(self, own: bytes, why: str) -> None:
        print_ = thumbprint(own)
        folder = self._folder / REJECTED
        folder.mkdir(parents=True, exist_ok=True)
        if len(list(folder.iterdir())) < MAX_REJECTED:
            (folder / f"{print_}.der").write_bytes(own)
        raise SourceError(
            f"connection {self._name!r}: the server's certificate {print_} {why}.",
            hint=f"Compare it with the server's; then write it under security.server_thumbprints "
            f"or move it from {REJECTED}/ to {TRUSTED}/.",
        )

    def _is_trusted(self, own: bytes, parsed: x509.Certificate) -> bool:
        if thumbprint(own) in self._security.server_thumbprints:
            return True
        listed = list(self._certificates())
        if any(_der(one) == own for one in listed):
            return True
        return any(_has_issued(one, parsed) for one in listed) and not self._is_revoked(
            parsed, listed
        )

    def _certificates(self) -> Iterator[x509.Certificate]:
        from cryptography import x509

        for path in _files(self._folder / TRUSTED):
            content = path.read_bytes()
            try:
                if content.lstrip().startswith(b"-----BEGIN"):
                    yield from x509.load_pem_x509_certificates(content)
                else:
                    yield x509.load_der_x509_certificate(content)
            except ValueError as error:
                raise SourceError(
                    f"connection {self._name!r}: {TRUSTED}/{path.name} is no certificate.",
                    hint="Remove it, or put a certificate (DER or PEM) in its place.",
                ) from error

    def _is_revoked(self, parsed: x509.Certificate, issuers: Iterable[x509.Certificate]) -> bool:
        from cryptography import x509

        known = list(issuers)
        for path in _files(self._folder / REVOKED):
            content = path.read_bytes()
            is_pem = content.lstrip().startswith(b"-----BEGIN")
            read = x509.load_pem_x509_crl if is_pem else x509.load_der_x509_crl
            revoked = read(content)
            is_signed = any(
                one.subject == revoked.issuer and revoked.is_signature_valid(one.public_key())  # type: ignore[arg-type]
                for one in known
            )
            entry = revoked.get_revoked_certificate_by_serial_number(parsed.serial_number)
            if is_signed and revoked.issuer == parsed.issuer and entry is not None:
                return True
        return False


def _files(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_file()) if folder.is_dir() else []


def _der(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.DER)


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether an authority issued a certificate directly."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        basic = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
        if not basic.value.ca:
            return False
        certificate.verify_directly_issued_by(issuer)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    return True


def leading(chain: bytes) -> bytes:
    """The first certificate of several that stand one after the other (DER).

    >>> leading(bytes.fromhex("3082000141" + "30820001")).hex()
    '3082000141'
    """
    if len(chain) < 4 or chain[0] != 0x30:
        return chain
    if chain[1] < 0x80:
        return chain[: 2 + chain[1]]
    n = chain[1] & 0x7F
    return chain[: 2 + n + int.from_bytes(chain[2 : 2 + n], "big")]
