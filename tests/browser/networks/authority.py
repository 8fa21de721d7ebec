"""A certification authority of our own: browsers trust its root, servers bear what it signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core import clock

_LIFE = timedelta(days=2)


@dataclass(frozen=True)
class Authority:
    """PEM files."""

    root: Path
    certificate: Path
    key: Path


def make(folder: Path, hosts: Sequence[str]) -> Authority:
    """A root, and a certificate of it for these names."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Kinbridge tests")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kinbridge.test")])
    authority = x509.BasicConstraints(ca=True, path_length=0)
    root = _begun(root_name, root_name, root_key.public_key()).add_extension(authority, critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    leaf = (
        _begun(name, root_name, key.public_key())
        .add_extension(names, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    made = Authority(folder / "root.pem", folder / "server.pem", folder / "server.key")
    for path, builder in ((made.root, root), (made.certificate, leaf)):
        path.write_bytes(builder.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return made


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = clock.now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
    )
