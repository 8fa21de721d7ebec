"""How a file lies on the disk encrypted: records that open one by one, so that it grows, tears and seeks well. Pure.

    file    head record*
    head    "KBL1", salt (32 bytes), clear bytes of each full record (4, big-endian; 0: each tells its own; the
            highest bit: what is locked is a plan, see `recording.laid`)
    record  [length of its clear text, 4 bytes, where each tells its own] ciphertext, tag (16 bytes)

AES-256-GCM (NIST SP 800-38D) with a key for each file: HKDF-SHA256 (RFC 5869) of the recording's key, the head's
salt and the file's name. The nonce is the record's number and whether it is the last one: none can be left out,
put elsewhere or cut off at the end unseen (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár). A
growing file has no last record: where it ends is where it was cut.
"""

import hashlib
import hmac
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CIPHER = "AES-256-GCM"
MAGIC = b"KBL1"
SALT = 32
HEAD = len(MAGIC) + SALT + 4
TAG = 16
LENGTH = 4
PIECE = 64 << 10  # clear bytes of a full record: what one jump in a player decrypts at least
PLAN = 1 << 31
KEY = 32
_LARGEST = 64 << 20  # of a record that tells its own length; a damaged length shall not take all memory


class DamagedError(Exception):
    """What was locked does not open: another key, or changed bytes."""


@dataclass(frozen=True, slots=True)
class Key:
    """The key of one recording: 32 bytes that nobody sees."""

    secret: bytes

    @classmethod
    def fresh(cls) -> "Key":
        return cls(os.urandom(KEY))

    @property
    def fingerprint(self) -> str:
        """Names the key without telling anything of it."""
        return hmac.new(self.secret, b"kinbridge/fingerprint", hashlib.sha256).hexdigest()[:16]

    def salt_of(self, name: str, digest: bytes) -> bytes:
        """The salt of a finished file from its content: the same content gives the same file, whoever locks
        it and how often; another content gets another key."""
        return hmac.new(
            self.secret, b"kinbridge/salt" + name.encode() + b"\0" + digest, hashlib.sha256
        ).digest()

    def of_file(self, name: str, head: "Head") -> bytes:
        """The key of one file."""
        about = f"kinbridge/file/{head.kind}/{name}".encode()
        return HKDF(hashes.SHA256(), KEY, salt=head.salt, info=about).derive(self.secret)

    def cipher(self, name: str, head: "Head") -> AESGCM:
        return AESGCM(self.of_file(name, head))


class Cipher(Protocol):
    """Who has a file's key: that of the recording, or those of some of its files alone."""

    def cipher(self, name: str, head: "Head") -> AESGCM: ...


@dataclass(frozen=True, slots=True)
class FileKeys:
    """The keys of some files by their names: they open these and nothing else. Raises `DamagedError` for others."""

    keys: Mapping[str, bytes]

    def cipher(self, name: str, head: "Head") -> AESGCM:
        del head
        if name not in self.keys:
            raise DamagedError(f"there is no key of {name}")
        return AESGCM(self.keys[name])


def commitment(key: bytes) -> str:
    """What a manifest says of a file's key: no other key opens the file as this one does, and nobody learns it."""
    return hashlib.sha256(b"kinbridge/commitment" + key).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the records. `piece` 0: each tells its own length. `plan`: of what is locked."""

    salt: bytes
    piece: int
    plan: bool = False

    @property
    def kind(self) -> int:
        return self.piece | PLAN * self.plan

    def encoded(self) -> bytes:
        return MAGIC + self.salt + self.kind.to_bytes(4)

    @classmethod
    def read(cls, data: bytes) -> "Head | None":
        """`None` for a file that is not locked, or whose head was cut off."""
        if len(data) < HEAD or data[: len(MAGIC)] != MAGIC:
            return None
        kind = int.from_bytes(data[HEAD - 4 : HEAD])
        return cls(data[len(MAGIC) : len(MAGIC) + SALT], kind & ~PLAN, bool(kind & PLAN))


def _nonce(number: int, last: bool) -> bytes:
    return struct.pack(">7xIB", number, last)


class Growing:
    """Locks a file that is only appended to."""

    def __init__(self, key: Key, name: str) -> None:
        self._head = Head(os.urandom(SALT), 0)
        self._cipher = key.cipher(name, self._head)
        self._number = 0

    def lock(self, clear: bytes | bytearray) -> bytearray:
        """The next record, with the head before the first. Never called twice with what is written once."""
        begins = b"" if self._number else self._head.encoded()
        at = len(begins) + LENGTH
        out = bytearray(at + len(clear) + TAG)
        out[:at] = begins + len(clear).to_bytes(LENGTH)
        with memoryview(out) as view:
            self._cipher.encrypt_into(_nonce(self._number, last=False), clear, None, view[at:])
        self._number += 1
        return out


def plan_head(key: Key, name: str, digest: bytes) -> Head:
    """The head of a plan with that SHA-256."""
    return Head(key.salt_of(name, digest), PIECE, plan=True)


def lock(
    pieces: Iterable[bytes], key: Key, name: str, digest: bytes, *, plan: bool = False
) -> Iterator[bytes]:
    """A finished file's bytes in order. `digest`: SHA-256 that no other clear text has; `plan`: it is one."""
    head = plan_head(key, name, digest) if plan else Head(key.salt_of(name, digest), PIECE)
    cipher = key.cipher(name, head)
    yield head.encoded()
    number, held = 0, bytearray()
    for piece in pieces:
        held += piece
        if len(held) <= PIECE:
            continue
        start = 0
        with memoryview(held) as view:
            while len(held) - start > PIECE:  # the last record is never empty, and known as the last
                yield cipher.encrypt(_nonce(number, last=False), view[start : start + PIECE], None)
                number, start = number + 1, start + PIECE
        del held[:start]
    yield cipher.encrypt(_nonce(number, last=True), bytes(held), None)


class Opener:
    """Opens the records of one file. Raises `DamagedError`."""

    def __init__(self, key: Cipher, name: str, head: Head) -> None:
        self.head = head
        self._cipher = key.cipher(name, head)

    def open(self, number: int, record: bytes | memoryview, *, last: bool = False) -> bytes:
        """The clear text of a record, given without the length before it."""
        try:
            return self._cipher.decrypt(_nonce(number, last), record, None)
        except InvalidTag as error:
            raise DamagedError(f"record {number} does not open") from error


def length_of(data: bytes) -> int | None:
    """The clear length that stands before a record; `None` for one that never was written."""
    found = int.from_bytes(data)
    return found if len(data) == LENGTH and 0 < found <= _LARGEST else None
