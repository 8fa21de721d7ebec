"""The master keys: what the recordings' own keys are wrapped with. They lie in a file, never in the database.

    KINBRIDGE_VAULT_KEYS (default: data_dir/keys/vault.keys), readable by its owner only, a line for each version:
    <version> <32 bytes in base64>

The highest version wraps; older ones only open what they wrapped, until it is wrapped anew (`kinbridge vault
rotate`). A wrapped key is a nonce (12 bytes), ciphertext and tag of AES-256-GCM, bound to its recording: it opens
for no other.
"""

import base64
import binascii
import errno
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core import placing
from core.errors import Misconfigured
from core.settings import Settings
from recording.errors import MasterKeyMissing
from recording.locked import KEY, Key

_NONCE = 12


@dataclass(frozen=True, slots=True)
class Masters:
    """All versions that are there."""

    versions: Mapping[int, bytes]

    @property
    def newest(self) -> int:
        return max(self.versions)

    def wrap(self, key: Key, recording_id: str) -> tuple[int, bytes]:
        """The version that wrapped it, and the wrapped key."""
        nonce = os.urandom(_NONCE)
        about = _about(self.newest, recording_id)
        return self.newest, nonce + AESGCM(self.versions[self.newest]).encrypt(nonce, key.secret, about)

    def unwrap(self, version: int, wrapped: bytes, recording_id: str) -> Key:
        """Raises `MasterKeyMissing` for a version that is not there, or is not the one it was."""
        master = self.versions.get(version)
        if master is None:
            raise MasterKeyMissing(version=version)
        try:
            opened = AESGCM(master).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], _about(version, recording_id))
        except InvalidTag as error:
            raise MasterKeyMissing(version=version) from error
        return Key(opened)


def _about(version: int, recording_id: str) -> bytes:
    return f"kinbridge/vault/{version}/{recording_id}".encode()


def path_of(settings: Settings) -> Path:
    return settings.vault_keys or settings.data_dir / "keys" / "vault.keys"


def load(settings: Settings) -> Masters:
    """The master keys; the first is made where there is no file yet and its place was not chosen. Blocks. Raises
    `Misconfigured` for a file that was chosen and is not there, or holds something else."""
    path = path_of(settings)
    if settings.vault_keys is None and not path.exists():
        placing.make(path.parent)
        _place(path, {1: secrets.token_bytes(KEY)}, over=False)
    return read(path)


def read(path: Path) -> Masters:
    """Raises `Misconfigured`."""
    try:
        lines = path.read_text().splitlines()
        found = [line.split() for line in lines if line.strip() and not line.startswith("#")]
        versions = {int(number): base64.b64decode(text, validate=True) for number, text in found}
    except OSError as error:
        raise Misconfigured(problem=f"KINBRIDGE_VAULT_KEYS: {path}: {error.strerror}") from error
    except (ValueError, binascii.Error) as error:
        raise Misconfigured(problem=f"{path} holds no master keys") from error
    if len(versions) != len(found) or not versions or {len(one) for one in versions.values()} != {KEY}:
        raise Misconfigured(problem=f"{path} holds no master keys, or one of them twice")
    return Masters(versions)


def make(path: Path) -> Masters:
    """A new file with a first key. Raises `FileExistsError`."""
    if path.exists():
        raise FileExistsError(errno.EEXIST, "there is a file already", str(path))
    _place(path, {1: secrets.token_bytes(KEY)}, over=False)
    return read(path)


def add(path: Path) -> Masters:
    """A further version, which wraps from now on."""
    before = read(path)
    _place(path, {**before.versions, before.newest + 1: secrets.token_bytes(KEY)}, over=True)
    return read(path)


def drop(path: Path, version: int) -> Masters:
    """Without that version: whatever it still wraps is lost. Raises `Misconfigured` for the newest one, or none."""
    before = read(path)
    if version not in before.versions:
        raise Misconfigured(problem=f"{path} has no version {version}")
    if version == before.newest:
        raise Misconfigured(problem=f"version {version} is the one that wraps")
    _place(path, {number: key for number, key in before.versions.items() if number != version}, over=True)
    return read(path)


def _place(path: Path, versions: Mapping[int, bytes], *, over: bool) -> None:
    """`over` a present one, or not: then whoever was first stays. What they wrap is lost without them."""
    lines = (f"{number} {base64.b64encode(key).decode()}\n" for number, key in sorted(versions.items()))
    placing.place(path, ["".join(lines).encode()], over=over)
