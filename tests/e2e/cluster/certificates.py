"""A certificate authority that lives as long as a test's control plane: server, client and service account keys."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 2
NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
ADDRESSES = ("127.0.0.1", "10.0.0.1")


def write_all(directory: Path) -> None:
    """Write ca, server, admin (group system:masters) and the service account pair into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    authority = _key(directory / "ca.key")
    root = _signed(_name("sluice-test-ca"), authority, _name("sluice-test-ca"), authority, None)
    _pem(directory / "ca.crt", root)
    for name, subject in {"server": _name("kube-apiserver"), "admin": _name("admin", "system:masters")}.items():
        key = _key(directory / f"{name}.key")
        _pem(directory / f"{name}.crt", _signed(subject, key, root.subject, authority, name == "server"))
    accounts = _key(directory / "accounts.key")
    public = accounts.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (directory / "accounts.pub").write_bytes(public)


def _name(common: str, group: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, group), *parts] if group else parts)


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    return key


def _signed(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    signer: ec.EllipticCurvePrivateKey,
    serves: bool | None,
) -> x509.Certificate:
    """Sign one certificate: of the authority itself (None), of a server, of a client."""
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=DAYS))
    made = made.add_extension(x509.BasicConstraints(ca=serves is None, path_length=None), critical=True)
    if serves is not None:
        usage = ExtendedKeyUsageOID.SERVER_AUTH if serves else ExtendedKeyUsageOID.CLIENT_AUTH
        made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if serves:
        places = [x509.DNSName(name) for name in NAMES]
        places += [x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES]
        made = made.add_extension(x509.SubjectAlternativeName(places), critical=False)
    return made.sign(signer, hashes.SHA256())


def _pem(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
