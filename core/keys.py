"""The installation's signing key: Ed25519 (RFC 8032), made once, kept under `data_dir/keys`.

    keys/signing.key    the private key, PKCS #8 PEM, readable by its owner only
    keys/<id>.pub       every public key this installation ever signed with, PEM

A key's id is the first 16 hexadecimal digits of the SHA-256 of its raw 32 bytes. Public keys are never
removed: what an old key sealed must verify as long as the seal is kept.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core import placing
from core.errors import Misconfigured

PublicKeys = Mapping[str, bytes]  # key id -> raw 32 bytes


def key_id(public: bytes) -> str:
    """The id of a raw public key."""
    return hashlib.sha256(public).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with the present key."""

    key_id: str
    _private: Ed25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of a pure Ed25519 signature."""
        return self._private.sign(message)


def verify(public_keys: PublicKeys, signed_by: str, signature: bytes, message: bytes) -> bool:
    """Whether `signature` is that of key `signed_by`; False for a key that is not among `public_keys`."""
    public = public_keys.get(signed_by)
    if public is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def signer(data_dir: Path) -> Signer:
    """The present key, made at the first call. Raises `Misconfigured` for a file that is no such key."""
    folder = data_dir / "keys"
    private_path = folder / "signing.key"
    placing.make(folder)
    if not private_path.exists():
        placing.place(private_path, [_fresh()], over=False)
    try:
        private = serialization.load_pem_private_key(private_path.read_bytes(), password=None)
    except ValueError as error:
        raise Misconfigured(problem=f"{private_path} is not a private key") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise Misconfigured(problem=f"{private_path} is not an Ed25519 key")
    public = private.public_key()
    mine = key_id(public.public_bytes_raw())
    path = folder / f"{mine}.pub"
    if not path.exists():
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        placing.place(path, [pem], over=False)
    return Signer(mine, private)


def rotate(data_dir: Path) -> Signer:
    """Puts a new signing key in place of the present one; the old public key stays."""
    signer(data_dir)  # its public half is on record before the private half goes
    placing.place(data_dir / "keys" / "signing.key", [_fresh()])
    return signer(data_dir)


def public_keys(folder: Path) -> dict[str, bytes]:
    """Every `*.pub` in `folder`, by id; raises `Misconfigured` for a renamed or foreign file."""
    keys = {}
    for path in sorted(folder.glob("*.pub")):
        raw = read_public(path.read_bytes())
        if key_id(raw) != path.stem:
            raise Misconfigured(problem=f"{path} holds another key than its name says")
        keys[path.stem] = raw
    return keys


def read_public(pem: bytes) -> bytes:
    """The raw 32 bytes of an exported public key; raises `Misconfigured` for anything else."""
    try:
        public = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise Misconfigured(problem="this is not a public key") from error
    if not isinstance(public, Ed25519PublicKey):
        raise Misconfigured(problem="this is not an Ed25519 public key")
    return public.public_bytes_raw()


def _fresh() -> bytes:
    """A new private key, PEM."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
