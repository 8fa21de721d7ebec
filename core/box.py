"""Sealing small secrets and files at rest: AES-256-GCM with keys derived from the installation's secret.

The key of a purpose is HKDF-SHA256 of the secret with the purpose as `info` (RFC 5869), so a sealed proof
cannot be opened as a TOTP seed. A box is `0x01 || nonce (12) || ciphertext || tag (16)`.
"""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"\x01"


class BrokenBoxError(Exception):
    """The box was made with another key or context, or was tampered with."""


class Box:
    """Seals and opens bytes for one purpose."""

    def __init__(self, secret: str, purpose: str) -> None:
        self._key = HKDF(hashes.SHA256(), 32, salt=None, info=f"kinbridge/{purpose}".encode()).derive(
            secret.encode()
        )
        self._aead = AESGCM(self._key)

    def seal(self, plain: bytes, context: str) -> bytes:
        """`context` (an id) is bound to the box: it opens only under the same one."""
        nonce = os.urandom(12)
        return _VERSION + nonce + self._aead.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Raises `BrokenBoxError` for anything but an untouched box of this purpose and context."""
        if sealed[:1] != _VERSION or len(sealed) < 29:
            raise BrokenBoxError
        try:
            return self._aead.decrypt(sealed[1:13], sealed[13:], context.encode())
        except InvalidTag as error:
            raise BrokenBoxError from error

    def index(self, value: str) -> str:
        """A keyed digest (HMAC-SHA256, hex) by which a sealed value can be found without being readable."""
        return hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()
